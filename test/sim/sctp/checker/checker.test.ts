import { describe, expect, it } from "vitest";
import { CongestionEcho } from "./congestion-echo.ts";
import { MessageChecker } from "./message-checker.ts";
import type { DataOnWire } from "./packet-reader.ts";
import type { DataPacket } from "./transfer.ts";
import { Reception } from "./reception.ts";
import { Transfer } from "./transfer.ts";

/** Chunks of 1000 bytes with their headers: congestion windows are round numbers. */
const chunk = (tsn: number): DataOnWire => ({
  kind: "data",
  tsn,
  streamId: 0,
  interleaved: false,
  messageNumber: tsn,
  ppid: tsn,
  unordered: false,
  beginning: true,
  ending: true,
  payloadBytes: 984,
  payloadOffset: 28,
  chunkBytes: 1000,
  fingerprint: tsn,
});

const sizeLimitBytes = 1012;

const packet = (tsns: readonly number[], fields: Partial<DataPacket> = {}): DataPacket => ({
  chunks: tsns.map(chunk),
  from: "u",
  to: "x",
  reason: "data",
  byTimer: false,
  congestionWindowBytes: 100_000,
  sizeLimitBytes,
  atMs: 0,
  ...fields,
});

const windowBytes = 1_000_000;

/** TSN 1 to `count` are out, one in a packet. */
function sending(count: number, fields: Partial<DataPacket> = {}): Transfer {
  const transfer = new Transfer("a to b", { maxBurst: 1000, rtoMinMs: 1000, windowBytes });
  for (let tsn = 1; tsn <= count; tsn += 1) transfer.packetsSent([packet([tsn], fields)]);
  return transfer;
}

/** A SACK reaches the sender; gaps as first and last TSN. */
function sacked(
  transfer: Transfer,
  cumulativeTsn: number,
  gaps: readonly (readonly [number, number])[] = [],
  left: number = windowBytes,
  atMs: number = 0,
): void {
  const offsets = gaps.map(([first, last]) => [first - cumulativeTsn, last - cumulativeTsn] as const);
  const sack = { kind: "sack", cumulativeTsn, windowBytes: left, gaps: offsets, duplicates: [] } as const;
  transfer.acknowledged(cumulativeTsn, sack, atMs);
}

const tooEarly = /retransmission needs T3 or three missing reports/;
const tooMuch = /congestion window/;

describe("what is missing (RFC 9260 section 7.2.4)", () => {
  it("takes three reports", () => {
    const transfer = sending(5);
    sacked(transfer, 0, [[2, 2]]);
    sacked(transfer, 0, [[2, 3]]);
    expect(() => transfer.packetsSent([packet([1])])).toThrow(tooEarly);
    sacked(transfer, 0, [[2, 4]]);
    transfer.packetsSent([packet([1])]);
  });

  it("is reported only by a SACK that newly acknowledges something behind it", () => {
    const transfer = sending(5);
    for (let repeated = 0; repeated < 5; repeated += 1) sacked(transfer, 0, [[2, 2]]);
    expect(() => transfer.packetsSent([packet([1])])).toThrow(tooEarly);
  });

  it("in Fast Recovery, with progress, is all that a SACK leaves out", () => {
    const transfer = sending(12);
    for (const last of [2, 3, 4]) sacked(transfer, 0, [[2, last]]);
    transfer.packetsSent([packet([1])]);
    sacked(transfer, 0, [
      [2, 4],
      [6, 8],
    ]);
    sacked(transfer, 1, [
      [3, 4],
      [6, 8],
    ]);
    sacked(transfer, 4, [[6, 8]]);
    transfer.packetsSent([packet([5])]);
  });

  it("once more is missing no second time", () => {
    const transfer = sending(10);
    for (const last of [2, 3, 4]) sacked(transfer, 0, [[2, last]]);
    transfer.packetsSent([packet([1])]);
    for (const last of [5, 6, 7]) sacked(transfer, 0, [[2, last]]);
    expect(() => transfer.packetsSent([packet([1])])).toThrow(tooEarly);
  });
});

describe("the packet that begins a recovery (RFC 9260 section 7.2.4, rule 3)", () => {
  const full: Partial<DataPacket> = { congestionWindowBytes: 4000 };

  /** TSN 1 went to x, 2 to 9 to y; T3 has found 1 lost and has not brought it back; 2 is missing. */
  function beginning(): Transfer {
    const transfer = sending(1);
    for (let tsn = 2; tsn <= 9; tsn += 1) transfer.packetsSent([packet([tsn], { to: "y" })]);
    for (const last of [3, 4]) sacked(transfer, 0, [[3, last]]);
    sacked(transfer, 0, [[3, 5]]);
    return transfer;
  }

  it("does not look at the window, and takes the lowest TSN first, which T3 may have marked", () => {
    const transfer = sending(9);
    transfer.packetsSent([packet([1], { byTimer: true, atMs: 1000 })]);
    transfer.packetsSent([packet([10], { atMs: 1000 })]);
    // TSN 2 waits as T3 left it; 10 is sent after that, and is reported missing.
    sacked(transfer, 1);
    for (let tsn = 11; tsn <= 16; tsn += 1) transfer.packetsSent([packet([tsn], { atMs: 1100 })]);
    for (const last of [11, 12, 13]) sacked(transfer, 1, [[11, last]]);
    transfer.packetsSent([packet([2], { ...full, congestionWindowBytes: 2000, atMs: 1200 })]);
  });

  it("is one packet", () => {
    const transfer = beginning();
    const both = [packet([1], { ...full, to: "y" }), packet([2], { ...full, to: "y" })];
    expect(() => transfer.packetsSent(both)).toThrow(tooMuch);
  });

  it("is one packet of the call that the SACK made, not of a later one", () => {
    const transfer = beginning();
    transfer.packetsSent([packet([1], { ...full, to: "y" })]);
    expect(() => transfer.packetsSent([packet([2], { ...full, to: "y" })])).toThrow(tooMuch);
  });

  it("comes once in a recovery, whichever address the next loss is on", () => {
    const transfer = sending(9, { to: "x" });
    for (let tsn = 10; tsn <= 19; tsn += 1) transfer.packetsSent([packet([tsn], { to: "y" })]);
    for (const last of [2, 3, 4]) sacked(transfer, 0, [[2, last]]);
    transfer.packetsSent([packet([1], full)]);
    for (const last of [11, 12, 13]) {
      sacked(transfer, 0, [
        [2, 4],
        [11, last],
      ]);
    }
    expect(() => transfer.packetsSent([packet([10], { ...full, to: "y" })])).toThrow(tooMuch);
  });
});

describe("Fast Recovery, after what was given up is missing (RFC 3758 section 3.5, F5)", () => {
  const full = { congestionWindowBytes: 4000, to: "y" };

  function afterLossOfOne(isGone: boolean): Transfer {
    const transfer = sending(1);
    for (let tsn = 2; tsn <= 19; tsn += 1) transfer.packetsSent([packet([tsn], { to: "y" })]);
    transfer.abandoned(1);
    if (isGone) transfer.addressRemoved("x");
    for (const last of [2, 3, 4]) sacked(transfer, 0, [[2, last]]);
    transfer.packetsSent([packet([20], { to: "y" })]);
    for (const last of [6, 7, 8]) {
      sacked(transfer, 0, [
        [2, 4],
        [6, last],
      ]);
    }
    return transfer;
  }

  it("has begun, and the next loss makes no other one", () => {
    expect(() => afterLossOfOne(false).packetsSent([packet([5], full)])).toThrow(tooMuch);
  });

  it("has not, where its address was deleted: there is no window that it could concern", () => {
    afterLossOfOne(true).packetsSent([packet([5], full)]);
  });
});

describe("Fast Recovery, when all that was in flight was given up (RFC 3758 section 3.5)", () => {
  const full: Partial<DataPacket> = { congestionWindowBytes: 4000 };

  /** In Fast Recovery up to TSN 9, which are given up; later 10 is reported missing three times. */
  function givenUp(atMs: number): Transfer {
    const transfer = sending(9);
    for (const last of [2, 3, 4]) sacked(transfer, 0, [[2, last]]);
    transfer.packetsSent([packet([1])]);
    for (const tsn of [1, 5, 6, 7, 8, 9]) transfer.abandoned(tsn);
    for (let tsn = 10; tsn <= 17; tsn += 1) transfer.packetsSent([packet([tsn], { atMs })]);
    for (const last of [11, 12, 13]) {
      const gaps = [
        [2, 4],
        [11, last],
      ] as const;
      sacked(transfer, 0, gaps, windowBytes, atMs);
    }
    return transfer;
  }

  it("may have ended when T3 may have expired", () => {
    givenUp(1000).packetsSent([packet([10], { ...full, atMs: 1000 })]);
  });

  it("goes on before that", () => {
    expect(() => givenUp(900).packetsSent([packet([10], { ...full, atMs: 900 })])).toThrow(tooMuch);
  });
});

describe("T3 (RFC 9260 sections 6.3.3 and 7.2.3)", () => {
  const collapsed: Partial<DataPacket> = { congestionWindowBytes: 1000 };

  it("lets one packet out until something is acknowledged", () => {
    const transfer = sending(3);
    transfer.packetsSent([packet([1], { ...collapsed, byTimer: true, atMs: 1000 })]);
    expect(() => transfer.packetsSent([packet([2], { ...collapsed, atMs: 1001 })])).toThrow(tooMuch);
  });

  it("unless packets leave from another address then (section 7.2.5.2)", () => {
    const transfer = sending(3);
    transfer.packetsSent([packet([1], { ...collapsed, byTimer: true, atMs: 1000 })]);
    transfer.packetsSent([packet([2], { from: "v", congestionWindowBytes: sizeLimitBytes, atMs: 1001 })]);
  });

  it("does not for a lost window probe (section 6.1 A)", () => {
    const transfer = sending(1);
    sacked(transfer, 1, [], 500);
    transfer.packetsSent([packet([2], { atMs: 1000 })]);
    transfer.packetsSent([packet([2], { byTimer: true, atMs: 3000 })]);
    // The window, which holds one packet, has room for the start of another one when the receiver has.
    sacked(transfer, 1, [], 10_000);
    transfer.packetsSent([packet([3], { congestionWindowBytes: 1001, atMs: 3001 })]);
  });

  it("does for what was sent before the window closed", () => {
    const transfer = sending(2);
    sacked(transfer, 1, [], 500);
    transfer.packetsSent([packet([2], { byTimer: true, atMs: 3000 })]);
    sacked(transfer, 1, [], 10_000);
    const next = packet([3], { congestionWindowBytes: 1001, atMs: 3001 });
    expect(() => transfer.packetsSent([next])).toThrow(tooMuch);
  });

  it("may have expired for the address where a packet goes, too, whatever else is in that packet", () => {
    const transfer = sending(4);
    transfer.packetsSent([packet([5], { to: "y" }), packet([6], { to: "y" })]);
    // The timers of both addresses have expired; only the chunks of one came again so far.
    transfer.packetsSent([packet([1], { to: "y", byTimer: true, atMs: 1000 })]);
    const reason = "heartbeat-ack";
    transfer.packetsSent([packet([2], { to: "y", reason, congestionWindowBytes: 3000, atMs: 1040 })]);
  });
});

describe("T3 that has expired (RFC 9260 section 6.3)", () => {
  /** TSN 1 is missing and waits for the window; what is in flight was sent lately. */
  const expiring = (atMs: number): void => {
    const transfer = sending(4);
    for (const last of [2, 3, 4]) sacked(transfer, 0, [[2, last]]);
    transfer.packetsSent([packet([5], { atMs: 990 }), packet([6], { atMs: 990 })]);
    transfer.packetsSent([packet([1], { byTimer: true, congestionWindowBytes: 1000, atMs })]);
  };

  it("ran for what is missing, too (section 6.3.2, R3)", () => {
    expiring(1000);
    expect(() => expiring(999)).toThrow(tooMuch);
  });

  it("may not have shown yet, where there are several addresses (section 6.3.3, E3)", () => {
    const going = (atMs: number): void => {
      const transfer = sending(4);
      transfer.packetsSent([packet([5], { to: "y" })]);
      transfer.packetsSent([packet([6], { congestionWindowBytes: 4000, atMs })]);
    };
    going(1000);
    expect(() => going(999)).toThrow(tooMuch);
  });
});

describe("ECNE (RFC 4960 appendix A)", () => {
  const again = /ECNE halves the window once a round trip/;
  const highestBytes = 0xffff_ffff;
  const sizes = (windowBytes: number, slowStartThresholdBytes: number) =>
    new Map([["x", { windowBytes, slowStartThresholdBytes, packetSizeBytes: 1472 }]]);

  /** The second ECNE for what was in flight at the first one, and the windows around it. */
  function repeated(afterBytes: number, thresholdBytes: number): void {
    const echo = new CongestionEcho("a to b");
    echo.echoArrived(1, 10, sizes(10_000, highestBytes), sizes(5840, 5840), false);
    echo.cwrSent(1);
    echo.echoArrived(1, 10, sizes(7324, 5840), sizes(afterBytes, thresholdBytes), false);
  }

  it("halves once for what was in flight", () => {
    expect(() => repeated(5840, 5840)).toThrow(again);
    expect(() => repeated(4404, 5840)).toThrow(again);
  });

  it("may show a change of our address, after which the window begins anew and grows (RFC 9260 section 7.2.5.2)", () => {
    repeated(4404, highestBytes);
    repeated(4404 + 1460, highestBytes);
  });

  it("makes no window begin anew with less, nor grow by more than a chunk", () => {
    expect(() => repeated(4400, highestBytes)).toThrow(again);
    expect(() => repeated(4404 + 1464, highestBytes)).toThrow(again);
  });
});

describe("a restart of the other side under the same tag", () => {
  const message = (id: number) =>
    ({ id, streamId: 0, unordered: false, payload: new Uint8Array(10), reliability: undefined }) as const;
  const delivered = {
    streamId: 0,
    unordered: false,
    payload: new Uint8Array(10),
    beginning: true,
    ending: true,
  };

  it("may lose what was sent before, and nothing else", () => {
    const checker = new MessageChecker();
    for (const id of [1, 2, 3]) checker.accepted("a", 7, message(id));
    checker.sent(1);
    checker.mayBeLost("a", 7);
    expect([...checker.undelivered("a", 7)]).toEqual([2, 3]);
    expect(() => checker.arrived("b", 7, { ...delivered, ppid: 3 })).toThrow(
      /order within a stream.*message 2/,
    );
  });

  it("and goes on with what comes after that", () => {
    const checker = new MessageChecker();
    for (const id of [1, 2]) checker.accepted("a", 7, message(id));
    checker.sent(1);
    checker.mayBeLost("a", 7);
    checker.arrived("b", 7, { ...delivered, ppid: 2 });
    expect([...checker.undelivered("a", 7)]).toEqual([]);
    expect(() => checker.arrived("b", 7, { ...delivered, ppid: 1 })).toThrow(/order within a stream/);
  });
});

describe("a FORWARD TSN that reaches the receiver", () => {
  const after = (cumulativeTsn: number): number | undefined => {
    const reception = new Reception("a to b");
    reception.expect(1000);
    reception.forwardArrived(cumulativeTsn);
    return reception.inSequence;
  };

  it("moves what has come to where it says", () => {
    expect(after(1500)).toBe(1500);
  });

  it("and does not where it left before a reset of the TSNs", () => {
    expect(after(1500 + 2 ** 31 - 1000)).toBe(999);
  });
});
