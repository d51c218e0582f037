import type { Checker, Finding } from "../checker.ts";
import { decide, EvidenceList, passed, unknown } from "../checker.ts";
import { captureGap, stampsAreLate } from "../completeness.ts";
import { expectationOf } from "../expectation.ts";
import type { HistoryHost } from "../history.ts";
import type { Scene } from "../scene.ts";
import type { Tenure } from "../tenures.ts";

/**
 * When a member that was replaced may send again: as the standby of the one that serves, once it has joined it
 * under its epoch, or when it serves again itself.
 */
function silentUntil(scene: Scene, replaced: HistoryHost, by: Tenure): number {
  const { history, succession } = scene;
  const rejoined = history.events.find(
    ({ name, at, detail }) =>
      name === "rejoined" &&
      at >= by.fromUs &&
      (typeof detail["epoch"] !== "number" || detail["epoch"] >= by.epoch),
  );
  const again = succession.tenures.find(({ host, epoch }) => host === replaced.name && epoch > by.epoch);
  return Math.min(rejoined?.at ?? Number.POSITIVE_INFINITY, again?.fromUs ?? Number.POSITIVE_INFINITY);
}

function addPackets(
  scene: Scene,
  replaced: HistoryHost,
  by: Tenure,
  errorMicros: number,
  found: { readonly violations: EvidenceList; readonly undecided: EvidenceList },
): void {
  const until = silentUntil(scene, replaced, by);
  // A packet with a late stamp may have left before the takeover.
  const lateStamps = stampsAreLate(scene.history, replaced.name);
  for (const packet of scene.history.packets) {
    if (packet.host !== replaced.name || packet.direction !== "out") continue;
    const afterMicros = packet.at - by.fromUs;
    if (afterMicros <= -errorMicros || packet.at >= until) continue;
    const proven = afterMicros > errorMicros && packet.at < until - errorMicros && !lateStamps;
    (proven ? found.violations : found.undecided).add({
      text: `a packet left ${replaced.name} ${Math.abs(afterMicros)} us ${afterMicros < 0 ? "before" : "after"} the takeover by ${by.host}; clock error ${errorMicros} us`,
      atUs: packet.at,
      packetId: packet.id,
      host: packet.host,
    });
  }
}

function withoutTakeover(scene: Scene): Finding {
  const { history } = scene;
  const { fault, fencing } = history.terms ?? {};
  const expected = expectationOf(fault, fencing);
  if (history.events.length > 0) {
    if (history.faults.length === 0) return passed("no fault and no takeover");
    if (expected !== undefined && expected.takeover !== true) {
      return passed(`no takeover, as ${expected.because}`);
    }
  }
  return unknown("no takeover was recorded");
}

function examine(scene: Scene): Finding {
  const { primary, secondary, history, succession } = scene;
  if (primary === undefined || secondary === undefined)
    return unknown("the record names no primary and secondary");
  const violations = new EvidenceList();
  const undecided = new EvidenceList();
  for (const { epoch, hosts, atUs } of succession.rivals) {
    violations.add({ text: `${hosts.join(" and ")} both changed the state under epoch ${epoch}`, atUs });
  }
  const successors = succession.tenures.slice(1);
  if (successors.length === 0 && violations.total === 0) return withoutTakeover(scene);
  const errorMicros = primary.clockErrorMicros + secondary.clockErrorMicros;
  const replaced = new Set<HistoryHost>();
  for (const tenure of successors) {
    const member = tenure.host === primary.name ? secondary : primary;
    replaced.add(member);
    addPackets(scene, member, tenure, errorMicros, { violations, undecided });
  }
  const names = [...replaced].map(({ name }) => name).join(" or ");
  const which = successors.length === 1 ? "the takeover" : `${successors.length} takeovers`;
  return decide({
    violations,
    undecided,
    failSummary: `${violations.total} packets left ${names} after ${which}`,
    passSummary: `no packet left ${names} after ${which}`,
    gap: successors.every(({ reported }) => reported)
      ? [...replaced].map(({ name }) => captureGap(history, name)).find((gap) => gap !== undefined)
      : "no takeover was recorded",
  });
}

export const oldEpochSilent: Checker = {
  id: "old-epoch-silent",
  title: "Nothing from the old epoch after the takeover",
  rule: "Fencing: one instance speaks for the association at a time",
  examine,
};
