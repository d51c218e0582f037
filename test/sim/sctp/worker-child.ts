import { report, simulate } from "./simulate.ts";

export interface BatchOrder {
  readonly from: number;
  readonly count: number;
  readonly keepGoing: boolean;
}

export interface BatchAnswer {
  seeds: number;
  packets: number;
  delivered: number;
  virtualMs: number;
  failures: string[];
}

function play(order: BatchOrder): BatchAnswer {
  const answer: BatchAnswer = { seeds: 0, packets: 0, delivered: 0, virtualMs: 0, failures: [] };
  for (let seed = order.from; seed < order.from + order.count; seed++) {
    answer.seeds += 1;
    try {
      const result = simulate(seed);
      answer.packets += result.packets;
      answer.delivered += result.delivered;
      answer.virtualMs += result.virtualMs;
    } catch (error) {
      answer.failures.push(report(seed, error));
      if (!order.keepGoing) break;
    }
  }
  return answer;
}

process.on("message", (order: BatchOrder) => {
  process.send?.(play(order));
});
process.once("disconnect", () => process.exit(0));
