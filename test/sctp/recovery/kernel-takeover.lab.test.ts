import { expect, test } from "vitest";
import { arrived, exchange } from "../../interop/kernel/kernel-bench.ts";
import { describeWithKernel } from "../../interop/kernel/kernel-suite.ts";
import { networks } from "../../interop/kernel/virtual-machine.ts";

describeWithKernel("a stale takeover before a Linux kernel", {}, (bench) => {
  test("the association goes on from the other address, and what was lost is reported", async () => {
    const extensions = { partialReliability: true };
    const pair = await bench.pair({ opener: "we", multihomed: true, ours: { extensions } });
    const { ours, kernels, association } = pair;
    const load = { count: 20, streams: 4, sizes: [100, 700] };
    await exchange(pair, load);
    const held = await ours.held(association, 64);
    await exchange(pair, load);
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
});
