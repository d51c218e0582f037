import { beforeEach, describe, expect, it } from "vitest";
import type { Chunk, IDataChunk } from "../../../agents/sctp/wire/index.ts";
import type { Sketch } from "../rfc9260/sketches.ts";
import { Adapted, data } from "./adapted.ts";
import { faults } from "./fault-cases.ts";
import { chunk, reassemblyCases } from "./reassembly-cases.ts";
import { skipCases } from "./skip-cases.ts";

let adapted: Adapted;
let fd = 0;
beforeEach(async () => {
  adapted = new Adapted();
  fd = await adapted.connected();
});

/** The chunk that a sketch of the scripts stands for. */
function whole(sketch: Sketch): Chunk {
  if (sketch.type !== "I_DATA") return sketch as unknown as Chunk;
  const { type: _, tsn, ...fields } = sketch;
  return data(Number(tsn), fields as Partial<IDataChunk>);
}

/** Bytes that can be read, one message a number. */
const sizes = async (): Promise<number[]> =>
  (await adapted.reads(fd)).map((line) => Number(/:(\d+)$/u.exec(line)?.[1]));

describe("2.2.3 orders of fragments and messages, as the user reads them", () => {
  it.each(reassemblyCases)("%s", async (_, chunks, expected) => {
    const read: number[][] = [];
    for (const each of chunks) {
      await adapted.gives(whole(chunk(each)));
      read.push(await sizes());
    }
    expect(read).toEqual(expected.map((words) => words.map(({ length }) => length)));
    expect(await adapted.state(fd)).toBe("SCTP_ESTABLISHED");
  });
});

describe("2.1 and 2.2.3 faults, as the user hears of them", () => {
  it.each(faults)("%s", async (_, chunks) => {
    for (const each of chunks.slice(0, -1)) await adapted.gives(whole(each));
    expect(await adapted.state(fd)).toBe("SCTP_ESTABLISHED");
    adapted.takes();
    await adapted.gives(whole(chunks.at(-1)!));
    adapted.expects({ chunks: [{ type: "ABORT", causes: [{ type: "PROTOCOL_VIOLATION" }] }], atMs: 0 });
    expect(await adapted.error(fd)).toBe("ECONNABORTED");
    expect(await adapted.request("sendmsg", { fd, len: 1 })).toMatchObject({ ret: -1 });
  });
});

describe("2.3.1 I-FORWARD-TSN, as the user reads on", () => {
  it.each(skipCases)("%s", async (_, before, skip, delivered, [cumulativeTsn, ...blocks]) => {
    for (const each of before) await adapted.gives(whole(each));
    await adapted.waits(500);
    await adapted.reads(fd);
    adapted.takes();
    await adapted.gives(whole(skip));
    const gaps = blocks.map(([from, to]) => ({ start: from - cumulativeTsn, end: to - cumulativeTsn }));
    adapted.expects({ chunks: [{ type: "SACK", cumulativeTsn, gaps, duplicates: [] }], atMs: 500 });
    // Of a MID the user sees the lower half.
    const seen = delivered.map((line) =>
      line.replace(/(?<=[ou])\d+/u, (mid) => String(Number(mid) & 0xffff)),
    );
    expect(await adapted.reads(fd)).toEqual(seen);
  });
});
