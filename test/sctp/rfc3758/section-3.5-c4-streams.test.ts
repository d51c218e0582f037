import { describe, expect, it } from "vitest";
import { FULL, start } from "../rfc9260/kit.ts";
import type { Sketch } from "../rfc9260/sketches.ts";
import { cookieEcho, data, sack } from "../rfc9260/sketches.ts";
import { agreed, forward, partiallyReliable, retransmitted } from "./kit.ts";

/** One message: stream, `o`rdered or `u`nordered, and how many bytes. */
type Message = readonly [number, "o" | "u", number?];

interface Case {
  readonly name: string;
  readonly messages: readonly Message[];
  readonly expected: Sketch;
}

const cases: readonly Case[] = [
  { name: "one ordered message", messages: [[0, "o"]], expected: forward(1, [0, 0]) },
  {
    name: "two of one stream: the higher SSN",
    messages: [
      [0, "o"],
      [0, "o"],
    ],
    expected: forward(2, [0, 1]),
  },
  {
    name: "one each of two streams",
    messages: [
      [0, "o"],
      [1, "o"],
    ],
    expected: forward(2, [0, 0], [1, 0]),
  },
  {
    name: "streams in turn: each once, with its highest SSN",
    messages: [
      [3, "o"],
      [5, "o"],
      [3, "o"],
      [5, "o"],
      [3, "o"],
    ],
    expected: forward(5, [3, 2], [5, 1]),
  },
  { name: "one unordered message: no stream", messages: [[0, "u"]], expected: forward(1) },
  {
    name: "only unordered messages: no stream",
    messages: [
      [0, "u"],
      [1, "u"],
      [2, "u"],
    ],
    expected: forward(3),
  },
  {
    name: "unordered before ordered, of one stream",
    messages: [
      [2, "u"],
      [2, "o"],
    ],
    expected: forward(2, [2, 0]),
  },
  {
    name: "unordered behind ordered, of one stream: the SSN is that of the ordered one",
    messages: [
      [2, "o"],
      [2, "u"],
    ],
    expected: forward(2, [2, 0]),
  },
  {
    name: "unordered and ordered of different streams",
    messages: [
      [1, "u"],
      [2, "o"],
      [3, "u"],
    ],
    expected: forward(3, [2, 0]),
  },
  {
    name: "a message in two fragments: its stream once",
    messages: [[4, "o", 2 * FULL]],
    expected: forward(2, [4, 0]),
  },
  { name: "unordered fragments: no stream", messages: [[4, "u", 2 * FULL]], expected: forward(2) },
  { name: "the last stream that there is", messages: [[9, "o"]], expected: forward(1, [9, 0]) },
];

const lossyMessage = ([streamId, order, size = 100]: Message): Record<string, unknown> => ({
  streamId,
  unordered: order === "u",
  size,
  ...retransmitted(0),
});

describe("3.5 C4: what FORWARD TSN lists", () => {
  it.each(cases)("$name", ({ messages, expected }) => {
    const { peer, user } = agreed();
    user.sends(...messages.map(lossyMessage));
    peer.skips();
    const arrivals = peer.skips(1000);
    expect(arrivals.flatMap(({ chunks }) => chunks)).toMatchObject([expected]);
    // Four bytes for each stream, and eight before them.
    const streams = expected["streams"] as readonly unknown[];
    expect(arrivals[0]?.sizeBytes).toBe(12 + 8 + 4 * streams.length);
  });

  it("the chunk's flags are zero", () => {
    const { peer, user } = agreed();
    user.sends(lossyMessage([0, "o"]));
    peer.skips();
    const [packet] = peer.skips(1000);
    expect([...packet!.bytes.subarray(12, 16)]).toEqual([192, 0, 0, 12]);
  });

  it("nothing of what is beyond the point", () => {
    const { peer, user } = agreed();
    user.sends(lossyMessage([0, "o"]), { streamId: 1 }, lossyMessage([2, "o"]));
    peer.skips();
    peer.getsAfter(1000, [forward(1, [0, 0]), data(2)]);
  });

  it("nothing of what the peer has moved over already", () => {
    const { peer, user } = agreed();
    user.sends(lossyMessage([0, "o"]), lossyMessage([1, "o"]));
    peer.skips();
    peer.sends(sack(1));
    peer.getsAfter(1000, forward(2, [1, 0]));
  });

  it("the SSN of the stream, not the number of the message", () => {
    const { peer, user } = agreed();
    user.sends({ streamId: 3 }, { streamId: 3 }, { streamId: 3 });
    peer.skips();
    peer.sends(sack(3));
    user.sends(lossyMessage([3, "o"]));
    peer.gets(data(4, { ssn: 3 }));
    peer.getsAfter(1000, forward(4, [3, 3]));
  });

  it("the SSN behind its wrap", () => {
    const { peer, user } = agreed({ peerWindow: 1_000_000, parameters: { sendBufferBytes: 10_000_000 } });
    let sent = 0;
    while (sent < 65_535) {
      const count = Math.min(15, 65_535 - sent);
      user.sends(...Array.from({ length: count }, () => 1));
      sent += count;
      peer.skips();
      peer.sends(sack(sent));
      peer.skips();
    }
    user.sends(lossyMessage([0, "o"]), lossyMessage([0, "o"]));
    peer.gets([data(65_536, { ssn: 65_535 }), data(65_537, { ssn: 0 })]);
    peer.getsAfter(1000, forward(65_537, [0, 0]));
  });

  it("an unordered message uses up no SSN", () => {
    const { peer, user } = agreed();
    user.sends(lossyMessage([0, "u"]), lossyMessage([0, "o"]));
    peer.skips();
    peer.skips(1000);
    peer.sends(sack(2));
    user.sends(100);
    peer.gets(data(3, { ssn: 1 }));
  });

  it("as many streams as a packet takes; the point is lowered to the last of them", () => {
    const { peer, user } = start(
      partiallyReliable({ parameters: { packetSizeBytes: 512, outboundStreams: 200 } }),
    );
    peer.calls({ inboundStreams: 200 });
    peer.takesInitAck();
    peer.sends(cookieEcho());
    // Slow start, until the congestion window takes what is sent at once below.
    user.sends(...Array.from({ length: 20 }, () => 484));
    for (let tsn = 1; tsn <= 20; tsn += 1) peer.sends(sack(tsn));
    peer.skips();
    // 12 bytes of common header, 8 of the chunk, 4 for each stream: 123 fit into 512 bytes.
    user.sends(...Array.from({ length: 130 }, (_, index) => lossyMessage([index + 1, "o", 1])));
    peer.skips();
    const [packet] = peer.skips(1000);
    expect(packet?.sizeBytes).toBe(512);
    expect(packet?.chunks).toMatchObject([forward(20 + 123, ...pairs(1, 124))]);
    peer.sends(sack(20 + 123));
    peer.gets(forward(20 + 130, ...pairs(124, 131)));
  });
});

const pairs = (from: number, to: number): (readonly [number, number])[] =>
  Array.from({ length: to - from }, (_, index) => [from + index, 0] as const);
