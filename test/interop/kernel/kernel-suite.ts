import { afterAll, afterEach, beforeAll, describe } from "vitest";
import { KernelBench, prepareKernel } from "./kernel-bench.ts";
import type { KernelPeer } from "./kernel-peer.ts";
import { networks } from "./virtual-machine.ts";

const { image, whyNot: noKernel } = await prepareKernel();

interface SuiteOptions {
  /** Why these tests cannot be run here, whatever can be said of the kernel. */
  readonly whyNot?: string | undefined;
  /** Called with each machine that has come up. */
  readonly prepare?: (kernel: KernelPeer) => Promise<void>;
}

/** Addresses of the kernel that do not answer ICMP echo, though no test is doing anything to their networks. */
async function silentAddresses({ kernel }: KernelBench): Promise<readonly string[]> {
  const answers = await Promise.all(networks.map(({ kernels }) => kernel.machine.answersEcho(kernels)));
  return networks.flatMap(({ kernels }, at) => (answers[at] === true ? [] : [kernels]));
}

const died = "the virtual machine's network is dead";

/** After a test that failed: replaces a machine with a dead network, and says so where nobody can miss it. */
async function replaceIfDead(bench: KernelBench, test: string): Promise<void> {
  const silent = await silentAddresses(bench);
  if (silent.length === 0) return;
  const finding = `${died}: no ICMP echo from ${silent.join(" and ")}`;
  process.stderr.write(
    `\nAfter "${test}" ${finding}; a new one is started. ${await bench.kernel.diagnose()}\n`,
  );
  await bench.boot();
  throw new Error(finding);
}

/**
 * Tests beside a virtual machine; skipped, with the reason in the title, where there can be none. A test that
 * fails with the machine's network dead is run once more on a new machine; no other test is.
 */
export function describeWithKernel(
  title: string,
  { whyNot = noKernel, prepare }: SuiteOptions,
  define: (bench: KernelBench) => void,
): void {
  const skipped = whyNot === undefined ? "" : ` (skipped: ${whyNot})`;
  const bench = new KernelBench(image, prepare);
  // A function as the condition would get lost on the way to the runner.
  const retry = { count: 1, condition: new RegExp(died) };

  describe.skipIf(whyNot !== undefined)(`${title}${skipped}`, { retry }, () => {
    beforeAll(() => bench.boot());
    afterEach(async ({ task }) => {
      await bench.clear();
      if (task.result?.state === "fail") await replaceIfDead(bench, task.name);
    });
    afterAll(() => bench.dispose());
    define(bench);
  });
}
