import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import type { Pair } from "../../interop/kernel/kernel-bench.ts";
import { arrived, exchange } from "../../interop/kernel/kernel-bench.ts";
import { describeWithKernel } from "../../interop/kernel/kernel-suite.ts";
import { networks } from "../../interop/kernel/virtual-machine.ts";

/** Nothing is outstanding either way, so that all that went since an older state was acknowledged. */
async function settled({ ours, kernels, association }: Pair): Promise<void> {
  await kernels.untilStatus("all is acknowledged to the kernel", (status) => status.unacknowledged === 0);
  await ours.untilStatistics(
    association,
    "all is acknowledged to us",
    ({ unacknowledgedChunks, pendingMessages }) => unacknowledgedChunks + pendingMessages === 0,
  );
}

describeWithKernel("a stale takeover before a Linux kernel", {}, (bench) => {
  test("the association goes on from the other address, and what was lost is reported", async () => {
    const extensions = { partialReliability: true };
    const pair = await bench.pair({ opener: "we", multihomed: true, ours: { extensions } });
    const { ours, kernels, association } = pair;
    const load = { count: 20, streams: 4, sizes: [100, 700] };
    await exchange(pair, load);
    const held = await ours.held(association, 64);
    await exchange(pair, load);
    await settled(pair);
    const before = arrived(await kernels.received());
    await ours.kill();
    const b = await bench.ours({ addresses: [networks[1].ours], listening: true, extensions });
    await b.resume(held, []);
    await b.send(association, load);
    await kernels.untilReceived("what is new at the kernel", (tallies) => arrived(tallies) >= before + 20);
    await kernels.send(20, 4, [100, 700]);
    await b.untilReceived(association, "what is new at us", (tallies) => arrived(tallies) >= 20);
    expect(arrived(await kernels.received())).toBe(before + 20);
    expect(kernels.changes).toEqual(["comm-up"]);
    expect(b.changes()).toEqual([]);
    const reports = b.told.flatMap(({ notification }) =>
      notification.type === "loss-report" ? [notification] : [],
    );
    // All that both had sent since was acknowledged: the kernel had it, we have lost it.
    expect(reports.filter(({ direction }) => direction === "inbound")).toMatchObject([
      { messagesAtMost: 20 },
    ]);
    const outbound = reports.filter(({ direction }) => direction === "outbound");
    expect(outbound).toMatchObject([{ firstTsn: held.lease.nextTsn + 20 }]);
  });

  test("a SHUTDOWN that acknowledges too little is followed by ABORT with the reason", async () => {
    const extensions = { partialReliability: true };
    const pair = await bench.pair({ opener: "we", multihomed: true, ours: { extensions } });
    const { ours, kernels, association } = pair;
    const held = await ours.held(association, 64);
    await exchange(pair, { count: 20, streams: 4, sizes: [100] });
    await settled(pair);
    await ours.kill();
    const b = await bench.ours({ addresses: [networks[1].ours], listening: true, extensions });
    await b.resume(held, []);
    await b.shutdown(association);
    await kernels.until("the end at the kernel", () => kernels.changes.length > 1);
    expect(kernels.changes).toEqual(["comm-up", "comm-lost"]);
    const steps = b.told.flatMap(({ notification }) =>
      notification.type === "recovery-step" ? [notification.step] : [],
    );
    expect(steps).toEqual(["lease", "probe", "forward-tsn", "abort", "resynchronise"]);
  });
});

describeWithKernel(
  "a Linux kernel that knows ASCONF",
  { prepare: (kernel) => kernel.sysctl({ auth_enable: 1, addip_enable: 1 }) },
  (bench) => {
    test("forgets the lost address, and learns of it again", async () => {
      const extensions = { partialReliability: true, authentication: true, addressReconfiguration: true };
      const pair = await bench.pair({ opener: "we", multihomed: true, ours: { extensions } });
      const { ours, kernels, association } = pair;
      await exchange(pair, { count: 20, streams: 4, sizes: [100] });
      const held = await ours.held(association, 64);
      const known = async (): Promise<readonly string[]> =>
        (await kernels.status()).paths.map(({ address }) => address).toSorted();
      expect(await known()).toEqual([networks[0].ours, networks[1].ours].toSorted());
      await ours.kill();
      const b = await bench.ours({
        addresses: [networks[1].ours],
        spareAddresses: [networks[0].ours],
        listening: true,
        extensions,
      });
      await b.resume(held, [networks[0].ours]);
      await kernels.untilStatus("what is new goes here", ({ primary }) => primary === networks[1].ours);
      // Only once nothing of before can be under way any more is it certain that we are where the kernel is.
      for (let count = 20; count < 300 && (await known()).length > 1; count += 20) {
        await kernels.send(20, 4, [100]);
        await b.untilReceived(association, "what is new", (tallies) => arrived(tallies) >= count);
        await sleep(500);
      }
      await kernels.untilStatus("the lost address is forgotten", ({ paths }) => paths.length === 1);
      expect(await known()).toEqual([networks[1].ours]);
      expect(await b.invoke("addAddress", association, networks[0].ours)).toBe("accepted");
      await kernels.untilStatus("the address is back", ({ paths }) => paths.length === 2);
      expect(kernels.changes).toEqual(["comm-up"]);
      expect(b.changes()).toEqual([]);
    });
  },
);
