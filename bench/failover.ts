import { parseArgs } from "node:util";
import { faultNames } from "../main/lab/faults/index.ts";
import { killsTable } from "./failover/kills.ts";
import { failoverTable } from "./failover/runs.ts";
import { soak } from "./failover/soak.ts";

/** `npm run bench:failover -- [options]`; see usage. A bench never fails a test: it measures, and says what it saw. */
const usage = `usage: npm run bench:failover -- [options]
  real runs of the embedded lab, with real processes and real kills; p50 and p99 of what the recorded runs say
    --runs N (30)        --fault NAME (crash): ${faultNames.join(", ")}
    --policy P (every-update)   --peer agent | usrsctp | kernel (agent)   --timers telecom | rfc9260 (telecom)
    --beats 3x10ms       beats of the cluster link (host-cut: 3x10ms; else those of the demo)
    --rate N (500)  --seconds N (1)  of load before and after the fault    --keep  the records stay
  --kills N              whoever serves is killed, and comes back as the standby: N times, ten to each recorded run
    --seed N (1)         draws the instants; --policy, --peer, --timers, --beats, --rate, --seconds, --keep as above
  --soak MINUTES         no fault: full load on a cluster on loopback, and every takeover is a false one
    --beats 3x10ms
`;

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "30" },
    fault: { type: "string", default: "crash" },
    policy: { type: "string", default: "every-update" },
    peer: { type: "string", default: "agent" },
    timers: { type: "string", default: "telecom" },
    beats: { type: "string" },
    rate: { type: "string", default: "500" },
    seconds: { type: "string", default: "1" },
    keep: { type: "boolean", default: false },
    soak: { type: "string" },
    kills: { type: "string" },
    seed: { type: "string", default: "1" },
    help: { type: "boolean", default: false },
  },
});

class Misuse extends Error {}

function number(
  name: "runs" | "rate" | "seconds" | "soak" | "kills" | "seed",
  from: number,
  to: number,
): number {
  const value = Number(values[name]);
  if (value >= from && value <= to) return value;
  throw new Misuse(`--${name} must be a number from ${from} to ${to}.`);
}

function oneOf<Name extends string>(name: "fault" | "peer" | "timers", names: readonly Name[]): Name {
  const found = names.find((each) => each === values[name]);
  if (found !== undefined) return found;
  throw new Misuse(`--${name} must be one of ${names.join(", ")}.`);
}

async function run(): Promise<string> {
  if (values.help) return usage;
  const { beats, policy, keep } = values;
  if (values.soak !== undefined) return await soak(number("soak", 0.1, 1e4), beats ?? "3x10ms");
  const shape = {
    policy,
    peer: oneOf("peer", ["agent", "usrsctp", "kernel"]),
    timers: oneOf("timers", ["telecom", "rfc9260"]),
    rate: Math.ceil(number("rate", 1, 20_000)),
    seconds: Math.ceil(number("seconds", 1, 600)),
    keep,
  };
  if (values.kills !== undefined) {
    const kills = Math.ceil(number("kills", 1, 100_000));
    return await killsTable({ ...shape, kills, seed: Math.ceil(number("seed", 0, 2 ** 31)), beats });
  }
  const fault = oneOf("fault", faultNames);
  const silence = beats ?? (fault === "host-cut" ? "3x10ms" : undefined);
  return await failoverTable({
    ...shape,
    runs: Math.ceil(number("runs", 1, 10_000)),
    fault,
    beats: silence,
  });
}

try {
  process.stdout.write(await run());
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = error instanceof Misuse ? 64 : 1;
}
