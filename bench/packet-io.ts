import { parseArgs } from "node:util";
import { loadNativeIo } from "../agents/host/native-io.ts";
import { NativeTransport } from "../agents/host/native-transport.ts";
import type { PacketTransport, SendPacket } from "../agents/host/packet-transport.ts";
import { UdpTransport } from "../agents/host/udp-transport.ts";

/**
 * CPU time for each UDP packet on loopback, by way of sending and receiving: `npm run bench:packet-io`.
 * Only CPU time of this process is counted, and the ways take turns, so that other work on the machine
 * disturbs little; compare within a table. Sending: to a socket that nobody reads. Receiving: of what was
 * put into the socket's buffer before.
 */
const address = "127.0.0.1";
const sizes: readonly number[] = [1400, 200];

const { values } = parseArgs({ options: { rounds: { type: "string", default: "9" } } });
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1 || rounds > 1000) {
  process.stderr.write("--rounds must be a whole number from 1 to 1000.\n");
  process.exit(64);
}
const native = loadNativeIo();
if (!native.ok) {
  process.stderr.write(`${native.reason}\n`);
  process.exit(1);
}
const { io } = native;

type Open = (setting: {
  udpPort: number;
  remotePort?: number;
  peer?: { address: string; port: number };
}) =>
  | Promise<PacketTransport & { readonly udpPort: number }>
  | (PacketTransport & { readonly udpPort: number });

const dgram: Open = (setting) => UdpTransport.open({ address, ...setting });
const addon =
  (offload: boolean): Open =>
  ({ udpPort, ...rest }) =>
    NativeTransport.open(io, { address, way: { udpPort }, offload, ...rest });

interface Way {
  readonly name: string;
  readonly open: Open;
  /** Packets for each call of `send`. */
  readonly batch: number;
  readonly connected?: boolean;
}

const ways: readonly Way[] = [
  { name: "dgram", open: dgram, batch: 64 },
  { name: "dgram, connected", open: dgram, batch: 64, connected: true },
  { name: "addon, one by one", open: addon(false), batch: 1 },
  { name: "addon, sendmmsg / recvmmsg", open: addon(false), batch: 64 },
  { name: "addon, sendmmsg / recvmmsg, connected", open: addon(false), batch: 64, connected: true },
  { name: "addon, GSO / GRO", open: addon(true), batch: 64 },
];

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** CPU time of this process in microseconds. */
function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

function batchOf(count: number, sizeBytes: number): SendPacket[] {
  return Array.from({ length: count }, (_, index) => ({
    bytes: new Uint8Array(sizeBytes).fill(index),
    local: address,
    remote: address,
  }));
}

async function sendMicros(way: Way, sizeBytes: number): Promise<number> {
  const packetsWanted = 20_000;
  const sink = await UdpTransport.open({ address, udpPort: 0 });
  const peer = { address, port: sink.udpPort };
  const sender = await way.open({
    udpPort: 0,
    remotePort: peer.port,
    ...(way.connected === true && { peer }),
  });
  const batch = batchOf(way.batch, sizeBytes);
  let micros = 0;
  let sent = 0;
  while (sent < packetsWanted) {
    const before = cpuMicros();
    for (let packets = 0; packets < 256; packets += way.batch) sender.send(batch);
    await turn();
    micros += cpuMicros() - before;
    sent += 256;
  }
  if (sender.counters.sent !== sent) throw new Error(`${way.name}: ${sender.counters.sent} of ${sent} sent`);
  sender.close();
  sink.close();
  return micros / sent;
}

async function receiveMicros(way: Way, sizeBytes: number): Promise<number> {
  const packetsWanted = 10_000;
  let received = 0;
  let handedOver: () => void = () => undefined;
  const receiver = await way.open({ udpPort: 0 });
  // What GRO is given has come in one piece, as it does from a network card.
  const source = await addon(way.name.includes("GRO"))({ udpPort: 0, remotePort: receiver.udpPort });
  const fill = 64;
  const batch = batchOf(fill, sizeBytes);
  receiver.start({
    onPackets: (packets) => {
      received += packets.length;
      if (received % fill === 0) handedOver();
    },
    onIcmp: () => undefined,
  });
  let micros = 0;
  while (received < packetsWanted) {
    const done = new Promise<void>((resolve) => (handedOver = resolve));
    source.send(batch);
    const before = cpuMicros();
    await done;
    micros += cpuMicros() - before;
  }
  receiver.close();
  source.close();
  return micros / received;
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

for (const sizeBytes of sizes) {
  const figures = ways.map(() => ({ send: [] as number[], receive: [] as number[] }));
  for (let round = 0; round <= rounds; round++) {
    for (const [index, way] of ways.entries()) {
      const send = await sendMicros(way, sizeBytes);
      const receive = await receiveMicros(way, sizeBytes);
      // The first round warms up.
      if (round === 0) continue;
      figures[index]?.send.push(send);
      figures[index]?.receive.push(receive);
    }
    process.stderr.write(`${sizeBytes} bytes, round ${round} of ${rounds}\n`);
  }
  const medians = figures.map(({ send, receive }) => ({ send: median(send), receive: median(receive) }));
  const first = medians[0] ?? { send: Number.NaN, receive: Number.NaN };
  process.stdout.write(
    `\n| ${sizeBytes} bytes | send, us | to dgram | receive, us | to dgram |\n| --- | --- | --- | --- | --- |\n`,
  );
  for (const [index, { send, receive }] of medians.entries()) {
    const cells = [send, first.send / send, receive, first.receive / receive].map((cell) => cell.toFixed(2));
    process.stdout.write(
      `| ${ways[index]?.name} | ${cells[0]} | ${cells[1]}x | ${cells[2]} | ${cells[3]}x |\n`,
    );
  }
}
