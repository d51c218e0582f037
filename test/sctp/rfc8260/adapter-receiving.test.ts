import { beforeEach, describe, expect, it } from "vitest";
import { tsn } from "../../../agents/sctp/index.ts";
import type { Chunk, IDataChunk } from "../../../agents/sctp/wire/index.ts";
import { ScriptPeer } from "../../support/sctp-script.ts";
import { Adapted, data, lists } from "./adapted.ts";
import { iDataType } from "./kit.ts";

/** Chunks of 100 bytes: TSN, and what differs from message 0 of stream 0 in one chunk. */
type Step = readonly [tsn: number, fields?: Partial<IDataChunk>];

const B = { ending: false } as const;
const M = (fsn: number): Partial<IDataChunk> => ({ beginning: false, ending: false, fsn });
const E = (fsn: number): Partial<IDataChunk> => ({ beginning: false, fsn });
const U = { unordered: true } as const;

const skip = (
  newCumulativeTsn: number,
  ...streams: readonly (readonly [streamId: number, messageId: number, unordered?: "U"])[]
): Chunk => ({
  type: "I_FORWARD_TSN",
  newCumulativeTsn: tsn(newCumulativeTsn),
  streams: streams.map(([streamId, messageId, unordered]) => ({
    streamId,
    messageId,
    unordered: unordered === "U",
  })),
});

let adapted: Adapted;
let fd = 0;
beforeEach(async () => {
  adapted = new Adapted();
  fd = await adapted.connected();
});

/** What can be read after each chunk. */
const deliveries: readonly (readonly [string, readonly Step[], readonly (readonly string[])[]])[] = [
  ["a message", [[1]], [["0o0:100"]]],
  ["in order", [[1], [2, { messageId: 1 }]], [["0o0:100"], ["0o1:100"]]],
  ["out of order", [[2, { messageId: 1 }], [1]], [[], ["0o0:100", "0o1:100"]]],
  ["in order behind a hole in the TSNs", [[3], [1, { messageId: 1 }]], [["0o0:100"], ["0o1:100"]]],
  [
    "unordered out of order",
    [
      [2, { messageId: 1, ...U }],
      [1, U],
    ],
    [["0u1:100"], ["0u0:100"]],
  ],
  [
    "fragments",
    [
      [1, B],
      [2, M(1)],
      [3, E(2)],
    ],
    [[], [], ["0o0:300"]],
  ],
  [
    "fragments backwards",
    [
      [3, E(2)],
      [2, M(1)],
      [1, B],
    ],
    [[], [], ["0o0:300"]],
  ],
  [
    "two streams chunk by chunk",
    [
      [1, B],
      [2, { streamId: 1, ...B }],
      [3, E(1)],
      [4, { streamId: 1, ...E(1) }],
    ],
    [[], [], ["0o0:200"], ["1o0:200"]],
  ],
  [
    "ordered and unordered chunk by chunk",
    [
      [1, B],
      [2, { ...B, ...U }],
      [3, { ...E(1), ...U }],
      [4, E(1)],
    ],
    [[], [], ["0u0:200"], ["0o0:200"]],
  ],
  [
    "a message waits for the one before it, which lacks a fragment",
    [
      [1, B],
      [3, { messageId: 1 }],
      [2, E(1)],
    ],
    [[], [], ["0o0:200", "0o1:100"]],
  ],
  [
    "a message of another stream does not",
    [
      [1, B],
      [3, { streamId: 1 }],
    ],
    [[], ["1o0:100"]],
  ],
];

describe("2.2.3 what the user reads", () => {
  it.each(deliveries)("%s", async (_, steps, expected) => {
    const read: string[][] = [];
    for (const [number, fields] of steps) {
      await adapted.givesData(number, fields);
      read.push(await adapted.reads(fd));
    }
    expect(read).toEqual(expected);
  });

  it("the PPID and the TSN of the first fragment", async () => {
    await adapted.givesData(1, { streamId: 3, ppid: 0x01020304, ...B });
    await adapted.givesData(2, { streamId: 3, ...E(1) });
    const { ret, eor, notification, info } = await adapted.request("recvmsg", { fd, max: 1000 });
    expect({ ret, eor, notification }).toEqual({ ret: 200, eor: true, notification: false });
    expect(info).toEqual({
      sid: 3,
      ssn: 0,
      unordered: false,
      ppid: 0x01020304,
      tsn: 1,
      cumtsn: 2,
      context: 0,
    });
  });

  it("a buffer that is too small gets a message in parts", async () => {
    await adapted.givesData(1, B);
    await adapted.givesData(2, E(1));
    const read = [];
    for (const max of [150, 30, 30]) {
      const { ret, eor } = await adapted.request("recvmsg", { fd, max });
      read.push([ret, eor]);
    }
    expect(read).toEqual([
      [150, false],
      [30, false],
      [20, true],
    ]);
    expect(await adapted.request("recvmsg", { fd, max: 1 })).toMatchObject({ ret: -1, err: "EAGAIN" });
  });

  it("two large messages on two streams in parts, and a small one of a third in between", async () => {
    expect(await adapted.set(fd, "SCTP_PARTIAL_DELIVERY_POINT", { assoc_value: 200 })).toBe("ok");
    for (const [number, fields] of [
      [1, B],
      [2, { streamId: 1, ...B }],
      [3, M(1)],
      [4, { streamId: 1, ...M(1) }],
    ] as const)
      await adapted.givesData(number, fields);
    expect(await adapted.reads(fd)).toEqual(["0o0:200..", "1o0:200.."]);
    await adapted.givesData(5, { streamId: 2 });
    await adapted.givesData(6, { streamId: 1, ...E(2) });
    await adapted.givesData(7, E(2));
    expect(await adapted.reads(fd)).toEqual(["2o0:100", "1o0:100", "0o0:100"]);
  });

  it("the advertised window is what is left of the receive buffer", async () => {
    await adapted.givesData(1, { payload: new Uint8Array(1000) });
    const windows = async (): Promise<unknown[]> => {
      await adapted.waits(200);
      return adapted.chunks().map((chunk) => (chunk.type === "SACK" ? chunk.advertisedWindow : chunk.type));
    };
    // Not read yet; and a fragment that waits takes 64 bytes besides.
    expect(await windows()).toEqual([256 * 1024 - 1000]);
    await adapted.givesData(2, { messageId: 1, ...B });
    expect(await windows()).toEqual([256 * 1024 - 1000 - 100 - 64]);
    await adapted.reads(fd);
    await adapted.givesData(3, { messageId: 1, ...E(1) });
    expect(await windows()).toEqual([256 * 1024 - 200]);
  });
});

describe("2.2 when SACKs leave", () => {
  it("the first I-DATA is acknowledged at once, then every second packet or after 200 ms", async () => {
    await adapted.givesData(1);
    adapted.expects({ chunks: [{ type: "SACK", cumulativeTsn: 1, gaps: [], duplicates: [] }], atMs: 0 });
    await adapted.givesData(2, { messageId: 1 });
    adapted.expects();
    await adapted.waits(1000, true);
    adapted.expects({ chunks: [{ type: "SACK", cumulativeTsn: 2 }], atMs: 200 });
    await adapted.givesData(3, { messageId: 2 });
    await adapted.givesData(4, { messageId: 3 });
    adapted.expects({ chunks: [{ type: "SACK", cumulativeTsn: 4 }], atMs: 200 });
  });

  it.each([
    ["whole", {}],
    ["first", B],
    ["middle", M(1)],
    ["last", E(1)],
  ])("at once for the I bit of a %s one", async (_, fields) => {
    await adapted.givesData(1);
    adapted.takes();
    await adapted.givesData(2, { messageId: 1, ...fields, immediate: true });
    adapted.expects({ chunks: [{ type: "SACK", cumulativeTsn: 2 }], atMs: 0 });
  });

  it("at once with a gap, which a fragment fills", async () => {
    await adapted.givesData(1);
    adapted.takes();
    await adapted.givesData(4, { messageId: 1, ...E(2) });
    adapted.expects({ chunks: [{ type: "SACK", cumulativeTsn: 1, gaps: [{ start: 3, end: 3 }] }] });
    await adapted.givesData(2, { messageId: 1, ...B });
    adapted.expects({ chunks: [{ type: "SACK", cumulativeTsn: 2, gaps: [{ start: 2, end: 2 }] }] });
    await adapted.givesData(3, { messageId: 1, ...M(1) });
    adapted.expects({ chunks: [{ type: "SACK", cumulativeTsn: 4, gaps: [] }], atMs: 0 });
  });
});

const violations: readonly (readonly [string, readonly Chunk[]])[] = [
  ["FSN 0 without B", [data(1, M(0))]],
  ["FSN 0 and E without B", [data(1, E(0))]],
  ["two Bs", [data(1, B), data(2, B)]],
  ["two Es", [data(1, E(3)), data(2, E(2))]],
  ["an FSN twice", [data(1, M(2)), data(2, M(2))]],
  ["an FSN behind E", [data(1, E(2)), data(2, M(3))]],
  ["a MID twice", [data(1), data(2)]],
  ["a MID twice, out of order", [data(2, { messageId: 1 }), data(3, { messageId: 1 })]],
  ["a MID that I-FORWARD-TSN has skipped", [skip(1, [0, 5]), data(2, { messageId: 5 })]],
  ["a beginning of one that it has skipped", [skip(1, [0, 5]), data(2, { messageId: 3, ...B })]],
  ["DATA", [new ScriptPeer().data(100)]],
  ["FORWARD TSN", [{ type: "FORWARD_TSN", newCumulativeTsn: tsn(1), streams: [] }]],
];

describe("2.2.3 and 2.3.1 violations", () => {
  it.each(violations)(
    "%s: ABORT with Protocol Violation, and the user gets ECONNABORTED",
    async (_, chunks) => {
      for (const chunk of chunks.slice(0, -1)) await adapted.gives(chunk);
      adapted.takes();
      expect(await adapted.state(fd)).toBe("SCTP_ESTABLISHED");
      await adapted.gives(chunks.at(-1)!);
      adapted.expects({
        chunks: [{ type: "ABORT", tagReflected: false, causes: [expect.objectContaining({ code: 13 })] }],
        tag: adapted.peer.tag,
        atMs: 0,
      });
      expect(await adapted.error(fd)).toBe("ECONNABORTED");
    },
  );

  it("no user data: cause 9 with the TSN", async () => {
    await adapted.givesData(1, { payload: new Uint8Array(0) });
    adapted.expects({ chunks: [{ type: "ABORT", causes: [{ type: "NO_USER_DATA", code: 9, tsn: 1 }] }] });
  });

  it("I-DATA where only one side has it", async () => {
    const other = new Adapted();
    await other.connects(await other.socket(), [lists(iDataType)]);
    await other.givesData(1);
    other.expects({ chunks: [{ type: "ABORT", causes: [{ code: 13 }] }] });
  });

  it("a stream that does not exist: ERROR, cause 1, and a SACK", async () => {
    await adapted.givesData(1, { streamId: 16 });
    const chunks = adapted.chunks();
    expect(chunks.find(({ type }) => type === "ERROR")).toMatchObject({
      causes: [{ code: 1, streamId: 16 }],
    });
    expect(chunks.find(({ type }) => type === "SACK")).toMatchObject({ cumulativeTsn: 1 });
    expect(await adapted.reads(fd)).toEqual([]);
  });
});

describe("2.3.1 I-FORWARD-TSN", () => {
  it.each<readonly [string, readonly Step[], Chunk, readonly string[], number]>([
    ["skips a message", [[2, { messageId: 1 }]], skip(1, [0, 0]), ["0o1:100"], 2],
    [
      "delivers what is whole before it",
      [
        [2, { messageId: 1 }],
        [4, { messageId: 3 }],
      ],
      skip(3, [0, 2]),
      ["0o1:100", "0o3:100"],
      4,
    ],
    [
      "throws fragments away",
      [
        [1, B],
        [3, E(2)],
        [4, { messageId: 1 }],
      ],
      skip(2, [0, 0]),
      ["0o1:100"],
      4,
    ],
    [
      "throws unordered fragments away",
      [
        [1, { ...B, ...U }],
        [3, { ...E(2), ...U }],
      ],
      skip(2, [0, 0, "U"]),
      [],
      3,
    ],
    [
      "skips in several streams",
      [
        [3, { messageId: 1 }],
        [4, { streamId: 1, messageId: 1 }],
      ],
      skip(2, [0, 0], [1, 0]),
      ["0o1:100", "1o1:100"],
      4,
    ],
    ["lists nothing", [[2]], skip(1), [], 2],
  ])("%s", async (_, before, chunk, read, cumulativeTsn) => {
    for (const [number, fields] of before) await adapted.givesData(number, fields);
    const earlier = await adapted.reads(fd);
    adapted.takes();
    await adapted.gives(chunk);
    // There was a hole: the SACK leaves at once.
    adapted.expects({ chunks: [{ type: "SACK", cumulativeTsn, gaps: [], duplicates: [] }], atMs: 0 });
    expect(await adapted.reads(fd)).toEqual(read);
    expect(earlier.length).toBe(chunk.type === "I_FORWARD_TSN" && chunk.streams.length === 0 ? 1 : 0);
    expect((await adapted.option(fd, "SCTP_STATUS")) as object).toMatchObject({ sstat_penddata: 0 });
  });

  it("alone it is acknowledged at once, with data like data", async () => {
    await adapted.givesData(1);
    adapted.takes();
    await adapted.gives(skip(3, [0, 2]));
    adapted.expects({ chunks: [{ type: "SACK", cumulativeTsn: 3 }], atMs: 0 });
    await adapted.gives(skip(4, [0, 3]), data(5, { messageId: 4 }));
    adapted.expects();
    await adapted.waits(1000, true);
    adapted.expects({ chunks: [{ type: "SACK", cumulativeTsn: 5 }], atMs: 200 });
  });

  it("an old one is answered at once and changes nothing", async () => {
    await adapted.givesData(1);
    adapted.takes();
    await adapted.gives(skip(1, [0, 40]));
    adapted.expects({ chunks: [{ type: "SACK", cumulativeTsn: 1 }], atMs: 0 });
    await adapted.givesData(2, { messageId: 1 });
    expect(await adapted.reads(fd)).toEqual(["0o0:100", "0o1:100"]);
  });

  it("after a first part was read, the message ends without an end, and the next one follows", async () => {
    expect(await adapted.set(fd, "SCTP_PARTIAL_DELIVERY_POINT", { assoc_value: 200 })).toBe("ok");
    await adapted.givesData(1, B);
    await adapted.givesData(2, M(1));
    expect(await adapted.reads(fd)).toEqual(["0o0:200.."]);
    await adapted.gives(skip(4, [0, 0]));
    await adapted.givesData(5, { messageId: 1 });
    expect(await adapted.reads(fd)).toEqual(["0o1:100"]);
  });
});
