import fc from "fast-check";
import { expect, test } from "vitest";
import {
  chunkLength,
  chunkTypeName,
  describeCause,
  describeChunk,
  describeParameter,
  parseCauseAt,
  parseChunkAt,
  parsePacket,
  parseParameterAt,
  writeChunk,
  writePacket,
  writeParameter,
} from "../../../agents/sctp/wire/index.ts";
import { cause, chunk, packet, parameter } from "./arbitrary.ts";

test("a written packet reads back as the same packet", () => {
  fc.assert(
    fc.property(packet, (original) => {
      const parsed = parsePacket(writePacket(original));
      expect(parsed).toMatchObject({ ok: true, checksumGood: true });
      expect(parsed.ok && parsed.packet).toEqual(original);
      expect(parsed.ok && parsed.flaw).toBeUndefined();
    }),
    { numRuns: 2000 },
  );
});

test("chunkLength is the room that the chunk takes, and padding is zero", () => {
  fc.assert(
    fc.property(chunk, (original) => {
      const bytes = writePacket({
        sourcePort: 1,
        destinationPort: 2,
        verificationTag: 3,
        chunks: [original],
      });
      expect(bytes.length).toBe(12 + chunkLength(original));
      const bare = writeChunk(original);
      expect([...bytes.subarray(12, 12 + bare.length)]).toEqual([...bare]);
      expect(bytes.subarray(12 + bare.length).every((byte) => byte === 0)).toBe(true);
    }),
    { numRuns: 1000 },
  );
});

test("a single parameter and a single cause read back", () => {
  fc.assert(
    fc.property(parameter, (original) => {
      const bytes = writeParameter(original);
      expect(parseParameterAt(bytes, 0, bytes.length)).toMatchObject({
        start: 0,
        end: bytes.length,
        parsed: original,
      });
      expect(describeParameter(original)).toMatch(/\S/);
    }),
  );
  fc.assert(
    fc.property(cause, (original) => {
      const bytes = writeChunk({ type: "ERROR", causes: [original] });
      expect(parseCauseAt(bytes, 4, bytes.length)).toMatchObject({
        typeNumber: original.code,
        parsed: original,
      });
      expect(describeCause(original)).toMatch(/\S/);
    }),
  );
});

test("every chunk is described in one line that begins with its name", () => {
  fc.assert(
    fc.property(chunk, (original) => {
      const { typeNumber } = parseChunkAt(writeChunk(original), 0);
      const line = describeChunk(original);
      expect(line.startsWith(chunkTypeName(typeNumber))).toBe(true);
      expect(line).not.toMatch(/[\n]|undefined|NaN| $/);
    }),
    { numRuns: 1000 },
  );
});
