import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { once } from "node:events";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Chunk, SctpPacket } from "../../agents/sctp/wire/index.ts";
import { parsePacket } from "../../agents/sctp/wire/index.ts";
import { cookieAck } from "../support/sctp-script.ts";
import { Run } from "./runner.ts";

/** The adapter on real UDP sockets of the loopback interface: the test is the peer at 127.0.0.1. */
let run: Run;
let peer: Socket;
let theirUdpPort = 0;
const waiting: SctpPacket[] = [];

const bound = async (socket: Socket): Promise<number> => {
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return socket.address().port;
};

beforeEach(async () => {
  waiting.length = 0;
  run = new Run();
  peer = createSocket("udp4");
  const peerUdpPort = await bound(peer);
  // A port that was free a moment ago.
  const probe = createSocket("udp4");
  theirUdpPort = await bound(probe);
  probe.close();
  peer.on("message", (bytes) => {
    const parsed = parsePacket(Uint8Array.from(bytes));
    if (parsed.ok && parsed.checksumGood) waiting.push(parsed.packet);
  });
  await run.hello({
    transport: "udp",
    clock: "real",
    local_ip: "127.0.0.1",
    local_ips: ["127.0.0.1"],
    peer_ip: "127.0.0.1",
    local_udp: theirUdpPort,
    peer_udp: peerUdpPort,
  });
});
afterEach(async () => {
  await run.end();
  peer.close();
});

async function arrives(type: Chunk["type"]): Promise<SctpPacket> {
  for (;;) {
    const packet = waiting.shift();
    if (packet?.chunks.some((chunk) => chunk.type === type) === true) {
      run.peer.learn(packet);
      return packet;
    }
    if (packet === undefined) await once(peer, "message", { signal: AbortSignal.timeout(5000) });
  }
}

const sends = (chunks: readonly Chunk[], from: Socket = peer): void => {
  from.send(run.peer.write(chunks), theirUdpPort, "127.0.0.1");
};

async function until<T>(ask: () => Promise<T>, done: (value: T) => boolean): Promise<T> {
  for (let value = await ask(); ; value = await ask()) if (done(value)) return value;
}

const open = async (): Promise<number> => {
  const fd = await run.call("socket", { type: "SOCK_STREAM" });
  await run.call("bind", { fd, ip: "127.0.0.1", port: 8080 });
  return fd;
};

it("sets an association up over UDP, sends, receives, and sends again in real time", async () => {
  const fd = await open();
  expect(await run.failure("connect", { fd, ip: "127.0.0.1", port: 8080 })).toBe("EINPROGRESS");
  await arrives("INIT");
  sends([run.peer.initAck()]);
  await arrives("COOKIE_ECHO");
  sends([cookieAck]);
  await until(
    () => run.status(fd),
    (status) => status["sstat_state"] === "SCTP_ESTABLISHED",
  );
  expect((await run.set(fd, "SCTP_RTOINFO", { srto_initial: 50, srto_min: 50 })).ret).toBe(0);
  await run.call("write", { fd, len: 100 });
  await arrives("DATA");
  await arrives("DATA");
  sends([run.peer.sack(1), run.peer.data(30)]);
  const read = await until(
    () => run.request("read", { fd, max: 100 }),
    ({ err }) => err !== "EAGAIN",
  );
  expect(read.ret).toBe(30);
  expect(read.now).toBeUndefined();
  await arrives("SACK");
  expect(await run.failure("advance", { us: 1 })).toBe("ENOSYS");
  expect(await run.failure("packet", { hex: "" })).toBe("ENOSYS");
});

it("answers to the UDP port that the peer last used", async () => {
  const listener = await open();
  await run.call("listen", { fd: listener, backlog: 1 });
  const moved = createSocket("udp4");
  await bound(moved);
  const arrived: SctpPacket[] = [];
  moved.on("message", (bytes) => {
    const parsed = parsePacket(Uint8Array.from(bytes));
    if (parsed.ok) arrived.push(parsed.packet);
  });
  try {
    sends([run.peer.init()]);
    await arrives("INIT_ACK");
    sends([run.peer.cookieEcho()]);
    await arrives("COOKIE_ACK");
    sends([run.peer.data(10)], moved);
    await once(moved, "message", { signal: AbortSignal.timeout(5000) });
    expect(arrived[0]?.chunks[0]?.type).toBe("SACK");
  } finally {
    moved.close();
  }
});

it("differs in tags and TSNs from run to run", async () => {
  const called = async (process: Run, port: number): Promise<void> => {
    const fd = await process.call("socket", { type: "SOCK_STREAM" });
    await process.call("bind", { fd, ip: "127.0.0.1", port });
    await process.failure("connect", { fd, ip: "127.0.0.1", port: 8080 });
    // The first one may send its INIT again meanwhile.
    while ((await arrives("INIT")).sourcePort !== port);
  };
  await called(run, 8080);
  const first = { tag: run.peer.theirTag, tsn: run.peer.theirFirstTsn };
  const other = new Run();
  const peerUdpPort = peer.address().port;
  await other.hello({ transport: "udp", clock: "real", local_ips: ["127.0.0.1"], peer_udp: peerUdpPort });
  await called(other, 8081);
  await other.end();
  expect(run.peer.theirTag).not.toBe(first.tag);
  expect(run.peer.theirFirstTsn).not.toBe(first.tsn);
});

it("says which UDP address cannot be had", async () => {
  const other = new Run();
  const taken = { transport: "udp", clock: "real", local_ips: ["127.0.0.1"], local_udp: theirUdpPort };
  expect(await other.failure("hello", { contract: 1, ...taken })).toBe("EADDRINUSE");
  await other.end();
});
