import { describe, expect, it } from "vitest";
import { FULL, established, full, sending } from "./kit.ts";
import { abort, data, sack } from "./sketches.ts";

describe("6.2.1 a SACK is processed", () => {
  it("what is acknowledged cumulatively is forgotten: it never comes again", () => {
    const { peer } = sending(4);
    peer.sends(sack(4));
    peer.getsNothingFor(100_000);
  });

  it("rule D i: one whose cumulative TSN is lower than before is dropped, window and all", () => {
    const { peer, user } = sending(4);
    peer.sends(sack(4));
    peer.sends(sack(2, { advertisedWindow: 0 }));
    user.sends(FULL);
    peer.gets(data(5));
  });

  it("rule D i: the gap blocks of a SACK that came late count nothing", () => {
    const { peer } = full(8);
    peer.sends(sack(2));
    // Three late SACKs that would make TSN 3 missing three times.
    for (const last of [5, 6, 7]) peer.sends(sack(1, { gaps: [[4, last]] }));
    peer.getsNothing();
  });

  it("rule D ii: the same cumulative TSN with another window is a window update", () => {
    const { peer, user } = sending(2);
    peer.sends(sack(2, { advertisedWindow: 0 }));
    user.sends(FULL);
    peer.getsNothing();
    peer.sends(sack(2, { advertisedWindow: 5000 }));
    peer.gets(data(3));
  });

  it("what a gap block acknowledges leaves the flight", () => {
    const { peer } = full(8);
    peer.sends(sack(0, { gaps: [[3, 5]] }));
    expect(peer.flight).toBe(5000);
  });

  it("what a gap block acknowledges does not come again by T3", () => {
    const { peer } = sending(4);
    peer.sends(sack(0, { gaps: [[2, 4]] }));
    peer.getsAfter(1000, data(1));
    peer.sends(sack(4));
    peer.getsNothingFor(100_000);
  });

  it("rule D iii: what a later SACK no longer reports is outstanding again", () => {
    const { peer } = full(8);
    peer.sends(sack(0, { gaps: [[3, 5]] }));
    peer.sends(sack(0, { gaps: [[3, 4]] }));
    expect(peer.flight).toBe(6000);
  });

  it("rule D iii: reneged DATA comes again by T3", () => {
    const { peer } = sending(3);
    peer.sends(sack(0, { gaps: [[2, 3]] }));
    peer.sends(sack(0));
    // All three are lost as it were: the first of them fills the packet, the others follow.
    peer.getsAfter(1000, data(1));
    peer.sends(sack(1));
    peer.gets(data(2), data(3));
  });

  it("rule D iii: reneging is one miss indication", () => {
    const { peer } = full(8);
    peer.sends(sack(1, { gaps: [[3, 4]] }));
    // TSN 3 was reported and is not any more: one. Two more SACKs that newly acknowledge what is after it: three.
    peer.sends(sack(2, { gaps: [[4, 4]] }));
    peer.sends(sack(2, { gaps: [[4, 5]] }));
    peer.getsNothing();
    peer.sends(sack(2, { gaps: [[4, 6]] }));
    peer.gets(data(3));
  });

  it("everything may be reneged: cumulatively acknowledged is still gone", () => {
    const { peer } = sending(4);
    peer.sends(sack(2, { gaps: [[4, 4]] }));
    peer.sends(sack(2));
    peer.getsAfter(1000, data(3));
    peer.sends(sack(4));
    peer.getsNothingFor(100_000);
  });

  it("a SACK that reports the same again changes nothing", () => {
    const { peer } = full(8);
    for (let round = 0; round < 10; round += 1) peer.sends(sack(0, { gaps: [[2, 4]] }));
    peer.getsNothing();
    expect(peer.flight).toBe(5000);
  });

  it("gap blocks in any order, overlapping or turned around, do no harm", () => {
    const { peer, user } = full(8);
    peer.sends(
      sack(0, {
        gaps: [
          [6, 7],
          [3, 4],
          [4, 6],
          [8, 5],
        ],
      }),
    );
    expect(peer.flight).toBe(3000);
    expect(user.state).toBe("established");
  });

  it("gap blocks beyond what was sent acknowledge what exists", () => {
    const { peer, user } = full(8);
    peer.sends(sack(0, { gaps: [[7, 60]] }));
    expect(user.state === "closed" || peer.flight === 6000).toBe(true);
  });

  it("12.4 a cumulative TSN that was never sent ends the association", () => {
    const { peer, user } = sending(2);
    peer.sends(sack(3));
    peer.gets(abort());
    expect(user.state).toBe("closed");
  });

  it("12.4 the TSN that comes next is one that was never sent", () => {
    const { peer, user } = established();
    peer.sends(sack(1));
    peer.gets(abort());
    expect(user.hears()).toContain("comm-lost");
  });

  it("a SACK before anything was sent is fine where it acknowledges nothing", () => {
    const { peer, user } = established();
    peer.sends(sack(0));
    peer.getsNothing();
    expect(user.state).toBe("established");
  });

  it("the user is told when everything is acknowledged", () => {
    const { peer, user } = sending(2);
    peer.sends(sack(1));
    expect(user.hears()).not.toContain("sender-dry");
    peer.sends(sack(2));
    expect(user.hears()).toContain("sender-dry");
  });

  it("duplicates that the peer reports are no acknowledgement of anything", () => {
    const { peer } = sending(4);
    peer.sends(sack(1, { duplicates: [3, 4] }));
    expect(peer.flight).toBe(3000);
    peer.getsAfter(1000, data(2));
  });
});
