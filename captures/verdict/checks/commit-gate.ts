import { AckTimeline } from "../books.ts";
import type { Checker, Finding } from "../checker.ts";
import { decide, EvidenceList, unknown } from "../checker.ts";
import { Guard } from "../guard.ts";
import type { HostSent } from "../history.ts";
import { isAsynchronous } from "../policy.ts";
import type { Scene } from "../scene.ts";
import type { Tenure } from "../tenures.ts";

/** The lowest number of an update that a member made in its tenure. */
function firstMade(scene: Scene, tenure: Tenure): number {
  let first = Number.POSITIVE_INFINITY;
  for (const { act, host, epoch, sequence } of scene.history.updates) {
    if (act === "made" && host === tenure.host && epoch === tenure.epoch) first = Math.min(first, sequence);
  }
  return first;
}

/** What the serving member knew to be held during one tenure, by its own books. */
class KnownHeld {
  readonly guard: Guard;
  readonly acks: AckTimeline;
  /** Updates below this were held before it began, since when. */
  readonly #before: { readonly sequence: number; readonly at: number } | undefined;

  constructor(scene: Scene, tenure: Tenure) {
    const { fromUs, toUs = Number.POSITIVE_INFINITY, host, began } = tenure;
    const { placement } = scene.policies.at(toUs);
    const acked = scene.history.acked.filter(({ host: of, at }) => of === host && at >= fromUs && at < toUs);
    this.guard = new Guard(scene.history.events, tenure, placement);
    this.acks = new AckTimeline(acked);
    // Who was replaced as planned holds what it made; a store holds what it gave to who goes on.
    if (began === "handover" || (began === "takeover" && placement === "store"))
      this.#before = { sequence: firstMade(scene, tenure), at: fromUs };
  }

  firstAt(sequence: number): number | undefined {
    if (this.#before !== undefined && sequence < this.#before.sequence) return this.#before.at;
    return this.acks.firstAt(sequence);
  }
}

function addEarly(released: readonly HostSent[], known: KnownHeld, violations: EvidenceList): void {
  for (const record of released) {
    const knownAt = known.firstAt(record.dependsOn);
    if (knownAt !== undefined && knownAt <= record.at) continue;
    const lack =
      knownAt === undefined ? "was never acknowledged" : `was acknowledged ${knownAt - record.at} us later`;
    violations.add({
      text: `packet to ${record.remote} (${record.reason}) was released, but update ${record.dependsOn} ${lack}`,
      atUs: record.at,
      host: record.host,
    });
  }
}

function examine(scene: Scene): Finding {
  const { primary, history, policies, succession } = scene;
  if (primary === undefined) return unknown("the record names no primary");
  const violations = new EvidenceList();
  let count = 0;
  let alone = 0;
  let acknowledged = false;
  for (const tenure of succession.tenures) {
    const { host, fromUs, toUs = Number.POSITIVE_INFINITY } = tenure;
    const known = new KnownHeld(scene, tenure);
    acknowledged ||= !known.acks.empty;
    const waited = history.sent.filter(
      (record) =>
        record.host === host &&
        record.dependsOn > 0 &&
        record.at >= fromUs &&
        record.at < toUs &&
        !isAsynchronous(policies.at(record.at)),
    );
    const released = waited.filter((record) => known.guard.at(record.at));
    // Instances that took over go on alone until somebody joins them.
    if (tenure.began === "start" || released.length > 0) alone += waited.length - released.length;
    count += released.length;
    addEarly(released, known, violations);
  }
  if (count === 0) return unknown(`no record of ${primary.name} of a packet that waited for a commit`);
  if (!acknowledged) return unknown(`no acknowledgement known to ${primary.name} was recorded`);
  const rest = alone === 0 ? "" : `; ${alone} more while nobody held the state`;
  return decide({
    violations,
    failSummary: `${violations.total} of ${count} packets released too early`,
    passSummary: `${count} packets released, each after its acknowledgement${rest}`,
  });
}

export const commitGate: Checker = {
  id: "commit-gate",
  title: "Every released packet has an earlier replication acknowledgement",
  rule: "Output commit, by the primary's own books",
  perEnd: true,
  applies: ({ policies }) => policies.all.some((policy) => !isAsynchronous(policy)),
  examine,
};
