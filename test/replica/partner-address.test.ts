import { expect, it } from "vitest";
import { addressA, addressB } from "../sim/cluster.ts";
import { linkVersion } from "../../agents/replica/frames.ts";
import { MemberByHand } from "./members.ts";

/** From where a member that took over sends. */
const sources = ({ member }: MemberByHand): readonly string[] | undefined =>
  member.active?.endpoint.snapshot().sources;

function afterTakeover(): MemberByHand {
  const member = MemberByHand.current({ fencing: "prefer-availability", partnerAddresses: [addressB] });
  member.closed("partner");
  expect(member.member.role).toBe("primary");
  return member;
}

it("who took over sends from the partner's address as long as that is here", () => {
  const member = afterTakeover();
  expect(sources(member)).toEqual([addressA]);
  member.member.holdPartnerAddress(true, member.nowMs);
  expect(sources(member)).toEqual([addressA, addressB]);
  member.member.holdPartnerAddress(false, member.nowMs);
  expect(sources(member)).toEqual([addressA]);
});

it("a partner that comes and goes takes nothing away from that, and relays when the address is gone", () => {
  const member = afterTakeover();
  member.member.holdPartnerAddress(true, member.nowMs);
  member.linkUp("partner");
  member.reads("partner", { kind: "hello", epoch: 2, version: linkVersion, role: "standby" });
  member.closed("partner");
  expect(sources(member)).toEqual([addressA, addressB]);
  member.linkUp("partner");
  member.reads("partner", { kind: "hello", epoch: 2, version: linkVersion, role: "standby" });
  member.member.holdPartnerAddress(false, member.nowMs);
  expect(sources(member)).toEqual([addressA, addressB]);
});
