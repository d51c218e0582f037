import { borrowedAddresses } from "../borrowed-addresses.ts";
import type { Checker, Finding } from "../checker.ts";
import { decide, EvidenceList, passed, unknown } from "../checker.ts";
import { captureGap } from "../completeness.ts";
import type { Scene } from "../scene.ts";

/** Why nobody has the lost address, by the words of who asked for it. */
function notTaken({ history, succession }: Scene): Finding {
  const refusal = history.events.find(
    ({ name, detail }) => name === "address-takeover" && detail["step"] === "not-taken",
  );
  if (refusal !== undefined) return passed(refusal.text);
  if (history.events.length === 0) return unknown("the members' events are missing");
  return succession.tenures.some(({ began }) => began === "takeover")
    ? unknown("who took over does not say what became of the address")
    : passed("no takeover, so no address was taken");
}

function examine(scene: Scene): Finding {
  const { history } = scene;
  const borrowed = borrowedAddresses(history.events);
  if (borrowed.length === 0) return notTaken(scene);
  const violations = new EvidenceList();
  const gaps: string[] = [];
  const words = new Set<string>();
  for (const { host, address, fromUs, toUs } of borrowed) {
    const owner = history.hosts.find(({ outsideAddress }) => outsideAddress === address);
    if (owner === undefined) return unknown(`the record does not say whose address ${address} was`);
    words.add(`${host} had ${address} of ${owner.name}`);
    const gap = captureGap(history, owner.name);
    if (gap !== undefined) gaps.push(gap);
    const slackUs = owner.clockErrorMicros;
    for (const packet of history.packets) {
      const isOwners = packet.host === owner.name && packet.sctp.sourceAddress === address;
      if (!isOwners || packet.at <= fromUs + slackUs || packet.at >= toUs - slackUs) continue;
      violations.add({
        text: `a packet left ${owner.name} from ${address} while ${host} had that address`,
        atUs: packet.at,
        packetId: packet.id,
        host: owner.name,
      });
    }
  }
  return decide({
    violations,
    failSummary: `${violations.total} packets from an address that another computer had`,
    passSummary: `${[...words].join(", ")}, and nothing left there from anywhere else`,
    gap: gaps[0],
  });
}

export const oneOwner: Checker = {
  id: "one-owner",
  title: "The lost member's address is at one computer at a time",
  rule: "Address takeover: RFC 5227 (IPv4 address conflict detection), RFC 4861 section 7.2.6",
  applies: ({ history: { terms } }) => terms?.addressTakeover === true,
  examine,
};
