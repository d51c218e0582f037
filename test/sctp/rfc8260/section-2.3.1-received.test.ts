import { describe, expect, it } from "vitest";
import { answers, first, iData, iForward, inShort, interleaved, last, middle, receiving } from "./kit.ts";
import { skipCases as cases } from "./skip-cases.ts";

const U = { unordered: true };
const mid = (messageId: number, fields = {}): Readonly<Record<string, unknown>> => ({ messageId, ...fields });

describe("2.3.1 I-FORWARD-TSN moves the cumulative TSN and the streams", () => {
  it.each(cases)("%s", (_, before, skip, delivered, [cumulativeTsn, ...blocks]) => {
    const { peer, user } = interleaved();
    for (const chunk of before) peer.sends(chunk);
    peer.skips(500);
    user.takes();
    peer.sends(skip);
    expect(inShort(user.takes())).toEqual(delivered);
    const sacks = peer.skips(200).flatMap(({ chunks }) => chunks);
    const gaps = blocks.map(([from, to]) => ({ start: from - cumulativeTsn, end: to - cumulativeTsn }));
    expect(sacks).toMatchObject([{ type: "SACK", cumulativeTsn, gaps, duplicates: [] }]);
    expect(user.state).toBe("established");
  });

  it.each(cases)(
    "%s: the same again changes nothing, and is answered at once",
    (_, before, skip, delivered) => {
      const { peer, user } = interleaved();
      for (const chunk of before) peer.sends(chunk);
      peer.sends(skip);
      peer.skips(500);
      expect(inShort(user.takes()).slice(-delivered.length || Infinity)).toEqual(delivered);
      peer.sends(skip);
      peer.gets({ type: "SACK" });
      expect(user.takes()).toEqual([]);
    },
  );

  it.each(cases)("%s: in one packet", (_, before, skip, delivered) => {
    const { peer, user } = interleaved();
    peer.sends(...before, skip);
    expect(inShort(user.takes()).slice(-delivered.length || Infinity)).toEqual(delivered);
    expect(answers({ peer, user }).filter((each) => each !== "SACK")).toEqual([]);
  });
});

describe("2.3.1 what comes after it", () => {
  it("a TSN that was skipped is a duplicate (RFC 3758 section 3.6)", () => {
    const { peer, user } = receiving();
    peer.sends(iForward(3, [0, 2]));
    peer.skips(200);
    peer.sends(iData(3, mid(2)));
    peer.gets({ type: "SACK", cumulativeTsn: 3, duplicates: [3] });
    expect(user.takes()).toEqual([]);
  });

  it.each([
    ["ordered", {}],
    ["unordered", U],
  ])("a late fragment of an %s message is acknowledged and thrown away", (_, fields) => {
    const { peer, user } = receiving();
    peer.sends(iForward(2, "unordered" in fields ? [1, 0, "U"] : [1, 0]));
    peer.sends(
      iData(3, middle(1, { streamId: 1, ...fields })),
      iData(5, last(2, { streamId: 1, ...fields })),
    );
    peer.skips();
    peer.sends(iData(4, { streamId: 1, messageId: 1, ...fields }));
    peer.gets({ type: "SACK", cumulativeTsn: 5, gaps: [], advertisedWindow: 512 * 1024 });
    expect(user.takes()).toHaveLength(1);
  });

  it("a whole unordered message is delivered whatever was skipped, and whatever else waits", () => {
    for (const waiting of [[], [iData(5, first({ streamId: 1 }))]]) {
      const { peer, user } = receiving();
      peer.sends(iForward(2, [0, 5, "U"]), ...waiting);
      peer.sends(iData(3, mid(4, U)), iData(4, mid(6, U)));
      expect(inShort(user.takes())).toEqual(["0u4:100", "0u6:100"]);
    }
  });

  it("the next message of the stream is the one behind the MID listed", () => {
    const { peer, user } = receiving();
    peer.sends(iForward(2, [5, 41]));
    peer.sends(iData(3, mid(43, { streamId: 5 })));
    expect(user.takes()).toEqual([]);
    peer.sends(iData(4, mid(42, { streamId: 5 })));
    expect(inShort(user.takes())).toEqual(["5o42:100", "5o43:100"]);
  });

  it("the MID wraps: after 2^32 - 1 comes 0", () => {
    const { peer, user } = receiving();
    peer.sends(iForward(2, [0, 0x7ffffffe]));
    peer.sends(iForward(3, [0, 0xfffffffd]));
    peer.sends(iData(4, mid(0)), iData(5, first(mid(0xffffffff))), iData(6, last(1, mid(0xffffffff))));
    expect(user.takes()).toEqual([]);
    peer.sends(iData(7, mid(0xfffffffe)));
    expect(inShort(user.takes())).toEqual(["0o4294967294:100", "0o4294967295:200", "0o0:100"]);
    peer.sends(iData(8, mid(1)));
    expect(user.takes()).toHaveLength(1);
  });

  it("an I-FORWARD-TSN over the wrap of the MID", () => {
    const { peer, user } = receiving();
    peer.sends(iForward(2, [0, 0x7ffffffe]), iData(3, mid(0x7fffffff)));
    peer.sends(iForward(4, [0, 0xfffffffe]));
    peer.sends(iData(6, mid(2)));
    user.takes();
    peer.sends(iForward(5, [0, 1]));
    expect(inShort(user.takes())).toEqual(["0o2:100"]);
  });

  it("over the wrap of the TSN", () => {
    const { peer, user } = interleaved({ peerInitialTsn: 0xfffffffe });
    peer.sends(iData(2, mid(4)));
    peer.skips();
    peer.sends(iForward(1, [0, 3]));
    peer.gets({ type: "SACK", cumulativeTsn: 2, gaps: [] });
    expect(user.takes()).toHaveLength(1);
  });

  it("frees the window of what was thrown away", () => {
    const { peer } = receiving({ parameters: { receiveBufferBytes: 10_000 } });
    peer.sends(
      iData(3, middle(1, { messageId: 1, size: 900 })),
      iData(4, middle(2, { messageId: 1, size: 900 })),
    );
    peer.gets({ type: "SACK", advertisedWindow: 10_000 - 1800 - 2 * 64 });
    peer.sends(iForward(2, [0, 1]));
    peer.gets({ type: "SACK", cumulativeTsn: 4, advertisedWindow: 10_000 });
  });

  it("ends a partial delivery, which the user is told", () => {
    for (const fields of [{}, U]) {
      const { peer, user } = interleaved({ parameters: { partialDeliveryPointBytes: 200 } });
      peer.sends(iData(1, first(fields)), iData(2, middle(1, fields)));
      peer.sends(iData(4, mid(1, fields)));
      user.takes();
      user.hears();
      peer.sends(iForward(3, "unordered" in fields ? [0, 0, "U"] : [0, 0]));
      expect(user.hears()).toEqual(["partial-delivery-aborted"]);
      expect(inShort(user.takes())).toEqual("unordered" in fields ? [] : ["0o1:100"]);
      peer.sends(iData(5, middle(3, fields)));
      expect(user.takes()).toEqual([]);
      expect(user.state).toBe("established");
    }
  });

  it("does not end the partial delivery of another stream, or of the other kind", () => {
    const { peer, user } = interleaved({ parameters: { partialDeliveryPointBytes: 200 } });
    peer.sends(iData(1, first()), iData(2, middle(1)));
    peer.sends(iForward(4, [0, 0, "U"], [1, 7]));
    user.takes();
    expect(user.hears()).not.toContain("partial-delivery-aborted");
    peer.sends(iData(5, last(2)));
    expect(inShort(user.takes())).toEqual(["..0o0:100"]);
  });
});

describe("2.3.1 when its SACK leaves", () => {
  it("at once where it comes without data", () => {
    const { peer } = receiving();
    peer.sends(iForward(2, [0, 1]));
    peer.gets({ type: "SACK", cumulativeTsn: 2 });
    peer.sends(iData(3, mid(2)));
    peer.getsNothing();
    peer.sends(iForward(5, [0, 4]));
    peer.gets({ type: "SACK", cumulativeTsn: 5 });
    peer.getsNothingFor(1000);
  });

  it("at once where there was a hole, or is one still", () => {
    const { peer } = receiving();
    peer.sends(iData(3, mid(2)));
    peer.skips();
    peer.sends(iForward(2, [0, 1]));
    peer.gets({ type: "SACK", cumulativeTsn: 3, gaps: [] });
    peer.sends(iData(7, mid(6)));
    peer.skips();
    peer.sends(iForward(5, [0, 4]));
    peer.gets({ type: "SACK", cumulativeTsn: 5, gaps: [{ start: 2, end: 2 }] });
  });

  it("after 200 ms, or for the second packet, where data comes with it", () => {
    const { peer } = receiving();
    peer.sends(iForward(2, [0, 1]), iData(3, mid(2)));
    peer.getsAfter(200, { type: "SACK", cumulativeTsn: 3 });
    peer.sends(iForward(4, [0, 3]), iData(5, mid(4)));
    peer.getsNothing();
    peer.sends(iForward(6, [0, 5]), iData(7, mid(6)));
    peer.gets({ type: "SACK", cumulativeTsn: 7 });
  });

  it.each([
    ["behind", -1],
    ["at", 0],
  ])("at once where it is out of date, %s the cumulative TSN", (_, offset) => {
    const { peer, user } = receiving();
    peer.sends(iData(2, mid(1)));
    peer.skips(500);
    user.takes();
    peer.sends(iForward(2 + offset, [0, 50], [1, 3]));
    peer.gets({ type: "SACK", cumulativeTsn: 2 });
    // And its list counts for nothing.
    peer.sends(iData(3, mid(2)), iData(4, { streamId: 1 }));
    expect(user.takes()).toHaveLength(2);
  });
});
