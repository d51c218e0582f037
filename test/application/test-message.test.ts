import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readTestMessage, writeTestMessage } from "../../agents/application/index.ts";

const message = {
  flow: "up",
  streamId: 2,
  number: 77,
  sentAtUs: 1_700_000_000_000_000,
  sizeBytes: 300,
} as const;

describe("test messages", () => {
  it("are read where they lie, and left as they are", () => {
    const bytes = writeTestMessage(message);
    const packet = new Uint8Array(bytes.length + 20).fill(0xaa);
    packet.set(bytes, 13);
    const before = packet.slice();
    expect(readTestMessage(packet.subarray(13, 13 + bytes.length))).toEqual({ ...message, intact: true });
    expect(packet).toEqual(before);
  });

  it("tell of every changed byte", () => {
    const bytes = writeTestMessage(message);
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = bytes.slice();
        changed[at] = (changed[at] ?? 0) ^ flip;
        expect(readTestMessage(changed)?.intact).not.toBe(true);
      }),
    );
  });
});
