import type { SpeakerName } from "../hosts.ts";
import { LabError, speakerOf } from "../hosts.ts";
import type { RunContext } from "./cluster.ts";

/** HB.interval may be 30 s by the defaults; a first HEARTBEAT to an unconfirmed address comes at once. */
const confirmMs = 15_000;

/**
 * Waits until whoever speaks to a cluster has confirmed the address of its standby, which answers HEARTBEATs itself
 * (RFC 9260 section 5.4): without that nobody would send there when it takes over.
 */
export async function confirmAddresses(context: RunContext): Promise<void> {
  const { lab, setting, note } = context;
  const addressOf = (name: SpeakerName): string => speakerOf(lab.hosts, name).outside.address;
  await confirm(context, "peer", "b");
  const several = setting.associations === 1 ? "one association" : `${setting.associations} associations`;
  note(`${several}, both addresses confirmed: ${addressOf("a")} (a) and ${addressOf("b")} (b)`);
  if (setting.peer !== "cluster") return;
  await confirm(context, "a", "peer2");
  note(`and those of the outside end: ${addressOf("peer")} (peer) and ${addressOf("peer2")} (peer2)`);
}

async function confirm(context: RunContext, by: SpeakerName, of: SpeakerName): Promise<void> {
  const { lab, setting, recording, signal } = context;
  const { address } = speakerOf(lab.hosts, of).outside;
  const confirmed = (): boolean =>
    recording.count(by, "address-confirmed", { address }) >= setting.associations;
  if (await recording.until(confirmed, confirmMs, signal)) return;
  const who = by === "peer" ? "The outside computer" : "The primary on a";
  throw new LabError(`${who} does not confirm ${of}'s address ${address}: ${recording.whyLost()}.`);
}
