import { median, percentile, table } from "../figures.ts";
import type { Case, Measured } from "./measure.ts";
import { unreplicated } from "./cluster.ts";

/** All that was measured of a case, a value for each round that went well. */
export type Results = ReadonlyMap<string, readonly Measured[]>;

export const keyOf = ({ direction, sizeBytes, policy }: Case): string =>
  `${direction} ${sizeBytes} ${policy}`;

type Of = (measured: Measured) => number;
const cpuOfAll: Of = ({ cpuMicros: { a, b, keeper, peer } }) => a + b + keeper + peer;
/** What the slowest process would do if each had a core of its own. */
const ownCoreRate: Of = ({ cpuMicros: { a, b, keeper, peer } }) => 1e6 / Math.max(a, b, keeper, peer);
const rate: Of = ({ messagesPerSecond }) => messagesPerSecond;

export class ResultTables {
  readonly #results: Results;
  readonly #cases: readonly Case[];
  /** Of the link alone, in microseconds. */
  readonly #roundTrips: readonly number[];

  constructor(cases: readonly Case[], results: Results, roundTrips: readonly number[]) {
    this.#cases = cases;
    this.#results = results;
    this.#roundTrips = roundTrips;
  }

  #of(what: Case, of: Of): number {
    return median((this.#results.get(keyOf(what)) ?? []).map(of));
  }

  #ratio(what: Case, of: Of): number {
    return this.#of(what, of) / this.#of({ ...what, policy: unreplicated }, of);
  }

  /** A line for each policy, a column for each direction and size. */
  policies(): string {
    const columns = new Map<string, Case>(
      this.#cases.map((each) => [`${each.direction} ${each.sizeBytes}`, each] as const),
    );
    const policies = [...new Set(this.#cases.map(({ policy }) => policy))];
    const head = ["policy", ...[...columns.values()].map(titleOf)];
    const line = (policy: string): string[] => [
      policy,
      ...[...columns.values()].map((column) => this.#cell({ ...column, policy })),
    ];
    return table(head, policies.map(line));
  }

  #cell(what: Case): string {
    const measured = this.#results.get(keyOf(what)) ?? [];
    if (measured.length === 0) return "failed";
    const { direction, sizeBytes } = what;
    if (direction === "answer") {
      const answers = measured.flatMap(({ answerMicros }) => answerMicros);
      return `${micros(percentile(answers, 0.5))} / ${micros(percentile(answers, 0.99))} us`;
    }
    const megabits = (this.#of(what, rate) * sizeBytes * 8) / 1e6;
    const cpu = (["a", "b", "peer"] as const).map((name) =>
      micros(this.#of(what, ({ cpuMicros }) => cpuMicros[name])),
    );
    const bytes = (this.#of(what, ({ linkBytes }) => linkBytes) / sizeBytes).toFixed(3);
    const ratios = `**${this.#ratio(what, rate).toFixed(2)}** (${this.#ratio(what, ownCoreRate).toFixed(2)})`;
    return `${megabits.toFixed(0)} Mbit/s [${cpu.join(" + ")} us] ${bytes} B ${ratios}`;
  }

  /** The figures that have an aim. */
  aims(): string {
    const lines: string[][] = [];
    for (const what of this.#cases) {
      if (what.policy !== "every-update") continue;
      if (what.direction === "answer") lines.push(...this.#addedLatency(what));
      else lines.push(this.#throughput(what), this.#bytes(what));
    }
    return table(["every-update", "aim", "measured"], lines);
  }

  #throughput(what: Case): string[] {
    const { direction } = what;
    const cpu = this.#ratio(what, cpuOfAll).toFixed(2);
    const ownCore = `${percent(this.#ratio(what, ownCoreRate))} if each computer had a core of its own`;
    return [
      `throughput against unreplicated, ${titleOf(what)}`,
      direction === "in" ? "97 %" : "90 %",
      `${percent(this.#ratio(what, rate))}; ${ownCore}; CPU of all computers ${cpu} times`,
    ];
  }

  #bytes(what: Case): string[] {
    const { sizeBytes } = what;
    const bytes = this.#of(what, ({ linkBytes }) => linkBytes);
    const packets = this.#of(what, (measured) => measured.packets);
    const aim = 1.1 * sizeBytes + 40 * packets;
    return [
      `replication bytes for a message, ${titleOf(what)}`,
      `${aim.toFixed(0)} B (1.1 B for a byte + 40 B for each of ${packets.toFixed(2)} packets)`,
      `${bytes.toFixed(0)} B`,
    ];
  }

  #addedLatency(what: Case): string[][] {
    const answers = ({ policy }: Case): number[] =>
      (this.#results.get(keyOf({ ...what, policy })) ?? []).flatMap(({ answerMicros }) => answerMicros);
    const [with_, without] = [answers(what), answers({ ...what, policy: unreplicated })];
    return [0.5, 0.99].map((share) => {
      const roundTrip = percentile(this.#roundTrips, share);
      const added = percentile(with_, share) - percentile(without, share);
      return [
        `added to a message and its acknowledgement, ${share === 0.5 ? "p50" : "p99"}`,
        `${micros(roundTrip + 150)} us (a round trip of ${micros(roundTrip)} us + 150 us)`,
        `${micros(added)} us`,
      ];
    });
  }

  stalls(): string {
    const stalls = [...this.#results.values()].flat().map(({ stallMicros }) => stallMicros / 1000);
    const [p50, p99] = [percentile(stalls, 0.5), percentile(stalls, 0.99)];
    return `Longest stall of the primary's event loop in a window: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms.\n`;
  }
}

const percent = (ratio: number): string => `${(100 * ratio).toFixed(1)} %`;
const micros = (value: number): string => value.toFixed(value < 100 ? 1 : 0);

function titleOf({ direction, sizeBytes }: Case): string {
  const size = sizeBytes >= 1024 ? `${sizeBytes / 1024} KB` : `${sizeBytes} B`;
  if (direction === "answer") return `${size} until acknowledged, p50 / p99`;
  return `${size} ${direction === "out" ? "from" : "to"} the cluster`;
}
