import fc from "fast-check";
import type { Arbitrary } from "fast-check";
import type { AssociationState } from "../../agents/sctp/index.ts";
import { ssn, tsn } from "../../agents/sctp/index.ts";
import type { Chunk } from "../../agents/sctp/wire/index.ts";
import { chunk as anyChunk } from "../sctp/wire/arbitrary.ts";

/** A chunk that is aimed at what an association holds at that instant: numbers close to its own. */
export type AimedChunk = (state: AssociationState | undefined) => Chunk;

const near = fc.oneof(
  fc.integer({ min: -3, max: 8 }),
  fc.constantFrom(0, 1, 100, 4095, 4096, 65_535, 65_536, 0x7fffffff, -0x80000000),
);
const flag = fc.boolean();

const data: Arbitrary<AimedChunk> = fc
  .record({
    ahead: near,
    streamId: fc.constantFrom(0, 1, 15, 16, 65_535),
    ssnAhead: fc.constantFrom(0, 0, 0, 1, -1, 32_768),
    size: fc.constantFrom(0, 1, 1, 100, 1400, 20_000),
    unordered: flag,
    beginning: flag,
    ending: flag,
    immediate: flag,
  })
  .map((it) => (state) => ({
    type: "DATA",
    tsn: tsn((state?.receive.cumulativeTsn ?? 0) + it.ahead),
    streamId: it.streamId,
    ssn: ssn((state?.receive.nextSsn[it.streamId] ?? 0) + it.ssnAhead),
    ppid: 0,
    unordered: it.unordered,
    beginning: it.beginning,
    ending: it.ending,
    immediate: it.immediate,
    payload: new Uint8Array(it.size),
  }));

const sack: Arbitrary<AimedChunk> = fc
  .record({
    ahead: near,
    advertisedWindow: fc.constantFrom(0, 1, 1500, 100_000, 0xffffffff),
    gaps: fc.array(
      fc.record({ start: fc.integer({ min: 0, max: 9 }), end: fc.integer({ min: 0, max: 65_535 }) }),
    ),
    duplicates: fc.array(fc.integer({ min: 0, max: 0xffffffff }).map(tsn), { maxLength: 40 }),
  })
  .map((it) => (state) => ({
    type: "SACK",
    cumulativeTsn: tsn((state?.send.cumulativeAck ?? 0) + it.ahead),
    advertisedWindow: it.advertisedWindow,
    gaps: it.gaps,
    duplicates: it.duplicates,
  }));

const shutdown: Arbitrary<AimedChunk> = near.map((ahead) => (state) => ({
  type: "SHUTDOWN",
  cumulativeTsn: tsn((state?.send.cumulativeAck ?? 0) + ahead),
}));

const large: Arbitrary<AimedChunk> = fc
  .record({
    typeNumber: fc.constantFrom(60, 130, 200, 255),
    size: fc.constantFrom(0, 1, 1500, 60_000, 65_500),
  })
  .map((it) => () => ({
    type: "UNKNOWN",
    typeNumber: it.typeNumber,
    flags: 0,
    value: new Uint8Array(it.size),
  }));

const heartbeat: Arbitrary<AimedChunk> = fc
  .constantFrom(0, 1, 16, 2000, 60_000)
  .map((size) => () => ({ type: "HEARTBEAT", info: new Uint8Array(size) }));

const aimedChunk: Arbitrary<AimedChunk> = fc.oneof(
  { weight: 4, arbitrary: data },
  { weight: 3, arbitrary: sack },
  shutdown,
  large,
  heartbeat,
  {
    weight: 5,
    arbitrary: anyChunk.map(
      (chunk): AimedChunk =>
        () =>
          chunk,
    ),
  },
);

/** A few different chunks, or one of them over and over. */
export const aimedChunks: Arbitrary<readonly AimedChunk[]> = fc.oneof(
  { weight: 6, arbitrary: fc.array(aimedChunk, { minLength: 1, maxLength: 5 }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(aimedChunk, fc.constantFrom(50, 2000))
      .map(([chunk, count]) => Array.from({ length: count }, () => chunk)),
  },
);
