import { expect, test } from "vitest";
import { arrived, exchange, kernelPort, ourPort } from "./kernel-bench.ts";
import { describeWithKernel } from "./kernel-suite.ts";
import { networks } from "./virtual-machine.ts";

/** Numbers start anew on both sides: these must arrive as the first ones of their streams. */
const load = { count: 40, streams: 4, sizes: [5, 4000] };

describeWithKernel("restarts with a Linux kernel", {}, (bench) => {
  const cut = async (netem: string): Promise<void> => {
    for (const network of [0, 1] as const) await bench.kernel.impair(network, netem);
  };

  for (const multihomed of [false, true]) {
    const name = multihomed ? "two networks" : "one network";
    const count = multihomed ? 2 : 1;
    const ourAddresses = networks.slice(0, count).map((each) => each.ours);
    const kernelAddresses = networks.slice(0, count).map((each) => each.kernels);

    test(`${name}: the kernel's program is killed and connects anew from its port; we say restart`, async () => {
      const { ours, association } = await bench.pair({ opener: "the kernel", multihomed });
      // What it has not got when it dies must not turn up in its next life.
      await cut("loss 100%");
      await ours.send(association, { count: 20, streams: 4, sizes: [100] });
      await bench.kernel.die();
      const again = await bench.kernel.open("many");
      await again.bind(kernelPort, ...kernelAddresses);
      // All of our addresses, so that the kernel knows whose packets our retransmissions are.
      await again.connect(ourPort, ...ourAddresses);
      // Not before: without an association the kernel would answer our retransmissions with ABORT.
      await cut("");
      await again.untilChange("comm-up");
      const next = await ours.untilRestarted(association);
      expect(ours.changes(association)).toEqual(["comm-up", "restart"]);
      await exchange({ ours, kernels: again, association: next }, load);
    });

    test(`${name}: our process is killed and connects anew from its port; the kernel says restart`, async () => {
      const { ours, kernels, association } = await bench.pair({ opener: "we", multihomed });
      await ours.send(association, { count: 20, streams: 4, sizes: [100] });
      await kernels.untilReceived("all of the first life", (tallies) => arrived(tallies) === 20);
      await ours.kill();
      const again = await bench.ours({ addresses: ourAddresses });
      const next = await again.connect(kernelAddresses[0] ?? "", kernelPort);
      await again.untilUp();
      await kernels.untilChange("restart");
      expect(kernels.changes).toEqual(["comm-up", "restart"]);
      expect(again.changes()).toEqual(["comm-up"]);
      await exchange({ ours: again, kernels, association: next }, load);
    });
  }
});
