import { report, simulate } from "./simulate.ts";

export interface BatchOrder {
  readonly from: number;
  readonly count: number;
  /** In its text form, or `any`. */
  readonly policy: string;
  readonly keepGoing: boolean;
}

export interface BatchAnswer {
  seeds: number;
  packets: number;
  delivered: number;
  virtualMs: number;
  readonly coverage: [string, number][];
  readonly failures: string[];
}

function play(order: BatchOrder): BatchAnswer {
  const coverage = new Map<string, number>();
  const failures: string[] = [];
  const answer = { seeds: 0, packets: 0, delivered: 0, virtualMs: 0 };
  for (let seed = order.from; seed < order.from + order.count; seed++) {
    answer.seeds += 1;
    try {
      const result = simulate(seed, order.policy);
      answer.packets += result.packets;
      answer.delivered += result.delivered;
      answer.virtualMs += result.virtualMs;
      for (const [name, count] of result.coverage) coverage.set(name, (coverage.get(name) ?? 0) + count);
    } catch (error) {
      failures.push(report(seed, order.policy, error));
      if (!order.keepGoing) break;
    }
  }
  return { ...answer, coverage: [...coverage], failures };
}

process.on("message", (order: BatchOrder) => {
  process.send?.(play(order));
});
process.once("disconnect", () => process.exit(0));
