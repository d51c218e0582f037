import { maxAssociations } from "../../agents/control/index.ts";
import { Command, InvalidArgumentError, Option } from "commander";
import { setTimeout as sleep } from "node:timers/promises";
import { faultNames } from "../lab/faults/index.ts";
import { sweepStaleLabs } from "../lab/virtual/index.ts";
import { exportPcapng, openRun, rejudge } from "../store/index.ts";
import { codeOf, demo } from "./demo.ts";
import { exitCodes, failure, isInterruption } from "./exit-codes.ts";
import type { MatrixOptions } from "./matrix.ts";
import { matrix } from "./matrix.ts";
import type { OpenOptions } from "./open.ts";
import { open } from "./open.ts";
import { runsFolder, stateFolder } from "./places.ts";
import type { DemoOptions } from "./play.ts";
import { verdictTable } from "./print-verdict.ts";

const interruption = new AbortController();
/** After Ctrl-C the clean-up gets this long before the program gives up on it. */
const cleanUpMs = 30_000;
const stoppedAtOnce =
  "Stopped at once. An embedded lab is removed now by its reaper; to be sure, run: npm run understudy -- heal\n" +
  "Firewall rules on real machines go by themselves; agents end with their connection.\n";
let interruptedCode: number = exitCodes.interrupted;

function interrupted(signal: NodeJS.Signals): void {
  if (interruption.signal.aborted) {
    process.stderr.write(stoppedAtOnce);
    process.exit(interruptedCode);
  }
  if (signal === "SIGTERM") interruptedCode = exitCodes.terminated;
  process.stderr.write("\nStopping and cleaning up; press Ctrl-C again to stop at once.\n");
  interruption.abort();
  void sleep(cleanUpMs, undefined, { ref: false }).then(() => {
    process.stderr.write(`The clean-up did not end within ${cleanUpMs / 1000} s. ${stoppedAtOnce}`);
    process.exit(interruptedCode);
  });
}
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, interrupted);

/** Nobody reads any more, a closed terminal or pipe: the work goes on to its end and cleans up. */
function ignoreClosedReader(error: NodeJS.ErrnoException): void {
  if (error.code !== "EPIPE" && error.code !== "EIO") throw error;
}
for (const stream of [process.stdout, process.stderr]) stream.on("error", ignoreClosedReader);

/** A whole number in a range, for an option. */
const whole =
  (least: number, most: number) =>
  (text: string): number => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };

const program = new Command("understudy")
  .description("Shows whether an SCTP association survives the loss of a machine, and proves it.")
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "")) })
  .exitOverride();

let exitCode: number = exitCodes.passed;
const run = async (work: () => Promise<number> | number): Promise<void> => {
  exitCode = await work();
};

program
  .command("demo")
  .description("play the main job: deploy, associate, replicate, load, break, capture, judge, record")
  .option(
    "--policy <policy>",
    "when the state is replicated: every-update, interval:50ms, event:'updates>=20', impending-failure, " +
      "impending-failure:from-then-on, or shared for a store on a third computer (default: every-update, or as the testbed says)",
  )
  .option("--switch-to <policy>", "another policy to go over to under the load, before the fault")
  .addOption(
    new Option("--store <kind>", "what the third computer of the cluster runs (default: agent)").choices([
      "agent",
      "redis",
    ]),
  )
  .addOption(
    new Option(
      "--fencing <mode>",
      "who may go on when a and b do not hear each other (default: prefer-availability, or as the testbed says)",
    ).choices(["keep-primary", "prefer-availability", "witness"]),
  )
  .option(
    "--address-takeover",
    "who takes over has the outside address of the one that is gone, too, where both are on one link and nobody answers for it (default: no, or as the testbed says)",
  )
  .option(
    "--beats <n>x<interval>",
    "beats of the cluster link: 3x10ms is one every 10 ms, and a member of which 3 are missing counts as gone (default: one every 25 ms, and 600 ms of silence)",
  )
  .addOption(
    new Option(
      "--fault <name>",
      `what is done to the cluster: ${faultNames.join(", ")}; with --peer cluster also crash@peer, crash@both, crash@both:300ms`,
    ).default("crash"),
  )
  .option("--kills <n>", "with --fault kills: how many (default: 10)", whole(1, 1000))
  .option("--seed <n>", "with --fault kills: draws their instants (default: 1)", whole(0, 2 ** 32 - 1))
  .addOption(
    new Option("--peer <kind>", "who plays the outside computer")
      .choices(["agent", "usrsctp", "kernel", "cluster"])
      .default("agent"),
  )
  .option(
    "--peer-policy <policy>",
    "how the outside end replicates with --peer cluster (default: every-update)",
  )
  .addOption(
    new Option(
      "--peer-fencing <mode>",
      "who of the outside end may go on, with --peer cluster (default: prefer-availability)",
    ).choices(["keep-primary", "prefer-availability"]),
  )
  .addOption(new Option("--timers <set>", "SCTP timers").choices(["telecom", "rfc9260"]).default("telecom"))
  .addOption(
    new Option("--lab <kind>", "kind of embedded lab")
      .choices(["auto", "netns", "loopback"])
      .default("auto")
      .conflicts("testbed"),
  )
  .option("--testbed <file>", "real machines instead of the embedded lab")
  .option(
    "--application <name>",
    "what runs on the cluster: numbered, source, sink, echo, requester, responder, checker, or a module such as ./my-module.mjs (default: numbered, or as the testbed says)",
  )
  .option(
    "--associations <n>",
    "associations between the outside computer and the cluster, each with the load (default: 1, or as the testbed says)",
    whole(1, maxAssociations),
  )
  .option("--rate <n>", "messages a second, each way, on each association", whole(1, 20_000), 500)
  .option("--size <bytes>", "size of a message", whole(24, 65_536), 200)
  .option("--streams <n>", "streams in use", whole(1, 16), 4)
  .option("--seconds <n>", "length of the load before and after the fault", whole(1, 600), 4)
  .addOption(
    new Option(
      "--transport <kind>",
      "how SCTP packets travel: in UDP, or as IP protocol 132 (default: udp, or as the testbed says)",
    ).choices(["udp", "raw"]),
  )
  .addOption(
    new Option(
      "--scheduling <kind>",
      "how agents get the processor: ahead of ordinary programs where the host allows it, or as one of them (default: real-time, or as the testbed says)",
    ).choices(["real-time", "normal"]),
  )
  .option("--udp-port <port>", "UDP port of the encapsulation", whole(1, 65_535))
  .addOption(new Option("--capture <engine>", "capture engine").choices(["dumpcap", "tcpdump", "cap"]))
  .action((options: DemoOptions) => run(() => demo(options, interruption.signal)));

const collect = (text: string, before: readonly string[]): readonly string[] => [...before, text];

program
  .command("matrix")
  .description("play policies against faults against peers, each a run of its own, and print one table")
  .option("--small", "a selection of a dozen that has a bit of everything", false)
  .option(
    "--only <words>",
    'only combinations with these words, such as "shared crash"; may be repeated',
    collect,
    [],
  )
  .addOption(
    new Option("--peer <kinds...>", "outside computers")
      .choices(["agent", "usrsctp", "kernel", "cluster"])
      .default(["agent", "usrsctp", "cluster"]),
  )
  .option("--repeat <n>", "runs of each combination", whole(1, 1000), 1)
  .addOption(
    new Option("--keep <which>", "records that stay").choices(["all", "failed", "none"]).default("failed"),
  )
  .option("--rate <n>", "messages a second, each way", whole(1, 20_000), 500)
  .option("--size <bytes>", "size of a message", whole(24, 65_536), 200)
  .option("--streams <n>", "streams in use", whole(1, 16), 4)
  .option("--seconds <n>", "length of the load before and after the fault", whole(1, 600), 1)
  .action((options: MatrixOptions) => run(() => matrix(options, interruption.signal)));

program
  .command("open [run]", { isDefault: true })
  .description("open the interface on the recorded runs, or on one of them")
  .option("--browser", "use a browser even where Electron is present", false)
  .option("--port <port>", "port to serve on; 0 takes any", whole(0, 65_535), 0)
  .option("--host <address>", "address to serve on", "127.0.0.1")
  .action((path: string | undefined, options: OpenOptions) =>
    run(() => open(path, options, interruption.signal)),
  );

program
  .command("verify <run>")
  .description("judge a recorded run again")
  .action((path: string) =>
    run(() => {
      const report = rejudge(path);
      process.stdout.write(verdictTable(report));
      return codeOf(report);
    }),
  );

program
  .command("export <run> <file>")
  .description("write a run's packets as pcapng")
  .addOption(
    new Option("--view <view>", "each packet once, or all observations")
      .choices(["wire", "all"])
      .default("wire"),
  )
  .action((path: string, file: string, options: { readonly view: "wire" | "all" }) =>
    run(() => {
      const reader = openRun(path);
      exportPcapng(reader, file, { view: options.view, comments: true });
      reader.close();
      process.stdout.write(`${file}\n`);
      return exitCodes.passed;
    }),
  );

program
  .command("heal")
  .description("remove whatever an embedded lab that was cut off has left on this machine")
  .action(() =>
    run(async () => {
      await sweepStaleLabs(stateFolder());
      process.stdout.write(
        `Nothing of a dead lab is left (${stateFolder()}); runs are in ${runsFolder()}.\n`,
      );
      return exitCodes.passed;
    }),
  );

try {
  await program.parseAsync();
} catch (error) {
  exitCode = codeOfError(error);
}
process.exit(exitCode);

function codeOfError(error: unknown): number {
  if (interruption.signal.aborted && isInterruption(error)) return interruptedCode;
  if (error instanceof Error && "code" in error && String(error.code).startsWith("commander.")) {
    return "exitCode" in error && error.exitCode === 0 ? exitCodes.passed : exitCodes.usage;
  }
  const { text, code } = failure(error);
  process.stderr.write(`\n${text}\n`);
  return interruption.signal.aborted ? interruptedCode : code;
}
