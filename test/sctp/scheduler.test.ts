import { describe, expect, it } from "vitest";
import type { SchedulerName } from "../../agents/sctp/base/parameters.ts";
import { tsn } from "../../agents/sctp/base/serial.ts";
import { Scheduler } from "../../agents/sctp/tx/scheduler.ts";
import { assignTsn, createSendState, enqueue, plainTerms } from "../../agents/sctp/tx/send-state.ts";

interface Plan {
  readonly name: SchedulerName;
  readonly interleaving?: boolean;
  /** Stream and length of each message, in the order in which they are queued. */
  readonly messages: readonly (readonly [number, number])[];
  readonly values?: readonly (readonly [number, number])[];
  readonly fragment?: number;
  readonly fragmentsInPacket?: number;
}

/** Streams in the order in which their fragments get TSNs. */
function order(plan: Plan): number[] {
  const { name, interleaving = false, messages, values = [], fragment = 100, fragmentsInPacket = 2 } = plan;
  const send = createSendState(tsn(1), interleaving);
  const scheduler = new Scheduler(name, interleaving);
  for (const [streamId, value] of values) scheduler.setValue(streamId, value);
  for (const [streamId, length] of messages) {
    const wasEmpty = (send.streams.get(streamId)?.queue.length ?? 0) === 0;
    enqueue(send, streamId, 0, false, false, new Uint8Array(length), plainTerms);
    scheduler.queued(streamId, wasEmpty);
  }
  const streams: number[] = [];
  for (let stream = scheduler.next(send); stream !== undefined; stream = scheduler.next(send)) {
    const message = stream.queue.first;
    if (message === undefined) throw new Error("a stream with nothing to send has its turn");
    const { streamId, payload, assignedBytes } = message;
    const bytes = Math.min(fragment, payload.length - assignedBytes);
    const chunk = assignTsn(send, send.nextTsn, streamId, bytes);
    scheduler.assigned(streamId, bytes, chunk.ending, chunk.ending && stream.queue.length === 0);
    streams.push(streamId);
    if (streams.length % fragmentsInPacket === 0) scheduler.packetFilled();
  }
  return streams;
}

const two = (first: number, second: number, count: number, length: number): [number, number][] =>
  Array.from({ length: 2 * count }, (_, index) => [index < count ? first : second, length]);

describe("stream schedulers (RFC 8260 section 3)", () => {
  it("first come, first served: messages in the order of the user's calls", () => {
    const messages = [
      [3, 100],
      [1, 100],
      [3, 100],
      [2, 100],
    ] as const;
    expect(order({ name: "first-come-first-served", messages })).toEqual([3, 1, 3, 2]);
  });

  it("round robin: a message of each stream in turn; with I-DATA a fragment", () => {
    const messages = two(1, 2, 2, 200);
    expect(order({ name: "round-robin", messages })).toEqual([1, 1, 2, 2, 1, 1, 2, 2]);
    expect(order({ name: "round-robin", messages, interleaving: true })).toEqual([1, 2, 1, 2, 1, 2, 1, 2]);
  });

  it("round robin per packet: a packet holds fragments of one stream", () => {
    const messages = two(1, 2, 4, 100);
    expect(order({ name: "round-robin-per-packet", messages })).toEqual([1, 1, 2, 2, 1, 1, 2, 2]);
  });

  it("priority: the smallest number first, equals in turn", () => {
    const messages = [...two(1, 2, 2, 100), [3, 100] as const];
    const values = [
      [1, 7],
      [2, 7],
      [3, 1],
    ] as const;
    expect(order({ name: "priority", messages, values })).toEqual([3, 1, 2, 1, 2]);
  });

  it("fair bandwidth: equal bytes, whatever the size of messages", () => {
    const messages = [
      ...Array.from({ length: 3 }, () => [1, 400] as const),
      ...Array.from({ length: 12 }, () => [2, 100] as const),
    ];
    const served = order({ name: "fair-bandwidth", messages, interleaving: true });
    const firstHalf = served.slice(0, 12);
    expect(firstHalf.filter((streamId) => streamId === 1)).toHaveLength(6);
  });

  it("weighted fair queueing: bytes in the ratio of the weights", () => {
    const messages = two(1, 2, 30, 100);
    const served = order({
      name: "weighted-fair-queueing",
      messages,
      values: [
        [1, 1],
        [2, 3],
      ],
    });
    expect(served.slice(0, 24).filter((streamId) => streamId === 2)).toHaveLength(18);
  });

  it.each([
    "round-robin",
    "round-robin-per-packet",
    "priority",
    "fair-bandwidth",
    "weighted-fair-queueing",
  ] as const)("%s without interleaving finishes a message that has begun", (name) => {
    const served = order({ name, messages: two(1, 2, 3, 300) });
    for (let start = 0; start < served.length; start += 3) {
      expect(new Set(served.slice(start, start + 3)).size).toBe(1);
    }
  });

  it("begins no message in a paused stream, and finishes what has begun", () => {
    const send = createSendState(tsn(1), true);
    const scheduler = new Scheduler("round-robin", true);
    for (const streamId of [1, 2]) {
      for (let count = 0; count < 2; count++) {
        enqueue(send, streamId, 0, false, false, new Uint8Array(200), plainTerms);
        scheduler.queued(streamId, count === 0);
      }
    }
    const served: number[] = [];
    const serve = (): boolean => {
      const stream = scheduler.next(send);
      const message = stream?.queue.first;
      if (stream === undefined || message === undefined) return false;
      const chunk = assignTsn(send, send.nextTsn, message.streamId, 100);
      scheduler.assigned(message.streamId, 100, chunk.ending, stream.queue.length === 0);
      served.push(message.streamId);
      return true;
    };
    serve();
    scheduler.pause([1], 0);
    expect(scheduler.isFinishing(send, [1])).toBe(true);
    while (serve()) continue;
    expect(served.filter((streamId) => streamId === 1)).toHaveLength(2);
    expect(served.filter((streamId) => streamId === 2)).toHaveLength(4);
    scheduler.resumeAll();
    while (serve()) continue;
    expect(served).toHaveLength(8);
  });
});
