import { parseArgs } from "node:util";
import type { Link, OpenLink } from "./link.ts";
import { Meter } from "./meter.ts";

/**
 * One end of one measurement, in a process of its own (see ../round.ts, which starts two of them and ends
 * them). Prints `ready` when it can be connected to, and what it measured as a line of JSON.
 */
const systems: Readonly<Record<string, () => Promise<OpenLink>>> = {
  ours: async () => (await import("./ours.ts")).openOverDgram,
  native: async () => (await import("./ours.ts")).openOverNative,
  werift: async () => (await import("./werift.ts")).openWerift,
  "npm-sctp": async () => (await import("./npm-sctp.ts")).openNpmSctp,
  dgram: async () => (await import("./dgram.ts")).openDgram,
};

const { values } = parseArgs({
  options: {
    system: { type: "string", default: "" },
    role: { type: "string", default: "" },
    size: { type: "string", default: "64" },
    "own-port": { type: "string", default: "0" },
    "peer-port": { type: "string", default: "0" },
    "ramp-ms": { type: "string", default: "500" },
    "window-ms": { type: "string", default: "1500" },
  },
});

const { role } = values;
const payload = new Uint8Array(Number(values.size)).fill(0x5a);
const meter = new Meter(Number(values["ramp-ms"]), Number(values["window-ms"]), (measured) => {
  process.stdout.write(`${JSON.stringify(measured)}\n`);
});

const opened: { link?: Link } = {};

function onMessage(): void {
  if (role === "sender") return;
  meter.count();
  if (role !== "receiver") opened.link?.trySend(payload);
}

function pump(link: Link): void {
  while (link.trySend(payload));
  link.awaitRoom(() => pump(link));
}

const open = systems[values.system];
if (open === undefined) throw new Error(`there is no system ${values.system}`);
const connects = role === "sender" || role === "pinger";
const { link, up } = await (
  await open()
)({
  connects,
  ownPort: Number(values["own-port"]),
  peerPort: Number(values["peer-port"]),
  onMessage,
});
opened.link = link;
process.stdout.write("ready\n");
await up;
if (role === "sender") {
  meter.start();
  pump(link);
} else if (role === "pinger") link.trySend(payload);
