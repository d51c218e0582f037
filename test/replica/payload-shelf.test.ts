import { describe, expect, it } from "vitest";
import { PayloadShelf } from "../../agents/replica/payload-shelf.ts";
import { decodeUpdate, encodeUpdate } from "../../agents/replica/update-codec.ts";
import type { AssociationUpdate } from "../../agents/sctp/index.ts";
import { plainTerms, tsn } from "../../agents/sctp/index.ts";

const queued = (payload: Uint8Array): AssociationUpdate => ({
  kind: "messageQueued",
  streamId: 0,
  ppid: 0,
  unordered: false,
  immediate: false,
  payload,
  terms: plainTerms,
});

const received = (payload: Uint8Array): AssociationUpdate => ({
  kind: "dataReceived",
  chunk: {
    tsn: tsn(5),
    streamId: 0,
    ssn: 1,
    fsn: 0,
    ppid: 0,
    unordered: false,
    beginning: true,
    ending: false,
    payload,
  },
});

const payloadOf = (update: AssociationUpdate): Uint8Array => {
  if (update.kind === "messageQueued") return update.payload;
  if (update.kind === "dataReceived") return update.chunk.payload;
  throw new Error("no payload");
};

describe("payloads that stay", () => {
  it("do not change with the frame that they came in, nor keep it in memory", () => {
    const shelf = new PayloadShelf();
    const kept: { readonly update: AssociationUpdate; readonly wanted: AssociationUpdate }[] = [];
    for (const length of [1, 200, 1024, 4096, 4097, 9000, 16_384]) {
      for (const make of [queued, received]) {
        const wanted = make(new Uint8Array(length).fill(length % 251));
        const frame = new Uint8Array(100_000);
        frame.set(encodeUpdate(wanted), 50);
        const update = decodeUpdate(frame.subarray(50, 50 + encodeUpdate(wanted).length));
        if (update === undefined) throw new Error("an update that was encoded can be read");
        kept.push({ update: shelf.lasting(update), wanted });
        frame.fill(0xee);
      }
    }
    for (const { update, wanted } of kept) {
      expect(update).toEqual(wanted);
      const payload = payloadOf(update);
      expect(payload.buffer.byteLength).toBeLessThanOrEqual(Math.max(16_384, payload.length));
    }
  });
});
