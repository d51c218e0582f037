import { describe, expect, it } from "vitest";
import type { RandomSource, Reliability, SchedulerName } from "../../../agents/sctp/index.ts";
import { schedulerNames, seededRandom } from "../../../agents/sctp/index.ts";
import type { Peer, User } from "../rfc9260/kit.ts";
import type { Sketch } from "../rfc9260/sketches.ts";
import { sack } from "../rfc9260/sketches.ts";
import { interleaved } from "./kit.ts";

const pick = <T>(random: RandomSource, of: readonly T[]): T => of[random.uint32() % of.length]!;

const policies: readonly (Reliability | undefined)[] = [
  undefined,
  { policy: "limited-retransmissions", maxRetransmits: 0 },
  { policy: "limited-retransmissions", maxRetransmits: 0 },
  { policy: "limited-retransmissions", maxRetransmits: 1 },
  { policy: "timed", lifetimeMs: 400 },
  { policy: "timed", lifetimeMs: 3000 },
];

const counterOf = ({ streamId, unordered }: Readonly<Record<string, unknown>>): string =>
  `${String(streamId)} ${String(unordered)}`;

/** Stream, order and number of a message. */
const nameOf = (chunk: Sketch): string =>
  `${String(chunk["streamId"])}${chunk["unordered"] === true ? "u" : "o"}${String(chunk["messageId"])}`;

/** What the peer of a sender gets through a bad network, and whether RFC 8260 allows it. */
class Observer {
  /** The first copy of each TSN that left, whether it arrived or not. */
  readonly sent: Map<number, Sketch> = new Map<number, Sketch>();
  readonly got: Map<number, Sketch> = new Map<number, Sketch>();
  /** Highest MID that the sender said it skips, by stream and order. */
  readonly #announced: Map<string, number> = new Map<string, number>();
  cumulative: number = 0;
  #highest: number = 0;
  /** FSN of the last fragment of the message that a stream is at, where that has not ended. */
  readonly #unfinished: Map<unknown, Sketch> = new Map<unknown, Sketch>();
  readonly #nextMid: Map<string, number> = new Map<string, number>();

  leaves(chunk: Sketch): void {
    const tsn = chunk["tsn"] as number;
    const before = this.sent.get(tsn);
    if (before !== undefined) {
      expect(chunk, "a chunk that is sent again is the same").toEqual(before);
      return;
    }
    expect(tsn, "TSNs leave in sequence").toBeGreaterThan(this.#highest);
    this.#highest = tsn;
    this.sent.set(tsn, chunk);
    const givenUp = this.#announced.get(counterOf(chunk)) ?? -1;
    expect(chunk["messageId"], "nothing new leaves of what was given up").toBeGreaterThan(givenUp);
    const stream = chunk["streamId"];
    const last = this.#unfinished.get(stream);
    if (chunk["beginning"] === true) {
      const counter = counterOf(chunk);
      const expected = this.#nextMid.get(counter) ?? 0;
      expect(chunk["messageId"], "MIDs are counted by stream and order").toBe(expected);
      this.#nextMid.set(counter, expected + 1);
      expect(chunk["fsn"]).toBe(0);
    } else {
      expect(last, "a fragment goes on with the message that its stream is at").toBeDefined();
      expect(nameOf(chunk)).toBe(nameOf(last!));
      expect(chunk["fsn"]).toBe((last!["fsn"] as number) + 1);
      expect(chunk["ppid"]).toBe(0);
    }
    if (chunk["ending"] === true) this.#unfinished.delete(stream);
    else this.#unfinished.set(stream, chunk);
  }

  arrives(chunk: Sketch): void {
    const tsn = chunk["tsn"] as number;
    if (tsn > this.cumulative) this.got.set(tsn, chunk);
    this.#advance();
  }

  announces({ streams }: Sketch): void {
    for (const each of streams as readonly Sketch[])
      this.#announced.set(counterOf(each), each["messageId"] as number);
  }

  /** Everything up to the new TSN that did not arrive is a message that is listed. */
  skips({ newCumulativeTsn, streams }: Sketch): void {
    const listed = streams as readonly { streamId: number; unordered: boolean; messageId: number }[];
    const upTo = newCumulativeTsn as number;
    for (let tsn = this.cumulative + 1; tsn <= upTo; tsn += 1) {
      const lost = this.sent.get(tsn);
      if (lost === undefined || this.got.has(tsn)) continue;
      const { streamId, unordered, messageId } = lost;
      const entry = listed.find((each) => each.streamId === streamId && each.unordered === unordered);
      expect(entry?.messageId, `TSN ${tsn} is skipped and listed`).toBeGreaterThanOrEqual(
        messageId as number,
      );
    }
    this.cumulative = Math.max(this.cumulative, upTo);
    this.#advance();
  }

  #advance(): void {
    while (this.got.has(this.cumulative + 1)) this.cumulative += 1;
  }

  sack(): Sketch {
    const above = [...this.got.keys()].filter((tsn) => tsn > this.cumulative).toSorted((a, b) => a - b);
    const gaps: [number, number][] = [];
    for (const tsn of above) {
      const open = gaps.at(-1);
      if (open !== undefined && open[1] === tsn - 1) open[1] = tsn;
      else gaps.push([tsn, tsn]);
    }
    return sack(this.cumulative, { gaps });
  }

  /** PPIDs of the messages that became whole. */
  whole(): number[] {
    const messages = new Map<string, Sketch[]>();
    for (const chunk of this.got.values()) {
      const parts = messages.get(nameOf(chunk)) ?? [];
      parts[chunk["fsn"] as number] = chunk;
      messages.set(nameOf(chunk), parts);
    }
    return [...messages.values()]
      .filter((parts) => parts.at(-1)?.["ending"] === true && !parts.includes(undefined as never))
      .filter((parts) => Object.keys(parts).length === parts.length)
      .map((parts) => parts[0]!["ppid"] as number);
  }
}

/** One round: what leaves may be lost, and the peer may answer. */
function round(random: RandomSource, peer: Peer, observer: Observer, lossy: boolean): void {
  for (const { chunks } of peer.skips(lossy ? random.uint32() % 700 : 1000)) {
    const lost = lossy && random.uint32() % 3 === 0;
    for (const chunk of chunks) {
      if (chunk.type === "I_DATA") observer.leaves(chunk);
      else if (chunk.type === "I_FORWARD_TSN") observer.announces(chunk);
      if (lost) continue;
      if (chunk.type === "I_DATA") observer.arrives(chunk);
      else if (chunk.type === "I_FORWARD_TSN") observer.skips(chunk);
    }
  }
  if (!lossy || random.uint32() % 3 > 0) peer.sends(observer.sack());
}

function give(random: RandomSource, user: User, number: number): boolean {
  const reliability = pick(random, policies);
  user.sends({
    streamId: random.uint32() % 3,
    unordered: random.uint32() % 3 === 0,
    size: pick(random, [1, 300, 980, 981, 2500, 9000]),
    ppid: number,
    ...(reliability === undefined ? {} : { reliability }),
  });
  return reliability === undefined;
}

const runs = schedulerNames.flatMap((scheduler) =>
  [1, 2, 3, 4, 5].map((seed) => [scheduler, seed] as const),
) satisfies readonly (readonly [SchedulerName, number])[];

describe("2.2.2 whatever is lost and given up", () => {
  it.each(runs)("%s, seed %i: numbers, skips and messages are right", (scheduler, seed) => {
    const random = seededRandom(1000 * seed + 7);
    const { peer, user } = interleaved({
      peerWindow: 60_000,
      parameters: {
        scheduler,
        associationMaxRetrans: 1000,
        pathMaxRetrans: 1000,
        sendBufferBytes: 1_000_000,
      },
    });
    const observer = new Observer();
    const reliable: number[] = [];
    for (let number = 1; number <= 100; number += 1) {
      if (give(random, user, number)) reliable.push(number);
      if (random.uint32() % 2 === 0) round(random, peer, observer, true);
    }
    for (let rest = 0; rest < 300; rest += 1) round(random, peer, observer, false);
    expect(user.state).toBe("established");
    expect(peer.endpoint.pendingBytes(peer.handle)).toBe(0);
    expect(observer.whole()).toEqual(expect.arrayContaining(reliable));
    // And what was given up was told.
    const told = new Set(
      peer.notifications.flatMap((each) => (each.type === "send-failed" ? [each.ppid] : [])),
    );
    const missing = Array.from({ length: 100 }, (_, at) => at + 1).filter(
      (number) => !observer.whole().includes(number),
    );
    expect(missing.filter((number) => !told.has(number))).toEqual([]);
    expect(missing.length).toBeGreaterThan(0);
  });
});
