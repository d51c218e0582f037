import { expect, test } from "vitest";
import { noNative } from "../../host/support/native.ts";
import { arrived, exchange } from "./kernel-bench.ts";
import { describeWithKernel } from "./kernel-suite.ts";

/** From one byte over both sides of the path MTU to 50 KB. */
const sizes = [1, 3, 100, 1440, 1452, 1456, 1460, 1464, 3000, 50_000];
const load = { count: 10 * sizes.length, streams: 4, sizes };

describeWithKernel("a Linux kernel through the addon's transports", { whyNot: noNative }, (bench) => {
  for (const version of [4, 6] as const) {
    // 1500 less the IP header.
    const parameters = { packetSizeBytes: version === 4 ? 1480 : 1460 };

    for (const opener of ["we", "the kernel"] as const) {
      test(`protocol 132 over IPv${version}, ${opener} set(s) up: data both ways, then an orderly end`, async () => {
        await bench.encapsulate(false);
        const pair = await bench.pair({ opener, version, ours: { way: "raw", parameters } });
        await exchange(pair, load);
        const { ours, kernels, association } = pair;
        if (opener === "we") await kernels.command("shutdown");
        else await ours.shutdown(association);
        await ours.untilChange("shutdown-complete");
        await kernels.untilChange("shutdown-complete");
        expect([ours.changes(association), kernels.changes]).toEqual([
          ["comm-up", "shutdown-complete"],
          ["comm-up", "shutdown-complete"],
        ]);
      });
    }
  }

  test("protocol 132, two networks, 2 % loss: all arrive once, in order and whole", async () => {
    await bench.encapsulate(false);
    const parameters = {
      packetSizeBytes: 1480,
      rtoInitialMs: 200,
      rtoMinMs: 100,
      rtoMaxMs: 1000,
      sackDelayMs: 50,
    };
    const pair = await bench.pair({ opener: "we", multihomed: true, ours: { way: "raw", parameters } });
    await pair.kernels.set("rto", 200, 1000, 100);
    for (const network of [0, 1] as const) await bench.kernel.impair(network, "delay 2ms loss 2%");
    await exchange(pair, load);
    expect((await pair.kernels.status()).counts["gapAcknowledgements"]).toBeGreaterThan(0);
  });

  test("protocol 132: when our process dies, the kernel of our host does not end the association", async () => {
    await bench.encapsulate(false);
    const parameters = { packetSizeBytes: 1480 };
    const { ours, kernels } = await bench.pair({ opener: "we", ours: { way: "raw", parameters } });
    await ours.kill();
    // Answered by "protocol unreachable" of ICMP, which must not be taken for an ABORT (RFC 9260 section 10).
    await kernels.send(2, 1, [100]);
    await kernels.untilStatus("sent again", ({ counts }) => (counts["retransmittedChunks"] ?? 0) > 0);
    expect(kernels.changes).toEqual(["comm-up"]);
    const again = await bench.ours({ way: "raw", parameters });
    await kernels.untilChange("comm-lost");
    // Out of the blue for the new process.
    expect((await again.counters()).outOfTheBlue).toBeGreaterThan(0);
  });

  test("UDP in batches, with segmentation offload: data both ways", async () => {
    await bench.encapsulate(true);
    const pair = await bench.pair({ opener: "we", ours: { way: "native-udp" } });
    await exchange(pair, { ...load, count: 40 * sizes.length });
    expect(arrived(await pair.kernels.received())).toBe(40 * sizes.length);
  });
});
