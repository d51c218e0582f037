import { afterEach, describe, expect, it } from "vitest";
import type { PacketTransport, SendPacket, TransportHandlers } from "../../agents/host/packet-transport.ts";
import { newTransportCounters } from "../../agents/host/packet-transport.ts";
import { UdpTransport } from "../../agents/host/udp-transport.ts";
import { TestHost, sctpPort } from "./support/endpoint-hosts.ts";

const opened: TestHost[] = [];

afterEach(() => {
  for (const each of opened.splice(0)) each.host.close();
});

function testHost(...given: ConstructorParameters<typeof TestHost>): TestHost {
  const made = new TestHost(...given);
  opened.push(made);
  return made;
}

/** A transport to nowhere: keeps the batches, and lets the test play the network. */
class Wire implements PacketTransport {
  readonly counters = newTransportCounters();
  gathers = false;
  readonly batches: SendPacket[][] = [];
  handlers: TransportHandlers | undefined;
  closed = false;
  readonly #address: string;
  onSend: () => void = () => undefined;

  constructor(address: string) {
    this.#address = address;
  }

  start(handlers: TransportHandlers): void {
    this.handlers = handlers;
  }

  has(localAddress: string): boolean {
    return localAddress === this.#address;
  }

  send(packets: readonly SendPacket[]): void {
    this.batches.push([...packets]);
    this.onSend();
  }

  close(): void {
    this.closed = true;
  }
}

/** Packets of each wire arrive at the other one, a batch at a time, in a later turn. */
function crossed(a: Wire, b: Wire): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.onSend = () => {
      const batch = from.batches.at(-1) ?? [];
      const packets = batch.map(({ bytes, local, remote }) => ({
        bytes,
        route: { local: remote, remote: local },
      }));
      setImmediate(() => to.handlers?.onPackets(packets));
    };
  }
}

const message = (size: number, fill = 0) => ({
  streamId: 0,
  ppid: 9,
  unordered: false,
  payload: new Uint8Array(size).fill(fill),
});

describe.each(["127.0.0.1", "::1"])("an endpoint on UDP at %s", (address) => {
  it("carries an association from its start to its end, and leaves timers their turn while it pumps", async () => {
    const server = await UdpTransport.open({ address, udpPort: 0 });
    const client = await UdpTransport.open({ address, udpPort: 0, remotePort: server.udpPort });
    const listening = testHost(address, [server], { listening: true });
    const connecting = testHost(address, [client], { listening: false });
    connecting.host.connect(address, sctpPort);
    await connecting.until(() => connecting.states.includes("comm-up"));

    const wanted = 3000;
    let sent = 0;
    let ticks = 0;
    const ticker = setInterval(() => (ticks += 1), 1);
    connecting.pump = (association) => {
      while (sent < wanted && connecting.host.send(association, message(1000, sent)) === "accepted")
        sent += 1;
      if (sent < wanted) connecting.host.awaitRoom(association, 64 * 1024);
    };
    connecting.host.awaitRoom(connecting.association, 64 * 1024);
    await listening.until(() => listening.deliveries.length === wanted);
    clearInterval(ticker);
    expect(listening.deliveries.every(({ payload }, index) => payload[0] === (index & 0xff))).toBe(true);
    expect(ticks).toBeGreaterThan(2);

    connecting.host.shutdown(connecting.association);
    await connecting.until(() => connecting.states.includes("shutdown-complete"));
    await listening.until(() => listening.states.includes("shutdown-complete"));
    expect(server.counters.received).toBeGreaterThanOrEqual(wanted / 2);
    expect(server.counters.sendErrors + client.counters.sendErrors).toBe(0);
  });
});

describe("the turns of an endpoint", () => {
  async function established(): Promise<{ a: TestHost; b: TestHost; wireA: Wire; wireB: Wire }> {
    const [wireA, wireB] = [new Wire("192.0.2.1"), new Wire("192.0.2.2")];
    crossed(wireA, wireB);
    const a = testHost("192.0.2.1", [wireA], { listening: false });
    const b = testHost("192.0.2.2", [wireB], { listening: true });
    a.host.connect("192.0.2.2", sctpPort);
    await a.until(() => a.states.includes("comm-up"));
    await b.until(() => b.states.includes("comm-up"));
    return { a, b, wireA, wireB };
  }

  it("make one batch of all calls of a turn, and none without a cause", async () => {
    const { a, b, wireA } = await established();
    await new Promise((resolve) => setImmediate(resolve));
    const before = wireA.batches.length;
    for (let index = 0; index < 3; index++) a.host.send(a.association, message(1400, index));
    expect(wireA.batches.length).toBe(before);
    await b.until(() => b.deliveries.length === 3);
    expect(wireA.batches.slice(before).map((batch) => batch.length)).toEqual([3]);
  });

  it("end with what a transport hands over, where that is all there is", async () => {
    for (const gathers of [true, false]) {
      const pair = [new Wire("192.0.2.1"), new Wire("192.0.2.2")] as const;
      pair[1].gathers = gathers;
      const server = testHost("192.0.2.2", [pair[1]], { listening: true });
      testHost("192.0.2.1", [pair[0]], { listening: false }).host.connect("192.0.2.2", sctpPort);
      await new Promise((resolve) => setImmediate(resolve));
      const [init] = pair[0].batches.at(-1) ?? [];
      expect(init, "INIT").toBeDefined();
      const route = { local: "192.0.2.2", remote: "192.0.2.1" };
      pair[1].handlers?.onPackets([{ bytes: init?.bytes ?? new Uint8Array(0), route }]);
      expect(pair[1].batches.length, `${gathers}`).toBe(gathers ? 1 : 0);
      server.host.close();
    }
  });

  it("let a user answer a delivery within the turn", async () => {
    const { a, b, wireB } = await established();
    b.onDelivery = ({ payload }) => void b.host.send(b.association, { ...message(0), payload });
    const before = wireB.batches.length;
    a.host.send(a.association, message(100, 7));
    await a.until(() => a.deliveries.length === 1);
    // One turn: the answer, and with it or beside it the SACK.
    expect(wireB.batches.length - before).toBeLessThanOrEqual(2);
    expect(a.deliveries[0]?.payload[0]).toBe(7);
  });

  it("tell of room when there is some, once for each time that it is asked for", async () => {
    const { a, b, wireA } = await established();
    let calls = 0;
    a.pump = () => (calls += 1);
    const deliver = wireA.onSend;
    wireA.onSend = () => undefined;
    for (let index = 0; index < 20; index++) a.host.send(a.association, message(1400, index));
    a.host.awaitRoom(a.association, 1400);
    for (let turns = 0; turns < 5; turns++) await new Promise((resolve) => setImmediate(resolve));
    expect(calls).toBe(0);
    wireA.onSend = deliver;
    deliver();
    await a.until(() => calls > 0);
    await b.until(() => b.deliveries.length === 20);
    for (let turns = 0; turns < 5; turns++) await new Promise((resolve) => setImmediate(resolve));
    expect(calls).toBe(1);
  });

  it("carry out deadlines: INIT is repeated, then given up", async () => {
    const wire = new Wire("192.0.2.1");
    const parameters = { rtoInitialMs: 5, rtoMinMs: 5, rtoMaxMs: 10, maxInitRetransmits: 3 };
    const a = testHost("192.0.2.1", [wire], { listening: false, parameters });
    a.host.connect("192.0.2.2", sctpPort);
    await a.until(() => a.states.includes("cant-start"));
    expect(wire.batches.length).toBe(4);
  });

  it("count packets that no transport has the address of", async () => {
    const wire = new Wire("192.0.2.9");
    const parameters = { rtoInitialMs: 5, rtoMinMs: 5, rtoMaxMs: 10, maxInitRetransmits: 1 };
    const a = testHost("192.0.2.1", [wire], { listening: false, parameters });
    a.host.connect("192.0.2.2", sctpPort);
    await a.until(() => a.states.includes("cant-start"));
    expect(a.host.unroutable).toBe(2);
  });

  it("send an ABORT that waits when the host is closed, and are silent afterwards", async () => {
    const { a, b, wireA } = await established();
    a.host.abort(a.association, "enough");
    a.host.close();
    expect(wireA.closed).toBe(true);
    await b.until(() => b.states.includes("comm-lost"));
    const after = wireA.batches.length;
    a.host.send(a.association, message(10));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(wireA.batches.length).toBe(after);
  });
});
