import type { Checker, Finding } from "../checker.ts";
import { decide, EvidenceList, passed, unknown } from "../checker.ts";
import { captureGap, stampsAreLate } from "../completeness.ts";
import { expectationOf } from "../expectation.ts";
import type { HistoryHost, HostEvent } from "../history.ts";
import type { Scene } from "../scene.ts";
import type { Tenure } from "../tenures.ts";

/** From when on a member that was replaced is the standby of the one that serves; and when it serves again itself. */
function laterPart(
  { history, succession }: Scene,
  replaced: HistoryHost,
  by: Tenure,
): { readonly standbyUs: number; readonly servesUs: number } {
  const isStandby = ({ name, host, at }: HostEvent): boolean =>
    at >= by.fromUs &&
    ((name === "rejoined" && host === replaced.name) || (name === "secondary-connected" && host === by.host));
  const joined = history.events.find(isStandby)?.at ?? Number.POSITIVE_INFINITY;
  const again = succession.tenures.find(({ host, epoch }) => host === replaced.name && epoch > by.epoch);
  return {
    standbyUs: by.began === "handover" ? by.fromUs : joined,
    servesUs: again?.fromUs ?? Number.POSITIVE_INFINITY,
  };
}

const keyOf = (checksum: number, local: string, remote: string): string => `${checksum}/${local}/${remote}`;

/** What a standby sends: answers to HEARTBEATs, and what the serving member hands it, which waits for nothing here. */
function sentAsStandby({ history }: Scene, host: string): ReadonlySet<string> {
  return new Set(
    history.sent
      .filter(({ host: of, reason, dependsOn }) => {
        return of === host && (reason === "heartbeat-ack" || (reason === "data" && dependsOn === 0));
      })
      .map(({ checksum, local, remote }) => keyOf(checksum, local, remote)),
  );
}

function addPackets(
  scene: Scene,
  replaced: HistoryHost,
  by: Tenure,
  errorMicros: number,
  found: { readonly violations: EvidenceList; readonly undecided: EvidenceList },
): void {
  const { standbyUs, servesUs } = laterPart(scene, replaced, by);
  const allowed = sentAsStandby(scene, replaced.name);
  // A packet with a late stamp may have left before the takeover.
  const lateStamps = stampsAreLate(scene.history, replaced.name);
  for (const packet of scene.history.packets) {
    if (packet.host !== replaced.name || packet.direction !== "out") continue;
    const afterMicros = packet.at - by.fromUs;
    if (afterMicros <= -errorMicros || packet.at >= servesUs) continue;
    const { checksum, sourceAddress, destinationAddress } = packet.sctp;
    const asStandby = allowed.has(keyOf(checksum, sourceAddress, destinationAddress));
    if (asStandby && packet.at >= standbyUs) continue;
    const proven =
      afterMicros > errorMicros &&
      packet.at < servesUs - errorMicros &&
      !(asStandby && packet.at >= standbyUs - errorMicros) &&
      !lateStamps;
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
  perEnd: true,
  examine,
};
