import { expect, test } from "vitest";
import { kernelPort, ourPort } from "./kernel-bench.ts";
import { describeWithKernel } from "./kernel-suite.ts";
import { networks } from "./virtual-machine.ts";

const [{ ours: ourAddress, kernels: kernelAddress }] = networks;

describeWithKernel("setting up and ending with a Linux kernel", {}, (bench) => {
  for (const opener of ["we", "the kernel"] as const) {
    for (const style of ["one", "many"] as const) {
      test(`${opener} set(s) up, a one-to-${style} socket; what was agreed is the same on both sides`, async () => {
        const { ours, kernels, association } = await bench.pair({ opener, style });
        const facts = await ours.facts(association);
        const status = await kernels.status();
        expect(facts).toMatchObject({ phase: "established", confirmedAddresses: [kernelAddress] });
        expect(status).toMatchObject({ phase: "established", primary: ourAddress });
        expect(facts?.agreement.outboundStreams).toBe(status.inboundStreams);
        expect(facts?.agreement.inboundStreams).toBe(status.outboundStreams);
        expect(facts?.agreement.peerPort).toBe(kernelPort);
      });
    }
  }

  for (const ender of ["we", "the kernel"] as const) {
    for (const style of ["one", "many"] as const) {
      test(`${ender} shut(s) down, a one-to-${style} socket: what was sent before arrives, then both are done`, async () => {
        const { ours, kernels, association } = await bench.pair({ opener: "we", style });
        const sizes = [1, 3000, 200];
        if (ender === "we") {
          await ours.send(association, { count: 90, streams: 3, sizes });
          await ours.shutdown(association);
          await kernels.untilChange("shutdown-complete");
          const tallies = await kernels.received();
          expect(tallies.map(({ messages, missing, damaged }) => [messages, missing, damaged])).toEqual(
            [0, 1, 2].map(() => [30, 0, 0]),
          );
        } else {
          await kernels.send(90, 3, sizes);
          await kernels.until("all handed over", () => kernels.events("load-sent").length === 1);
          await kernels.command("shutdown");
          await kernels.untilChange("shutdown-complete");
          const tallies = await ours.received(association);
          expect(tallies.map(({ messages, missing, damaged }) => [messages, missing, damaged])).toEqual(
            [0, 1, 2].map(() => [30, 0, 0]),
          );
        }
        await ours.untilChange("shutdown-complete");
        expect(kernels.changes).toEqual(["comm-up", "shutdown-complete"]);
        expect(ours.changes(association)).toEqual(["comm-up", "shutdown-complete"]);
        expect(await ours.facts(association)).toBeUndefined();
      });
    }
  }

  test("we abort: the kernel says that the association is lost", async () => {
    const { ours, kernels, association } = await bench.pair({ opener: "the kernel" });
    await ours.abort(association, "enough");
    await kernels.untilChange("comm-lost");
    expect(kernels.changes).toEqual(["comm-up", "comm-lost"]);
    // RFC 9260 section 3.3.10.12: User-Initiated Abort.
    expect(kernels.events("association-change")[1]?.["cause"]).toBe(12);
  });

  test("the kernel aborts: we say that the association is lost", async () => {
    const { ours, kernels, association } = await bench.pair({ opener: "the kernel" });
    await kernels.command("abort");
    await ours.untilChange("comm-lost");
    expect(ours.changes(association)).toEqual(["comm-up", "comm-lost"]);
    expect(await ours.facts(association)).toBeUndefined();
  });

  test("nobody listens at the kernel: the ABORT to our INIT ends the attempt", async () => {
    const ours = await bench.ours();
    const association = await ours.connect(kernelAddress, kernelPort);
    await ours.untilChange("cant-start");
    expect(ours.changes(association)).toEqual(["cant-start"]);
  });

  test("we do not listen: our ABORT to the kernel's INIT ends the attempt", async () => {
    await bench.ours({ listening: false });
    const kernels = await bench.kernel.open("many");
    await kernels.connect(ourPort, ourAddress);
    await kernels.untilChange("cant-start");
    expect(kernels.changes).toEqual(["cant-start"]);
  });

  test("out of the blue at our side: after our restart the kernel's DATA is answered with ABORT", async () => {
    const { ours, kernels } = await bench.pair({ opener: "we" });
    await ours.kill();
    const next = await bench.ours();
    await kernels.send(1, 1, [100]);
    await kernels.untilChange("comm-lost");
    expect(kernels.changes).toEqual(["comm-up", "comm-lost"]);
    expect((await next.counters()).outOfTheBlue).toBeGreaterThan(0);
  });

  test("out of the blue at the kernel: after its program was killed our DATA is answered with ABORT", async () => {
    const { ours, kernels, association } = await bench.pair({ opener: "we" });
    await bench.kernel.impair(0, "loss 100%");
    await kernels.close("abort");
    await bench.kernel.impair(0, "");
    expect(ours.changes(association)).toEqual(["comm-up"]);
    await ours.send(association, { count: 1, streams: 1, sizes: [100] });
    await ours.untilChange("comm-lost");
    expect(await bench.kernel.shell("grep OutOfBlues /proc/net/sctp/snmp")).toMatch(/OutOfBlues\s+[1-9]/);
  });
});
