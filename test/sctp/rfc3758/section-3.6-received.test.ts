import { describe, expect, it } from "vitest";
import { data, sack } from "../rfc9260/sketches.ts";
import { agreed, forward, inShort, receiving } from "./kit.ts";

/** In `receiving` TSN 1 was received: what is `above` comes in a packet each before FORWARD TSN. */
interface Case {
  readonly name: string;
  readonly above: readonly number[];
  readonly to: number;
  readonly cumulativeTsn: number;
  readonly gaps?: readonly (readonly [number, number])[];
}

const cases: readonly Case[] = [
  { name: "next in sequence", above: [], to: 2, cumulativeTsn: 2 },
  { name: "over several that are missing", above: [], to: 9, cumulativeTsn: 9 },
  { name: "over a hole, up to what was received", above: [3], to: 2, cumulativeTsn: 3 },
  { name: "the example of the section", above: [3, 4, 6], to: 2, cumulativeTsn: 4, gaps: [[6, 6]] },
  { name: "into the middle of what was received", above: [3, 4, 5], to: 4, cumulativeTsn: 5 },
  { name: "to the last that was received", above: [3, 4, 5], to: 5, cumulativeTsn: 5 },
  { name: "beyond the last that was received", above: [3, 4, 5], to: 7, cumulativeTsn: 7 },
  { name: "over two holes at once", above: [3, 5], to: 4, cumulativeTsn: 5 },
  { name: "the first hole of two", above: [3, 5], to: 2, cumulativeTsn: 3, gaps: [[5, 5]] },
  { name: "the first hole in part", above: [5], to: 3, cumulativeTsn: 3, gaps: [[5, 5]] },
  { name: "up to just below a block, which it joins", above: [5, 6], to: 4, cumulativeTsn: 6 },
  {
    name: "three blocks, one of which it joins",
    above: [3, 5, 7],
    to: 2,
    cumulativeTsn: 3,
    gaps: [
      [5, 5],
      [7, 7],
    ],
  },
];

describe("3.6 the cumulative TSN", () => {
  it.each(cases)("moves: $name", ({ above, to, cumulativeTsn, gaps = [] }) => {
    const { peer } = receiving();
    for (const tsn of above) peer.sends(data(tsn));
    peer.skips();
    peer.sends(forward(to));
    peer.gets(sack(cumulativeTsn, { gaps }));
  });

  it.each([
    ["where it is already", 1],
    ["behind it", 0],
    ["far behind it", 1 - 2 ** 31 + 2 ** 32],
  ] as const)("does not move with one that is out of date, %s; a SACK answers it", (_, to) => {
    const { peer, user } = receiving();
    peer.sends(forward(to, [0, 9]));
    peer.gets(sack(1));
    peer.sends(data(2));
    expect(inShort(user.takes())).toEqual(["0o1:100"]);
  });

  it("an old one takes nothing out of the reordering queue", () => {
    const { peer, user } = receiving();
    peer.sends(data(3));
    peer.skips();
    peer.sends(forward(1, [0, 2]));
    peer.gets(sack(1, { gaps: [[3, 3]] }));
    expect(user.takes()).toEqual([]);
    peer.sends(data(2));
    expect(inShort(user.takes())).toEqual(["0o1:100", "0o2:100"]);
  });

  it("the same one twice: the second is out of date, and answered", () => {
    const { peer } = receiving();
    peer.sends(forward(4, [0, 3]));
    peer.gets(sack(4));
    peer.sends(forward(4, [0, 3]));
    peer.gets(sack(4));
  });

  it("wraps", () => {
    const { peer } = receiving({ peerInitialTsn: 0xffff_fffe });
    peer.sends(forward(3));
    peer.gets(sack(3));
    peer.sends(forward(0xffff_ffff));
    peer.gets(sack(3));
  });

  it("moves before anything was received", () => {
    const { peer } = agreed();
    peer.sends(forward(1, [0, 0]));
    peer.gets(sack(1));
    peer.sends(data(2));
    peer.getsAfter(200, sack(2));
  });

  it("moves with each of several in one packet", () => {
    const { peer } = receiving();
    peer.sends(forward(2, [0, 1]), forward(3, [0, 2]), forward(6, [0, 5]));
    peer.gets(sack(6));
  });

  it("does not go back with an older one behind it in the packet", () => {
    const { peer } = receiving();
    peer.sends(forward(6, [0, 5]), forward(3, [0, 2]));
    peer.gets(sack(6));
  });

  it("further than the window ever held: the association ends", () => {
    const { peer, user } = receiving({ parameters: { receiveBufferBytes: 10_000 } });
    peer.sends(forward(1 + 10_001));
    peer.gets({ type: "ABORT", causes: [{ type: "PROTOCOL_VIOLATION" }] });
    expect(user.hears()).toContain("comm-lost");
  });

  it("as far as the window ever held: that is allowed", () => {
    const { peer } = receiving({ parameters: { receiveBufferBytes: 10_000 } });
    peer.sends(forward(1 + 10_000));
    peer.gets(sack(10_001));
  });

  it("half of all TSNs ahead: the association ends", () => {
    const { peer } = receiving();
    peer.sends(forward(2 ** 31));
    peer.gets({ type: "ABORT", causes: [{ type: "PROTOCOL_VIOLATION" }] });
  });
});

describe("3.6 gaps that are no longer reported", () => {
  it("what is missing below the point never shows again", () => {
    const { peer } = receiving();
    for (const tsn of [3, 5, 7]) peer.sends(data(tsn));
    peer.skips();
    peer.sends(forward(6));
    peer.gets(sack(7));
    peer.sends(data(9));
    peer.gets(sack(7, { gaps: [[9, 9]] }));
  });

  it("DATA above the point is a gap still", () => {
    const { peer } = receiving();
    peer.sends(data(9));
    peer.skips();
    peer.sends(forward(4));
    peer.gets(sack(4, { gaps: [[9, 9]] }));
    for (const tsn of [5, 6, 7, 8]) peer.sends(data(tsn));
    expect(peer.arrivals.at(-1)?.chunks).toMatchObject([sack(9)]);
  });
});

describe("3.6 what was skipped and comes late", () => {
  it("is dropped and reported as a duplicate, at once", () => {
    const { peer, user } = receiving();
    peer.sends(forward(3, [0, 2]));
    peer.skips();
    peer.sends(data(2));
    peer.gets(sack(3, { duplicates: [2] }));
    peer.sends(data(3));
    peer.gets(sack(3, { duplicates: [3] }));
    expect(user.takes()).toEqual([]);
  });

  it("unordered, likewise", () => {
    const { peer, user } = receiving();
    peer.sends(forward(2));
    peer.skips();
    peer.sends(data(2, { unordered: true }));
    peer.gets(sack(2, { duplicates: [2] }));
    expect(user.takes()).toEqual([]);
  });

  it("what was received below the point and comes again, likewise", () => {
    const { peer } = receiving();
    peer.sends(data(3));
    peer.skips();
    peer.sends(forward(2, [0, 1]));
    peer.skips();
    peer.sends(data(3));
    peer.gets(sack(3, { duplicates: [3] }));
  });
});

describe("3.6 the SACK", () => {
  it("for FORWARD TSN alone goes at once", () => {
    const { peer } = receiving();
    peer.sends(forward(2, [0, 1]));
    peer.gets(sack(2));
    peer.getsNothingFor(1000);
  });

  it("for FORWARD TSN with DATA behind it, after 200 ms where nothing is missing", () => {
    const { peer } = receiving();
    peer.sends(forward(2, [0, 1]), data(3));
    peer.getsAfter(200, sack(3));
  });

  it("for FORWARD TSN with DATA in front of it, likewise", () => {
    const { peer } = receiving();
    peer.sends(data(2), forward(3, [0, 2]));
    peer.getsAfter(200, sack(3));
  });

  it("for FORWARD TSN with DATA goes at once where a gap is left", () => {
    const { peer } = receiving();
    peer.sends(forward(2, [0, 1]), data(5));
    peer.gets(sack(2, { gaps: [[5, 5]] }));
  });

  it("and where a gap was closed", () => {
    const { peer } = receiving();
    peer.sends(data(3));
    peer.skips();
    peer.sends(forward(2, [0, 1]), data(4));
    peer.gets(sack(4));
  });

  it("for DATA that was waiting is in that for FORWARD TSN", () => {
    const { peer } = receiving();
    peer.sends(data(2));
    peer.getsNothing();
    peer.sends(forward(3, [0, 2]));
    peer.gets(sack(3));
    peer.getsNothingFor(1000);
  });

  it("for one that is out of date goes at once, also where DATA is with it", () => {
    const { peer } = receiving();
    peer.sends(forward(1, [0, 0]), data(2));
    peer.gets(sack(2));
  });

  it("counts a packet with both as one", () => {
    const { peer } = receiving();
    peer.sends(forward(2, [0, 1]), data(3));
    peer.getsNothing();
    peer.sends(data(4));
    peer.gets(sack(4));
  });

  it("has the window as it was: what is skipped takes none", () => {
    const { peer } = receiving({ parameters: { receiveBufferBytes: 20_000 } });
    peer.sends(forward(200));
    peer.gets(sack(200, { advertisedWindow: 20_000 }));
  });

  it("gives back the window of fragments that are thrown away", () => {
    const { peer } = receiving({ parameters: { receiveBufferBytes: 20_000 } });
    const part = { ssn: 1, ending: false, size: 900 };
    peer.sends(data(2, part), data(3, { ...part, beginning: false }));
    peer.getsAfter(200, sack(3, { advertisedWindow: 20_000 - 2 * (900 + 64) }));
    peer.sends(forward(4, [0, 1]));
    peer.gets(sack(4, { advertisedWindow: 20_000 }));
  });

  it("goes to where FORWARD TSN came from", () => {
    const { peer } = receiving({ peerAddresses: ["192.0.2.1", "192.0.2.2"] });
    peer.sendsFrom("192.0.2.2", forward(2, [0, 1]));
    peer.gets({ to: "192.0.2.2", chunks: [sack(2)] });
  });
});
