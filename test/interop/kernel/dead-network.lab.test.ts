import { expect, test } from "vitest";
import { exchange } from "./kernel-bench.ts";
import { describeWithKernel } from "./kernel-suite.ts";
import { networks } from "./virtual-machine.ts";

const [first, second] = networks;
const load = { count: 40, streams: 4, sizes: [5, 4000] };

describeWithKernel("a virtual machine whose network dies", {}, (bench) => {
  const machines: (number | undefined)[] = [];

  test("is replaced after the test, which is run once more", async () => {
    machines.push(bench.kernel.machine.processId);
    if (machines.length === 1) await bench.kernel.shell("/sbin/ip link set eth0 down");
    expect(await bench.kernel.machine.answersEcho(first.kernels)).toBe(true);
    expect(new Set(machines).size).toBe(2);
    await exchange(await bench.pair({ opener: "we" }), load);
  });

  test("is told from one whose network a test impairs: that machine stays", async () => {
    expect(bench.kernel.machine.processId).toBe(machines[1]);
    await bench.kernel.impair(1, "loss 100%");
    const report = await bench.kernel.diagnose();
    expect(report).toContain(`${first.kernels} answers ICMP echo, ${first.kernels6} answers ICMP echo;`);
    expect(report).toContain(
      `${second.kernels} does not answer ICMP echo, ${second.kernels6} does not answer ICMP echo (the test's doing: loss 100%)`,
    );
    expect(report).toMatch(/eth0: .*RX: .*TX: /);
    expect(report).toMatch(/eth1: .*RX: .*TX: /);
  });
});
