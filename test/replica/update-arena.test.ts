import { describe, expect, it } from "vitest";
import { joinFrames } from "../../agents/host/cluster-link-frames.ts";
import { ByteWriter, decodeFrame, encodeFrame, writeFrame } from "../../agents/replica/index.ts";
import type { ClusterFrame } from "../../agents/replica/index.ts";
import { UpdateArena } from "../../agents/replica/update-arena.ts";
import { encodeUpdate } from "../../agents/replica/update-codec.ts";
import type { AssociationUpdate } from "../../agents/sctp/index.ts";
import { plainTerms, tsn } from "../../agents/sctp/index.ts";

const queued = (length: number, fill: number): AssociationUpdate => ({
  kind: "messageQueued",
  streamId: 3,
  ppid: 51,
  unordered: false,
  immediate: true,
  payload: new Uint8Array(length).fill(fill),
  terms: plainTerms,
});

/** Small ones, one that outgrows its expected place, and one that is larger than any shared buffer. */
const updates: readonly AssociationUpdate[] = [
  queued(1024, 1),
  { kind: "tsnAssigned", tsn: tsn(7), streamId: 3, lengthBytes: 1024 },
  { kind: "delivered", tsns: Array.from({ length: 50 }, (_, place) => tsn(place)) },
  queued(200_000, 2),
  { kind: "cumAcked", tsn: tsn(7) },
];

describe("memory for updates", () => {
  it("holds each update as it was encoded, whatever is written after it", () => {
    const arena = new UpdateArena();
    const made = Array.from({ length: 4 }, () => updates)
      .flat()
      .map((update, place) => arena.replicate({ association: 9, sequence: place + 1, update }));
    for (const { update, bytes } of made) expect(Buffer.compare(bytes, encodeUpdate(update))).toBe(0);
  });

  it("is shared: an update does not cost a buffer of its own", () => {
    const arena = new UpdateArena();
    const made = Array.from({ length: 50 }, (_, sequence) =>
      arena.replicate({ association: 9, sequence, update: queued(1024, sequence) }),
    );
    expect(new Set(made.map(({ bytes }) => bytes.buffer)).size).toBe(1);
  });
});

describe("frames behind their lengths", () => {
  const arena = new UpdateArena();
  const replicated = updates.map((update, sequence) => arena.replicate({ association: 9, sequence, update }));
  const frames: readonly ClusterFrame[] = [
    { kind: "beat", epoch: 4, stampMs: 12.5 },
    { kind: "updates", epoch: 4, updates: replicated },
    { kind: "held", epoch: 4, association: 9, sequence: 5 },
  ];

  it("are what each frame is by itself", () => {
    const joined = joinFrames(frames) ?? Buffer.alloc(0);
    let at = 0;
    for (const frame of frames) {
      const bytes = encodeFrame(frame);
      expect(joined.readUInt32BE(at)).toBe(bytes.length);
      expect(joined.subarray(at + 4, at + 4 + bytes.length).equals(bytes)).toBe(true);
      expect(decodeFrame(bytes)).toEqual(frame);
      at += 4 + bytes.length;
    }
    expect(at).toBe(joined.length);
  });

  it("are the same where the place that was given is too small", () => {
    for (const start of [0, 5]) {
      const writer = new ByteWriter(new Uint8Array(40).fill(0xff), start);
      for (const frame of frames) writer.prefixed((each) => writeFrame(each, frame));
      expect(Buffer.from(writer.finish())).toEqual(joinFrames(frames));
    }
  });
});
