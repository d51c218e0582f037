import { beforeEach, describe, expect, it } from "vitest";
import type { Chunk } from "../../../agents/sctp/wire/index.ts";
import { Adapted, both, lists } from "./adapted.ts";
import { forwardTsnType, iDataType } from "./kit.ts";

/** Bytes of user data in a full packet: 1500 less IP, common header and I-DATA header. */
const full = 1500 - 20 - 12 - 20;

type Fields = Readonly<Record<string, unknown>>;

let adapted: Adapted;
let fd = 0;
beforeEach(async () => {
  adapted = new Adapted();
  fd = await adapted.connected();
});

const sends = (...messages: readonly Fields[]): Promise<void> =>
  messages.reduce<Promise<void>>(async (before, fields) => {
    await before;
    await adapted.call("sendmsg", { fd, len: 100, ...fields });
  }, Promise.resolve());

const named = (chunk: Chunk): string => {
  const at = (tsn: number): number => (tsn - adapted.peer.theirFirstTsn + 1) >>> 0;
  if (chunk.type === "I_FORWARD_TSN") {
    const skipped = chunk.streams.map(
      (each) => `${each.streamId}${each.unordered ? "u" : "o"}${each.messageId}`,
    );
    return `skip ${at(chunk.newCumulativeTsn)}: ${skipped.join(" ")}`.trim();
  }
  if (chunk.type !== "I_DATA") return chunk.type;
  const bits = `${chunk.beginning ? "B" : ""}${chunk.ending ? "E" : ""}${chunk.immediate ? "I" : ""}`;
  return `${at(chunk.tsn)}: ${chunk.streamId}${chunk.unordered ? "u" : "o"}${chunk.messageId} ${bits}${chunk.fsn}`;
};

/** Packets that came: when, and each chunk in short. */
const came = (): (readonly [number, ...string[]])[] =>
  adapted.takes().map(({ atMs, packet }) => [atMs, ...packet.chunks.map(named)] as const);

const acknowledges = (count: number, gaps: readonly (readonly [number, number])[] = []): Promise<void> =>
  adapted.gives(
    adapted.peer.sack(count, {
      gaps: gaps.map(([first, last]) => ({ start: first - count, end: last - count })),
    }),
  );

describe("2.1 and 2.2.2 I-DATA as it leaves", () => {
  it("byte by byte", async () => {
    await adapted.call("sendmsg", { fd, len: 3, sid: 2, ppid: 0x0a0b0c0d, unordered: true });
    const [caught] = adapted.takes();
    const bytes = adapted.peer.write(caught!.packet.chunks);
    const tsnBytes = [24, 16, 8, 0].map((shift) => (adapted.peer.theirFirstTsn >>> shift) & 0xff);
    expect([...bytes.subarray(12)]).toEqual([
      ...[64, 0x07, 0, 23, ...tsnBytes],
      ...[0, 2, 0, 0, 0, 0, 0, 0],
      ...[0x0a, 0x0b, 0x0c, 0x0d, 0, 0, 0, 0],
    ]);
  });

  const sizes: readonly (readonly [number, readonly number[]])[] = [
    [1, [1]],
    [full, [full]],
    [full + 1, [full, 1]],
    [3 * full, [full, full, full]],
    [2 * full + 700, [full, full, 700]],
  ];

  it.each(sizes)("a message of %i bytes in fragments", async (len, fragments) => {
    await sends({ len });
    const chunks = adapted.chunks();
    expect(chunks.map((chunk) => (chunk.type === "I_DATA" ? chunk.payload.length : 0))).toEqual(fragments);
    expect(chunks.map((chunk) => (chunk.type === "I_DATA" ? chunk.fsn : -1))).toEqual([...fragments.keys()]);
  });

  it("counts messages apart by stream and order", async () => {
    const order = [{}, { unordered: true }, {}, { sid: 1 }, { sid: 1, unordered: true }, { unordered: true }];
    await sends(...order);
    expect(came().map(([, ...chunks]) => chunks)).toEqual([
      ["1: 0o0 BE0"],
      ["2: 0u0 BE0"],
      ["3: 0o1 BE0"],
      ["4: 1o0 BE0"],
      ["5: 1u0 BE0"],
      ["6: 0u1 BE0"],
    ]);
  });

  it("interleaves a large message with others as they come", async () => {
    await sends({ len: 6 * full });
    expect(came()).toEqual([
      [0, "1: 0o0 B0"],
      [0, "2: 0o0 1"],
      [0, "3: 0o0 2"],
    ]);
    await sends({ sid: 1 }, { sid: 2, len: 2 * full });
    expect(came()).toEqual([]);
    await acknowledges(2);
    // Two acknowledged and slow start: three leave.
    expect(came().flatMap(([, ...chunks]) => chunks)).toEqual([
      ...["4: 1o0 BE0", "5: 2o0 B0", "6: 0o0 3", "7: 2o0 E1"].slice(0, 4),
    ]);
    await acknowledges(7);
    expect(came().flatMap(([, ...chunks]) => chunks)).toEqual(["8: 0o0 4", "9: 0o0 E5"]);
  });

  it("does not interleave with DATA: the large message is finished first", async () => {
    const plain = new Adapted();
    adapted = plain;
    fd = await plain.socket();
    await plain.interleaves(fd);
    await plain.connects(fd, []);
    await sends({ len: 5 * 1452 }, { sid: 1 });
    let sent = 0;
    const streams: unknown[] = [];
    for (let round = 0; round < 4; round += 1) {
      for (const chunk of plain.chunks()) {
        if (chunk.type !== "DATA") continue;
        sent += 1;
        streams.push(chunk.streamId);
      }
      await plain.gives(plain.peer.sack(sent));
    }
    expect(streams).toEqual([0, 0, 0, 0, 0, 1]);
  });

  it("fragments are sent again with the same numbers: T3 after 1 s, then 2 s", async () => {
    await sends({ len: 2 * full, sid: 3 });
    expect(came()).toEqual([
      [0, "1: 3o0 B0"],
      [0, "2: 3o0 E1"],
    ]);
    await adapted.waits(3000);
    expect(came()).toEqual([
      [1000, "1: 3o0 B0"],
      [3000, "1: 3o0 B0"],
    ]);
    await acknowledges(1);
    expect(came()).toEqual([[3000, "2: 3o0 E1"]]);
  });

  it("a third missing report sends a fragment again at once", async () => {
    await sends({ len: 3 * full }, { sid: 1 });
    await acknowledges(0, [[2, 2]]);
    await acknowledges(0, [[2, 3]]);
    came();
    await acknowledges(0, [[2, 4]]);
    expect(came()).toEqual([[0, "1: 0o0 B0"]]);
  });

  it("I is on the last chunk before SHUTDOWN", async () => {
    await sends({ len: 5 * full });
    came();
    await adapted.call("shutdown", { fd, how: "SHUT_WR" });
    await acknowledges(3);
    expect(came()).toEqual([
      [0, "4: 0o0 3"],
      [0, "5: 0o0 EI4"],
    ]);
    await acknowledges(5);
    expect(came()).toEqual([[0, "SHUTDOWN"]]);
  });

  it("SCTP_STATUS says how much fits into a packet", async () => {
    expect(await adapted.option(fd, "SCTP_STATUS")).toMatchObject({ sstat_fragmentation_point: full });
    const plain = new Adapted();
    const other = await plain.connected([]);
    expect(await plain.option(other, "SCTP_STATUS")).toMatchObject({ sstat_fragmentation_point: full + 4 });
  });

  it("what was given before the association goes as I-DATA where that is agreed", async () => {
    for (const [parameters, type] of [
      [[both], "I_DATA"],
      [[], "DATA"],
    ] as const) {
      const early = new Adapted();
      const socket = await early.socket();
      await early.interleaves(socket);
      await early.request("connect", { fd: socket, ip: "192.0.2.1", port: 8080 });
      await early.call("write", { fd: socket, len: 10 });
      const cookie = { type: "STATE_COOKIE", cookie: Uint8Array.from([1]) } as const;
      await early.gives(early.peer.initAck({ parameters: [...parameters, cookie] }));
      await early.gives({ type: "COOKIE_ACK" });
      expect(early.chunks().map((chunk) => chunk.type)).toEqual(["INIT", "COOKIE_ECHO", type]);
    }
  });
});

const rtx = (value: number): Fields => ({ pr_policy: "rtx", pr_value: value });
const ttl = (value: number): Fields => ({ pr_policy: "ttl", pr_value: value });

/** Messages that all are lost, and what is sent up to `untilMs`, behind what leaves at once. */
const lost: readonly (readonly [
  string,
  readonly Fields[],
  number,
  readonly (readonly [number, ...string[]])[],
])[] = [
  ["rtx 0", [rtx(0)], 1000, [[1000, "skip 1: 0o0"]]],
  ["rtx 0, unordered", [{ ...rtx(0), unordered: true }], 1000, [[1000, "skip 1: 0u0"]]],
  [
    "rtx 1",
    [rtx(1)],
    3000,
    [
      [1000, "1: 0o0 BE0"],
      [3000, "skip 1: 0o0"],
    ],
  ],
  [
    "rtx 2 on stream 4",
    [{ ...rtx(2), sid: 4 }],
    7000,
    [
      [1000, "1: 4o0 BE0"],
      [3000, "1: 4o0 BE0"],
      [7000, "skip 1: 4o0"],
    ],
  ],
  ["ttl 500", [ttl(500)], 1000, [[1000, "skip 1: 0o0"]]],
  ["ttl 1000: over at the instant of T3", [ttl(1000)], 1000, [[1000, "skip 1: 0o0"]]],
  [
    "ttl 1001: one more retransmission",
    [ttl(1001)],
    3000,
    [
      [1000, "1: 0o0 BE0"],
      [3000, "skip 1: 0o0"],
    ],
  ],
  ["two of one stream", [rtx(0), rtx(0)], 1000, [[1000, "skip 2: 0o1"]]],
  [
    "two streams",
    [
      { ...rtx(0), sid: 5 },
      { ...rtx(0), sid: 1 },
    ],
    1000,
    [[1000, "skip 2: 5o0 1o0"]],
  ],
  [
    "ordered and unordered of one stream",
    [rtx(0), { ...rtx(0), unordered: true }],
    1000,
    [[1000, "skip 2: 0o0 0u0"]],
  ],
  ["three fragments", [{ ...rtx(0), len: 3 * full }], 1000, [[1000, "skip 3: 0o0"]]],
  [
    "given up again and again until it is acknowledged",
    [rtx(0)],
    7000,
    [
      [1000, "skip 1: 0o0"],
      [3000, "skip 1: 0o0"],
      [7000, "skip 1: 0o0"],
    ],
  ],
  ["one before a reliable one", [rtx(0), { sid: 1 }], 1000, [[1000, "skip 1: 0o0", "2: 1o0 BE0"]]],
  ["one behind a reliable one", [{ sid: 1 }, rtx(0)], 1000, [[1000, "1: 1o0 BE0"]]],
];

describe("2.3.1 what is sent for a message that was given up", () => {
  it.each(lost)("%s", async (_, messages, untilMs, expected) => {
    await sends(...messages);
    came();
    await adapted.waits(untilMs);
    expect(came()).toEqual(expected);
  });

  it("the fragments that the peer has are skipped with the others", async () => {
    await sends({ ...rtx(0), len: 3 * full });
    await acknowledges(1, [[3, 3]]);
    came();
    await adapted.waits(1000);
    expect(came()).toEqual([[1000, "skip 3: 0o0"]]);
    await acknowledges(3);
    await sends({});
    expect(came()).toEqual([[1000, "4: 0o1 BE0"]]);
  });

  it("the third SACK that is behind it brings it again", async () => {
    await sends({ ...rtx(0) }, { ...rtx(0) }, { sid: 1 });
    await acknowledges(0, [[3, 3]]);
    came();
    await adapted.waits(1000);
    expect(came()).toEqual([[1000, "skip 2: 0o1"]]);
    await acknowledges(0, [[3, 3]]);
    await acknowledges(1, [[3, 3]]);
    expect(came()).toEqual([]);
    await acknowledges(1, [[3, 3]]);
    expect(came()).toEqual([[1000, "skip 2: 0o1"]]);
    await acknowledges(3);
    await adapted.waits(10_000);
    expect(came()).toEqual([]);
  });

  it("a priority makes room in a full buffer", async () => {
    await adapted.request("setsockopt", { fd, level: "SOL_SOCKET", name: "SO_SNDBUF", value: 2000 });
    await sends(
      { sid: 1, len: 900, pr_policy: "prio", pr_value: 4 },
      { sid: 2, len: 900, pr_policy: "prio", pr_value: 8 },
    );
    came();
    await sends({ sid: 3, len: 900, pr_policy: "prio", pr_value: 1 });
    expect(came().flatMap(([, ...chunks]) => chunks)).toEqual(["3: 3o0 BE0"]);
    await acknowledges(1);
    expect(came()).toEqual([[0, "skip 2: 2o0"]]);
    expect(await adapted.request("sendmsg", { fd, len: 1200, pr_policy: "prio", pr_value: 4 })).toMatchObject(
      { ret: -1, err: "EAGAIN" },
    );
  });

  it.each([
    ["lists I-DATA alone", lists(iDataType)],
    ["lists I-DATA and FORWARD TSN", lists(iDataType, forwardTsnType)],
  ])("a peer that %s gets everything again instead", async (_, parameter) => {
    adapted = new Adapted();
    fd = await adapted.connected([parameter]);
    await sends(rtx(0), ttl(100));
    came();
    await adapted.waits(1000);
    expect(came()).toEqual([[1000, "1: 0o0 BE0", "2: 0o1 BE0"]]);
  });
});
