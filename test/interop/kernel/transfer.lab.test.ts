import { expect, test } from "vitest";
import { arrived, exchange } from "./kernel-bench.ts";
import type { StreamTally } from "./kernel-peer.ts";
import { describeWithKernel } from "./kernel-suite.ts";

const STREAMS = 5;
/** From one byte over both sides of the path MTU to 50 KB. */
const SIZES = [1, 2, 3, 4, 100, 1000, 1420, 1440, 1452, 1456, 1500, 3000, 20_000, 50_000];

/** What must have arrived of `count` numbered messages: all, in order and whole. */
function complete(count: number, streams: number): readonly Partial<StreamTally>[] {
  return Array.from({ length: streams }, (_, stream) => {
    const messages = Math.ceil((count - stream) / streams);
    return { stream, messages, next: messages, missing: 0, late: 0, damaged: 0 };
  });
}

describeWithKernel("messages between us and a Linux kernel", {}, (bench) => {
  for (const version of [4, 6] as const) {
    for (const opener of ["we", "the kernel"] as const) {
      test(`over IPv${version}, ${opener} set(s) up: 1 byte to 50 KB both ways, in order and whole`, async () => {
        const pair = await bench.pair({ opener, version });
        await exchange(pair, { count: 20 * SIZES.length, streams: STREAMS, sizes: SIZES });
      });
    }
  }

  test("a kernel that echoes: everything comes back", async () => {
    const { ours, kernels, association } = await bench.pair({ opener: "we" });
    await kernels.command("echo", "on");
    const count = 300;
    await ours.send(association, { count, streams: STREAMS, sizes: SIZES });
    await ours.untilReceived(association, "every echo", (tallies) => arrived(tallies) >= count);
    expect(await ours.received(association)).toMatchObject(complete(count, STREAMS));
  });

  test("we echo: everything comes back to the kernel", async () => {
    const { kernels } = await bench.pair({ opener: "the kernel", ours: { echoes: true } });
    const count = 300;
    await kernels.send(count, STREAMS, SIZES);
    await kernels.untilReceived("every echo", (tallies) => arrived(tallies) >= count);
    expect(await kernels.received()).toMatchObject(complete(count, STREAMS));
  });

  test("unordered messages arrive once each and whole", async () => {
    const { ours, kernels, association } = await bench.pair({ opener: "we" });
    await bench.kernel.impair(0, "delay 5ms reorder 25%");
    const count = 200;
    // Long enough to carry their number: unordered ones may come in any order.
    const sizes = [4, 300, 1452, 5000];
    await ours.send(association, { count, streams: 2, sizes, unordered: true });
    await kernels.send(count, 2, sizes, "unordered");
    await kernels.untilReceived("all at the kernel", (tallies) => arrived(tallies) >= count);
    await ours.untilReceived(association, "all at our side", (tallies) => arrived(tallies) >= count);
    for (const tallies of [await kernels.received(), await ours.received(association)]) {
      // A number that was skipped came late, and no other was late.
      for (const { messages, missing, late, damaged } of tallies) {
        expect({ messages, late, damaged }).toEqual({ messages: count / 2, late: missing, damaged: 0 });
      }
    }
  });

  // Netem of this kernel takes no seed: the pattern differs from run to run, the outcome must not.
  for (const [name, opener, netem, counts] of [
    ["3 % loss", "we", "delay 2ms loss 3%", ["retransmittedChunks", "gapAcknowledgements"]],
    ["3 % loss", "the kernel", "delay 2ms loss 3%", ["retransmittedChunks", "gapAcknowledgements"]],
    ["reordering", "we", "delay 10ms reorder 20% 50%", ["gapAcknowledgements"]],
    ["duplicates", "the kernel", "delay 2ms duplicate 10%", ["duplicateChunks"]],
    ["damaged packets", "we", "delay 2ms corrupt 3%", ["retransmittedChunks", "gapAcknowledgements"]],
  ] as const) {
    test(`${name} both ways, ${opener} set(s) up: all arrive once, in order and whole`, async () => {
      const parameters = { rtoInitialMs: 200, rtoMinMs: 100, rtoMaxMs: 1000, sackDelayMs: 50 };
      const pair = await bench.pair({ opener, ours: { parameters } });
      await pair.kernels.set("rto", 200, 1000, 100);
      await bench.kernel.impair(0, netem);
      await exchange(pair, { count: 10 * SIZES.length, streams: STREAMS, sizes: SIZES });
      // So that the test would notice if nothing had been done to the packets.
      const status = await pair.kernels.status();
      for (const each of counts) expect(status.counts[each], each).toBeGreaterThan(0);
    });
  }
});
