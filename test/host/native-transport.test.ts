import { createSocket } from "node:dgram";
import { readdirSync } from "node:fs";
import { once } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, it } from "vitest";
import type { NativeOptions } from "../../agents/host/native-transport.ts";
import { NativeTransport } from "../../agents/host/native-transport.ts";
import { UdpTransport } from "../../agents/host/udp-transport.ts";
import { TestHost, sctpPort } from "./support/endpoint-hosts.ts";
import { nativeIo, noNative } from "./support/native.ts";
import { Received, isPacket, packetTo } from "./support/received.ts";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const opened: NativeTransport[] = [];

afterEach(() => {
  for (const each of opened.splice(0)) each.close();
});

function open(address: string, options: Partial<NativeOptions> = {}): NativeTransport {
  const transport = NativeTransport.open(nativeIo(), { address, way: { udpPort: 0 }, ...options });
  opened.push(transport);
  return transport;
}

function pair(address: string, options: Partial<NativeOptions> = {}) {
  const receiver = open(address, options);
  const received = new Received(receiver);
  const sender = open(address, { ...options, remotePort: receiver.udpPort });
  return { sender, receiver, received };
}

const title = (text: string): string => `${text}${noNative === undefined ? "" : ` (skipped: ${noNative})`}`;

describe.skipIf(noNative !== undefined).each(["127.0.0.1", "::1"])(
  title("UDP through the addon at %s"),
  (address) => {
    it.each([true, false])(
      "carries batches whole, in order and with their route (offload %s)",
      async (offload) => {
        const { sender, received } = pair(address, { offload });
        // More than one call of the addon takes, more than one GSO send takes, and an uneven last segment.
        const sizes = [...Array.from({ length: 600 }, () => 1400), 20, 1400, 1400, 900, 900, 901, 1];
        sender.send(sizes.map((size, index) => packetTo(address, index, size)));
        await received.until(() => received.packets.length === sizes.length);
        const wrong = received.packets.filter(
          ({ bytes }, index) => !isPacket(bytes, index, sizes[index] ?? 0),
        );
        expect(wrong).toEqual([]);
        const route = { local: address, remote: address, remotePort: sender.udpPort };
        expect(received.packets.every((packet) => packet.route === received.packets[0]?.route)).toBe(true);
        expect(received.packets[0]?.route).toEqual(route);
        expect(received.batches.length).toBeLessThan(sizes.length / 4);
        expect(sender.counters).toMatchObject({ sent: sizes.length, sendErrors: 0, sendDrops: 0 });
      },
    );

    it("takes the largest datagram there is, and counts what is larger as refused", async () => {
      const { sender, received } = pair(address);
      const largest = address.includes(":") ? 65_535 - 8 : 65_535 - 20 - 8;
      sender.send([
        packetTo(address, 1, largest),
        packetTo(address, 2, 65_536),
        packetTo(address, 3, 0),
        packetTo(address, 4, 100),
      ]);
      await received.until(() => received.packets.length === 2);
      expect(received.packets.map(({ bytes }) => bytes.length)).toEqual([largest, 100]);
      expect(sender.counters).toMatchObject({ sent: 2, sendErrors: 2 });
    });

    it("reports port unreachable with what it quotes, and goes on", async () => {
      const gone = open(address);
      const { udpPort } = gone;
      gone.close();
      const alive = open(address);
      const atAlive = new Received(alive);
      const sender = open(address, { remotePort: udpPort });
      const received = new Received(sender);
      sender.send([packetTo(address, 7, 200)]);
      await received.until(() => received.reports.length > 0);
      const [report] = received.reports;
      expect(report).toMatchObject({
        kind: "port-unreachable",
        route: { local: address, remote: address, remotePort: udpPort },
      });
      expect(isPacket(report?.quoted ?? new Uint8Array(), 7, 200)).toBe(true);
      sender.send([{ ...packetTo(address, 8, 50), remotePort: alive.udpPort }]);
      await atAlive.until(() => atAlive.packets.length === 1);
      expect(sender.counters).toMatchObject({ sent: 2, sendErrors: 0 });
    });

    it("reports a probe that is larger than the MTU of the interface", async () => {
      const sender = open(address, { remotePort: 9 });
      const received = new Received(sender);
      // The MTU of loopback is 65536, so the length of an IP packet is the smaller bound.
      sender.send([{ ...packetTo(address, 5, 65_535), probe: true }]);
      await received.until(() => received.reports.length > 0);
      expect(received.reports[0]).toMatchObject({ kind: "packet-too-big", route: { remotePort: 9 } });
      expect(received.reports[0]?.mtuBytes).toBeGreaterThan(65_000);
      expect(received.reports[0]?.quoted.subarray(0, 4)).toEqual(new Uint8Array([0, 0, 0, 5]));
    });

    it("talks with node:dgram, connected and not", async () => {
      const dgram = await UdpTransport.open({ address, udpPort: 0 });
      const atDgram = new Received(dgram);
      const native = open(address, { peer: { address, port: dgram.udpPort } });
      const atNative = new Received(native);
      native.send([packetTo(address, 1, 500), packetTo(address, 2, 500)]);
      await atDgram.until(() => atDgram.packets.length === 2);
      dgram.send([{ ...packetTo(address, 3, 40), remotePort: atDgram.packets[0]?.route.remotePort ?? 0 }]);
      await atNative.until(() => atNative.packets.length === 1);
      expect(isPacket(atNative.packets[0]?.bytes ?? new Uint8Array(), 3, 40)).toBe(true);
      dgram.close();
    });

    it("carries an association", async () => {
      const server = open(address);
      const client = open(address, { peer: { address, port: server.udpPort } });
      const connected = open(address);
      connected.close();
      const listening = new TestHost(address, [server], { listening: true });
      const connecting = new TestHost(address, [client], { listening: false });
      connecting.host.connect(address, sctpPort);
      await connecting.until(() => connecting.states.includes("comm-up"));
      let sent = 0;
      connecting.pump = (association) => {
        const message = { streamId: 0, ppid: 1, unordered: false, payload: new Uint8Array(1000) };
        while (sent < 2000 && connecting.host.send(association, message) === "accepted") sent += 1;
        if (sent < 2000) connecting.host.awaitRoom(association, 64 * 1024);
      };
      connecting.host.awaitRoom(connecting.association, 64 * 1024);
      await listening.until(() => listening.deliveries.length === 2000);
      connecting.host.shutdown(connecting.association);
      await connecting.until(() => connecting.states.includes("shutdown-complete"));
      listening.host.close();
      connecting.host.close();
    });
  },
);

describe.skipIf(noNative !== undefined)(title("the addon"), () => {
  const address = "127.0.0.1";

  it("counts datagrams that its buffers are too short for, and goes on", async () => {
    const io = nativeIo();
    const socket = io.open(4, address, 0, 0, 100);
    if (typeof socket === "number") throw new Error(String(socket));
    const lengths: number[] = [];
    const fields = new Int32Array(50);
    const done = new Promise<void>((resolve) => {
      io.start(
        socket,
        fields,
        (_bytes, count) => {
          for (let index = 0; index < count; index++) lengths.push(fields[index * 5 + 1] ?? 0);
          if (lengths.includes(100)) resolve();
        },
        () => undefined,
        () => undefined,
      );
    });
    const sender = createSocket("udp4");
    for (const length of [10, 101, 0, 2000, 100])
      sender.send(Buffer.alloc(length), io.localPort(socket), address);
    await done;
    expect(lengths).toEqual([10, 100]);
    expect(io.receiveDrops(socket)).toBe(3);
    io.close(socket);
    sender.close();
  });

  it("hands over more packets than its fields hold in several calls", async () => {
    const io = nativeIo();
    const socket = io.open(4, address, 0, 0, 2000);
    if (typeof socket === "number") throw new Error(String(socket));
    const fields = new Int32Array(3 * 5 + 2);
    const sender = open(address, { remotePort: io.localPort(socket) });
    sender.send(Array.from({ length: 20 }, (_, index) => packetTo(address, index, 40 + index)));
    const counts: number[] = [];
    const lengths: number[] = [];
    await new Promise<void>((resolve) => {
      io.start(
        socket,
        fields,
        (_bytes, count) => {
          counts.push(count);
          for (let index = 0; index < count; index++) lengths.push(fields[index * 5 + 1] ?? 0);
          if (lengths.length === 20) resolve();
        },
        () => undefined,
        () => undefined,
      );
    });
    expect(Math.max(...counts)).toBe(3);
    expect(lengths).toEqual(Array.from({ length: 20 }, (_, index) => 40 + index));
    io.close(socket);
  });

  it("answers a number for whatever it cannot work with", () => {
    const io = nativeIo();
    const anything = io as unknown as Record<string, (...args: unknown[]) => unknown>;
    const invalid = -22;
    const badSocket = -9;
    expect(anything["open"]?.()).toBe(invalid);
    expect(anything["open"]?.(4, "localhost", 0, 0, 2000)).toBe(invalid);
    expect(anything["open"]?.(4, "::1", 0, 0, 2000)).toBe(invalid);
    expect(anything["open"]?.(4, address, 65_536, 0, 2000)).toBe(invalid);
    expect(anything["open"]?.(4, address, 0.5, 0, 2000)).toBe(invalid);
    expect(anything["open"]?.(4, "1".repeat(100), 0, 0, 2000)).toBe(invalid);
    expect(anything["open"]?.(4, address, 0, 0, 1_000_000)).toBe(invalid);
    for (const name of ["start", "send", "close", "localPort", "setDestination", "peerAddress", "connect"]) {
      for (const wrong of [undefined, null, 7, {}, [], "x"]) expect(anything[name]?.(wrong)).toBe(badSocket);
    }
    const socket = io.open(4, address, 0, 0, 2000);
    if (typeof socket === "number") throw new Error(String(socket));
    const [bytes, fields, results] = [new Uint8Array(100), new Int32Array(8), new Int32Array(4)];
    fields.set([50, 0, 9, 0, 50, 0, 9, 0]);
    expect(io.send(socket, bytes, fields, 1, results)).toBe(invalid);
    expect(io.setDestination(socket, 1024, address)).toBe(invalid);
    expect(io.setDestination(socket, -1, address)).toBe(invalid);
    expect(io.setDestination(socket, 0, "::1")).toBe(invalid);
    expect(io.setDestination(socket, 0, address)).toBe(0);
    expect(io.send(socket, bytes, fields, 3, results)).toBe(invalid);
    expect(io.send(socket, bytes.subarray(1), fields, 2, results)).toBe(invalid);
    expect(io.send(socket, bytes, fields, 2, new Int32Array(3))).toBe(invalid);
    expect(anything["send"]?.(socket, [1, 2], fields, 1, results)).toBe(invalid);
    fields[1] = 1;
    expect(io.send(socket, bytes, fields, 2, results)).toBe(invalid);
    fields[1] = 0;
    fields[0] = -1;
    expect(io.send(socket, bytes, fields, 2, results)).toBe(invalid);
    fields[0] = 50;
    expect(io.send(socket, bytes, fields, 2, results)).toBe(0);
    expect(io.peerAddress(socket, 0)).toBe(invalid);
    expect(io.peerAddress(socket, 5000)).toBe(invalid);
    expect(io.close(socket)).toBe(0);
    expect(io.close(socket)).toBe(badSocket);
    expect(io.send(socket, bytes, fields, 2, results)).toBe(badSocket);
  });

  it("can be closed by the handler that it is calling, with packets still to hand over", async () => {
    for (let round = 0; round < 50; round++) {
      const receiver = open(address);
      let calls = 0;
      const closed = new Promise<void>((resolve) => {
        receiver.start({
          onPackets: () => {
            calls += 1;
            receiver.close();
            setImmediate(resolve);
          },
          onIcmp: () => undefined,
        });
      });
      const sender = open(address, { remotePort: receiver.udpPort });
      const batch = Array.from({ length: 200 }, (_, index) => packetTo(address, index, 1400));
      sender.send(batch);
      await closed;
      sender.send(batch);
      sender.close();
      await new Promise((resolve) => setImmediate(resolve));
      expect(calls).toBe(1);
    }
  });

  it("leaves neither descriptors nor memory behind, closed or forgotten", async () => {
    const descriptors = (): number => readdirSync("/proc/self/fd").length;
    const settle = async (): Promise<void> => {
      for (let round = 0; round < 3; round++) {
        collectGarbage();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    const cycle = async (count: number): Promise<void> => {
      for (let index = 0; index < count; index++) {
        const { sender, receiver, received } = pair(address);
        sender.send([packetTo(address, index, 1000)]);
        if (index % 10 === 0) await received.until(() => received.packets.length === 1);
        sender.close();
        receiver.close();
        // This one is never closed: the garbage collector does it.
        nativeIo().open(4, address, 0, 0, 65_536);
        opened.length = 0;
        if (index % 50 === 0) await settle();
      }
      await settle();
    };
    await cycle(200);
    const [before, beforeBytes] = [descriptors(), process.memoryUsage.rss()];
    await cycle(1000);
    expect(descriptors()).toBeLessThanOrEqual(before);
    // A socket has 170 kB of its own, so a leak of one kind of socket of the three would be more than this.
    expect(process.memoryUsage.rss() - beforeBytes).toBeLessThan(100 * 1024 * 1024);
  });

  it("says in one sentence why a port cannot be had", async () => {
    const taken = createSocket("udp4").bind(0, address);
    await once(taken, "listening");
    const { port } = taken.address();
    expect(() => open(address, { way: { udpPort: port } })).toThrow(
      `UDP port ${port} on ${address} is taken by another program: end it, or choose another port with --udp-port`,
    );
    expect(() => open("192.0.2.77")).toThrow("this host has no address 192.0.2.77");
    taken.close();
  });
});
