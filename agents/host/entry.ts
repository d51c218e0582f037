import { controlVersion } from "../control/index.ts";
import { eventRecord } from "../replica/index.ts";
import { Agent } from "./agent.ts";
import { HostClock } from "./clock.ts";
import { ControlChannel } from "./control-channel.ts";
import { loadNativeIo } from "./native-io.ts";
import { watchStalls } from "./stall-watch.ts";

/** A desk on a busy computer reads seconds late, and what it has not read is lost with the process. */
const readPatienceMs = 8000;
/** The desk is gone: there is nobody to wait for. */
const gonePatienceMs = 500;

/**
 * The agent as a program: it lives exactly as long as the desk's channel to it. Its argument, where there is one,
 * is the packet addon.
 */
const channel = new ControlChannel(
  (message) => {
    agent
      .handle(message)
      .catch((error: unknown) => channel.send({ type: "error", message: errorText(error) }))
      .finally(() => {
        if (message.type === "quit") void finish(0);
      });
  },
  () => void finish(0, gonePatienceMs),
);

const clock = new HostClock();
const native = loadNativeIo(process.argv[2]);
const agent = new Agent(channel, clock, native);
let finished = false;

async function finish(code: number, patienceMs: number = readPatienceMs): Promise<void> {
  if (finished) return;
  finished = true;
  agent.close();
  channel.send({ type: "bye" });
  setTimeout(() => process.exit(code), patienceMs).unref();
  await channel.end();
  process.exit(code);
}

const errorText = (error: unknown): string => (error instanceof Error ? error.message : String(error));

watchStalls((stalledMs) => {
  const text = `the event loop of this agent stood still for ${Math.round(stalledMs)} ms`;
  const detail = { stalledMs: Math.round(stalledMs) };
  channel.record([eventRecord("stall", text, clock.nowMs(), detail)]);
});

process.on("uncaughtException", (error) => {
  if (agent.blameModule(error)) return;
  channel.send({
    type: "error",
    message: `the agent has a bug and stops: ${error.stack ?? error.message}`.slice(0, 4000),
  });
  void finish(70);
});
process.on("SIGTERM", () => void agent.giveWay("SIGTERM").then(() => finish(0)));
process.on("SIGINT", () => void finish(0));

channel.send({
  type: "hello",
  version: controlVersion,
  pid: process.pid,
  name: `understudy agent on Node ${process.version}, packets by ${native.ok ? "its addon" : "node:dgram"}`,
  clockErrorMicros: clock.errorMicros,
});
