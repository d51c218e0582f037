import { NativeTransport } from "../../agents/host/native-transport.ts";
import type { SendPacket } from "../../agents/host/packet-transport.ts";
import { TestHost, sctpPort } from "./support/endpoint-hosts.ts";
import { nativeIo } from "./support/native.ts";
import { Received, isPacket, packetTo } from "./support/received.ts";

/**
 * One host of the raw lab, in a namespace of its own: `packets-child.ts MODE ADDRESS [PEER] [SIZE]`. Says one line
 * of JSON when it is ready (listen, sink), one with the outcome at the end, and ends with its input.
 */
const [mode, address = "", peer = "", size = "100"] = process.argv.slice(2);

const say = (what: object): void => console.log(JSON.stringify(what));
process.stdin.resume().on("end", () => process.exit(0));

/** UDP where the mode says so: the same tests for what raw packets and datagrams have in common. */
const way = mode?.startsWith("udp-") === true ? { udpPort: 9899 } : ("raw" as const);
const transport = NativeTransport.open(nativeIo(), { address, way, ecnCapable: true });

async function sink(): Promise<void> {
  const received = new Received(transport);
  say({ ready: true });
  await received.until(() => received.packets.length > 0);
  const [{ bytes, route, congestionExperienced } = { bytes: [], route: {} }] = received.packets;
  say({ length: bytes.length, first: [...bytes.slice(0, 4)], route, congestionExperienced });
}

/** Again when a router says that it was too big: by then the kernel knows the MTU of the path. */
async function send(): Promise<void> {
  const received = new Received(transport);
  say({ ready: true });
  for (let tries = 1; ; tries++) {
    transport.send([packetTo(peer, 77, Number(size))]);
    await received.until(() => received.reports.length === tries);
  }
}

/** The last ones of a flood: many, because a busy receiver may lose some. */
const lastIndex = 0xffff_ffff;
const lastPackets = 200;

/** Packets until some have to wait, and then some; tells what became of them as soon as nothing waits any more. */
async function flood(): Promise<void> {
  transport.start({ onPackets: () => undefined, onIcmp: () => undefined });
  let total = 0;
  const offer = (index: number): void => {
    transport.send([packetTo(peer, index, 1000)]);
    total += 1;
  };
  while (transport.counters.sent === total) offer(total);
  for (let more = 0; more < 1000; more++) offer(total);
  for (let more = 0; more < lastPackets; more++) offer(lastIndex);
  const left = (): number => {
    const { sent, sendDrops, sendErrors } = transport.counters;
    return total - sent - sendDrops - sendErrors;
  };
  const hadToWait = left();
  while (left() > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  say({ lost: total - transport.counters.sent, hadToWait: hadToWait > 0 });
}

/** Takes a flood to its end, and tells whether it came in order. */
async function count(): Promise<void> {
  const received = new Received(transport);
  say({ ready: true });
  const isLast = ({ bytes }: { bytes: Uint8Array }): boolean => isPacket(bytes, lastIndex, 1000);
  await received.until(() => received.packets.slice(-512).some(isLast));
  const indices = received.packets.map(({ bytes }) =>
    new DataView(bytes.buffer, bytes.byteOffset).getUint32(0),
  );
  say({ ordered: indices.every((index, at) => at === 0 || index >= (indices[at - 1] ?? 0)) });
}

async function report(probe: boolean): Promise<void> {
  const received = new Received(transport);
  const packet: SendPacket = { ...packetTo(peer, 77, Number(size)), ...(probe && { probe: true as const }) };
  transport.send([packet]);
  await received.until(() => received.reports.length > 0);
  const [{ kind, mtuBytes, quoted, route } = { quoted: [] }] = received.reports;
  say({ kind, mtuBytes, quoted: [...quoted.slice(0, 4)], route });
}

async function listen(): Promise<void> {
  const host = new TestHost(address, [transport], { listening: true });
  say({ ready: true });
  await host.until(() => host.states.includes("shutdown-complete"));
  say({ delivered: host.deliveries.length, counters: transport.counters });
}

/** Associates with path MTU discovery on, and tells when packets are as long as `size` says, but for 8 bytes. */
async function discover(): Promise<void> {
  const parameters = { pathMtuDiscovery: true };
  const host = new TestHost(address, [transport], { listening: false, parameters });
  host.host.connect(peer, sctpPort);
  await host.until(() => host.states.includes("comm-up"));
  const found = (): number =>
    host.host.turn((endpoint) => endpoint.statistics(host.association)?.paths[0]?.packetSizeBytes ?? 0);
  while (found() <= Number(size) - 8) await new Promise((resolve) => setTimeout(resolve, 10));
  say({ packetSizeBytes: found() });
  host.host.shutdown(host.association);
}

async function associate(): Promise<void> {
  const wanted = 1000;
  const host = new TestHost(address, [transport], { listening: false });
  host.host.connect(peer, sctpPort);
  await host.until(() => host.states.includes("comm-up"));
  let sent = 0;
  host.pump = (association) => {
    const message = { streamId: 0, ppid: 1, unordered: false, payload: new Uint8Array(Number(size)) };
    while (sent < wanted && host.host.send(association, message) === "accepted") sent += 1;
    if (sent < wanted) host.host.awaitRoom(association, 32 * 1024);
    else host.host.shutdown(association);
  };
  host.host.awaitRoom(host.association, 32 * 1024);
  await host.until(() => host.states.includes("shutdown-complete"));
  say({ sent, counters: transport.counters });
}

switch (mode) {
  case "sink":
  case "udp-sink":
    await sink();
    break;
  case "send":
  case "udp-send":
    await send();
    break;
  case "flood":
  case "udp-flood":
    await flood();
    break;
  case "count":
  case "udp-count":
    await count();
    break;
  case "report":
    await report(false);
    break;
  case "probe":
  case "udp-probe":
    await report(true);
    break;
  case "listen":
    await listen();
    break;
  case "discover":
  case "udp-discover":
    await discover();
    break;
  case "udp-listen":
    await listen();
    break;
  case "associate":
    await associate();
    break;
  default:
    throw new Error(`no such mode: ${mode}`);
}
