import { describe, expect, it } from "vitest";
import { SocketWorld, bytesOf, errnoOf, events, texts, valueOf } from "./world.ts";

const clientAddress = "192.0.2.1";
const serverAddress = "192.0.2.2";

function hosts(seed: number, faults?: ConstructorParameters<typeof SocketWorld>[1]) {
  const world = new SocketWorld(seed, faults);
  const client = world.host([clientAddress]);
  const server = world.host([serverAddress]);
  return { world, client, server };
}

function connected(seed: number, faults?: ConstructorParameters<typeof SocketWorld>[1]) {
  const { world, client, server } = hosts(seed, faults);
  const listener = world.listener(server);
  const pair = world.pair(client, server, listener, serverAddress);
  return { world, client, server, listener, at: pair };
}

describe("messages", () => {
  it.each([1, 2, 3])("arrive whole and in order through a bad network, seed %i", (seed) => {
    const bad = { latencyMs: 10, jitterMs: 20, loss: 0.1, duplication: 0.05, corruption: 0.05 };
    const { world, client, server, at } = connected(seed, bad);
    const sent = Array.from({ length: 200 }, (_, index) => `${index} ${"x".repeat((index * 37) % 4000)}`);
    const received: string[] = [];
    let next = 0;
    const done = world.run(600_000, () => {
      while (next < sent.length && client.send(at.client, bytesOf(sent[next] ?? ""), {}, world.nowMs).ok)
        next++;
      received.push(...texts(world.readAll(server, at.server)));
      return received.length === sent.length;
    });
    expect(done).toBe(true);
    expect(received).toEqual(sent);
  });

  it("share packets when they are given one after the other", () => {
    const { world, client, server, at } = connected(4);
    const before = world.network.log.length;
    valueOf(client.setOption(at.client, { name: "SCTP_NODELAY", on: true }, world.nowMs));
    for (let message = 0; message < 10; message++)
      valueOf(client.send(at.client, bytesOf(`m${message}`), {}, world.nowMs));
    world.drain();
    expect(world.network.log.length).toBe(before + 1);
    world.run(100);
    expect(texts(world.readAll(server, at.server))).toHaveLength(10);
  });

  it("larger than both buffers' half go in parts, and every byte arrives", () => {
    const { world, client, server, at } = connected(5);
    const message = Uint8Array.from({ length: 250_000 }, (_, index) => (index * 7) & 0xff);
    valueOf(client.send(at.client, message, { ppid: 9 }, world.nowMs));
    const parts: Uint8Array[] = [];
    let ended = false;
    const done = world.run(60_000, () => {
      for (const each of world.readAll(server, at.server, 10_000)) {
        if (each.kind !== "data") continue;
        expect(each.info.ppid).toBe(9);
        expect(each.bytes.length).toBeLessThanOrEqual(10_000);
        expect(ended).toBe(false);
        parts.push(each.bytes);
        ended = each.endOfRecord;
      }
      return ended;
    });
    expect(done).toBe(true);
    expect(Buffer.concat(parts).equals(message)).toBe(true);
  });

  it("that nobody reads stop the sender, and go on once they are read", () => {
    const { world, client, server, at } = connected(6);
    const payload = new Uint8Array(10_000);
    let accepted = 0;
    world.run(30_000, () => {
      const answer = client.send(at.client, payload, {}, world.nowMs);
      if (answer.ok) accepted += 1;
      else expect(answer.errno).toBe("EAGAIN");
      return false;
    });
    // One receive buffer and one send buffer, and no more.
    expect(accepted).toBeGreaterThan(40);
    expect(accepted * payload.length).toBeLessThanOrEqual(2 * 262_144 + payload.length);
    let bytes = 0;
    const arrived = world.run(300_000, () => {
      for (const each of world.readAll(server, at.server))
        if (each.kind === "data") bytes += each.bytes.length;
      return bytes === accepted * payload.length;
    });
    expect(arrived).toBe(true);
    expect(client.send(at.client, payload, {}, world.nowMs).ok).toBe(true);
  });

  it("longer than the send buffer can never be sent", () => {
    const { world, client, at } = connected(7);
    expect(errnoOf(client.send(at.client, new Uint8Array(262_145), {}, world.nowMs))).toBe("EMSGSIZE");
    valueOf(client.setOption(at.client, { name: "SO_SNDBUF", bytes: 300_000 }, world.nowMs));
    expect(valueOf(client.send(at.client, new Uint8Array(262_145), {}, world.nowMs))).toBe(262_145);
  });
});

describe("the way to an association", () => {
  it("is refused with ECONNREFUSED where nobody listens", () => {
    const { world, client } = hosts(10);
    const socket = client.socket("one-to-one");
    valueOf(client.connect(socket, [serverAddress], 7000, world.nowMs));
    expect(errnoOf(client.connect(socket, [serverAddress], 7000, world.nowMs))).toBe("EALREADY");
    world.run(100);
    expect(valueOf(client.takeError(socket, world.nowMs))).toBe("ECONNREFUSED");
    expect(valueOf(client.takeError(socket, world.nowMs))).toBeUndefined();
  });

  it("ends where the accept queue is full, and begins again with room in it", () => {
    const { world, client, server } = hosts(11);
    const listener = world.listener(server, 2);
    const sockets = [0, 1, 2].map(() => {
      const socket = client.socket("one-to-one");
      valueOf(client.connect(socket, [serverAddress], 7000, world.nowMs));
      world.run(100);
      return socket;
    });
    const states = sockets.map((each) => valueOf(client.status(each, world.nowMs)).state);
    expect(states).toEqual(["SCTP_ESTABLISHED", "SCTP_ESTABLISHED", "SCTP_CLOSED"]);
    valueOf(server.accept(listener, world.nowMs));
    valueOf(client.connect(sockets[2] ?? 0, [serverAddress], 7000, world.nowMs));
    world.run(100);
    expect(valueOf(client.status(sockets[2] ?? 0, world.nowMs)).state).toBe("SCTP_ESTABLISHED");
    valueOf(server.close(listener, world.nowMs));
    world.run(100);
    expect(valueOf(client.takeError(sockets[2] ?? 0, world.nowMs))).toBe("ECONNRESET");
    expect(errnoOf(server.accept(listener, world.nowMs))).toBe("EBADF");
  });

  it("does not go through a listener, nor twice through one socket", () => {
    const { world, client, server, listener, at } = connected(12);
    expect(errnoOf(server.connect(listener, [clientAddress], 7000, world.nowMs))).toBe("EOPNOTSUPP");
    expect(errnoOf(client.connect(at.client, [serverAddress], 7000, world.nowMs))).toBe("EISCONN");
    expect(errnoOf(client.listen(at.client, 1))).toBe("EINVAL");
    expect(errnoOf(server.accept(at.server, world.nowMs))).toBe("EINVAL");
    expect(errnoOf(server.receive(listener, 10, world.nowMs))).toBe("ENOTCONN");
    expect(errnoOf(server.send(listener, bytesOf("x"), {}, world.nowMs))).toBe("ENOTCONN");
    const fresh = client.socket("one-to-one");
    expect(errnoOf(client.send(fresh, bytesOf("x"), {}, world.nowMs))).toBe("ENOTCONN");
    for (const address of ["224.0.0.1", "0.0.0.0", "::1", "somewhere", ""])
      expect(errnoOf(client.connect(fresh, [address], 7000, world.nowMs)), address).toBe("EINVAL");
    expect(errnoOf(client.connect(fresh, [serverAddress], 0, world.nowMs))).toBe("EINVAL");
    expect(errnoOf(client.shutdown(fresh, "write", world.nowMs))).toBe("ENOTCONN");
  });

  it("may begin with the first message (RFC 6458 section 7.5)", () => {
    const { world, client, server } = hosts(13);
    const listener = world.listener(server);
    const socket = client.socket("one-to-one");
    const to = { addresses: [serverAddress], port: 7000 };
    expect(valueOf(client.send(socket, bytesOf("hello"), { to, eof: true }, world.nowMs))).toBe(5);
    world.run(1000);
    const accepted = valueOf(server.accept(listener, world.nowMs));
    expect(texts(world.readAll(server, accepted))).toEqual(["hello"]);
    expect(valueOf(server.receive(accepted, 10, world.nowMs))).toEqual({ kind: "end" });
  });

  it("tells both ends where the other one is", () => {
    const { world, client, server, at } = connected(14);
    const { addresses, port } = valueOf(client.localAddresses(at.client));
    expect(addresses).toEqual([clientAddress]);
    expect(port).toBeGreaterThanOrEqual(49_152);
    expect(valueOf(server.peerAddresses(at.server, world.nowMs))).toEqual({ addresses, port });
    expect(valueOf(client.peerAddresses(at.client, world.nowMs))).toEqual({
      addresses: [serverAddress],
      port: 7000,
    });
  });
});

describe("streams (RFC 6525)", () => {
  it("are added and reset where the peer allows it, and both users are told", () => {
    const { world, client, server } = hosts(30);
    const listener = world.listener(server);
    for (const event of ["stream-change", "stream-reset"] as const)
      valueOf(server.setOption(listener, { name: "SCTP_EVENT", event, on: true }, world.nowMs));
    const allowed = { streamReset: true, associationReset: false, streamChange: true };
    valueOf(server.setOption(listener, { name: "SCTP_ENABLE_STREAM_RESET", ...allowed }, world.nowMs));
    const at = world.pair(client, server, listener, serverAddress);
    expect(errnoOf(client.send(at.client, bytesOf("x"), { streamId: 16 }, world.nowMs))).toBe("EINVAL");
    valueOf(client.reconfigure(at.client, { kind: "add-outgoing", count: 4 }, world.nowMs));
    world.run(1000);
    expect(valueOf(client.status(at.client, world.nowMs)).outboundStreams).toBe(20);
    valueOf(client.send(at.client, bytesOf("on a new stream"), { streamId: 19 }, world.nowMs));
    world.run(1000);
    valueOf(client.reconfigure(at.client, { kind: "outgoing-reset", streams: [19] }, world.nowMs));
    world.run(1000);
    valueOf(client.send(at.client, bytesOf("from 0 again"), { streamId: 19 }, world.nowMs));
    world.run(1000);
    const received = world.readAll(server, at.server);
    expect(texts(received)).toEqual(["on a new stream", "from 0 again"]);
    expect(received.flatMap((each) => (each.kind === "data" ? [each.info.ssn] : []))).toEqual([0, 0]);
    expect(events(received).map(([, name]) => name)).toEqual(["stream-change", "stream-reset"]);
    const unknown = { kind: "outgoing-reset", streams: [99] } as const;
    expect(errnoOf(client.reconfigure(at.client, unknown, world.nowMs))).toBe("EINVAL");
  });
});

describe("the end of an association", () => {
  it("lets a port go when its last association is over", () => {
    const { world, client, server, listener, at } = connected(20);
    valueOf(server.close(listener, world.nowMs));
    const again = server.socket("one-to-one");
    expect(errnoOf(server.bind(again, ["0.0.0.0"], 7000))).toBe("EADDRINUSE");
    valueOf(client.close(at.client, world.nowMs));
    world.run(100);
    expect(valueOf(server.receive(at.server, 10, world.nowMs))).toEqual({ kind: "end" });
    valueOf(server.bind(again, ["0.0.0.0"], 7000));
  });

  it("is told in words of RFC 6458 to who has asked for them, between the messages", () => {
    const { world, client, server } = hosts(21);
    const listener = world.listener(server);
    for (const event of ["association-change", "shutdown-event", "sender-dry"] as const)
      valueOf(server.setOption(listener, { name: "SCTP_EVENT", event, on: true }, world.nowMs));
    const at = world.pair(client, server, listener, serverAddress);
    valueOf(client.send(at.client, bytesOf("one"), { eof: true }, world.nowMs));
    world.run(1000);
    const all = world.readAll(server, at.server);
    expect(all.map(({ kind }) => kind)).toEqual(["notification", "data", "notification", "notification"]);
    expect(events(all).map(([, name]) => name)).toEqual(["comm-up", "shutdown-event", "shutdown-complete"]);
  });

  it("by ABORT says to the peer why, and to both users that", () => {
    const { world, client, server, at } = connected(22);
    valueOf(
      server.setOption(at.server, { name: "SCTP_EVENT", event: "association-change", on: true }, world.nowMs),
    );
    valueOf(client.send(at.client, bytesOf("no more"), { abort: true }, world.nowMs));
    expect(errnoOf(client.receive(at.client, 10, world.nowMs))).toBe("ECONNABORTED");
    world.run(100);
    expect(events(world.readAll(server, at.server)).map(([, name]) => name)).toEqual(["comm-lost"]);
    expect(errnoOf(server.receive(at.server, 10, world.nowMs))).toBe("ECONNRESET");
  });

  it("waits for what was given for sending, also where the socket is gone", () => {
    const { world, client, server, at } = connected(23, {
      latencyMs: 5,
      jitterMs: 10,
      loss: 0.2,
      duplication: 0,
      corruption: 0,
    });
    for (let message = 0; message < 20; message++)
      valueOf(client.send(at.client, new Uint8Array(5000), {}, world.nowMs));
    valueOf(client.close(at.client, world.nowMs));
    let messages = 0;
    let ended = false;
    world.run(600_000, () => {
      messages += world.readAll(server, at.server).filter(({ kind }) => kind === "data").length;
      const answer = server.receive(at.server, 10, world.nowMs);
      ended = answer.ok && answer.value.kind === "end";
      return ended;
    });
    expect({ messages, ended }).toEqual({ messages: 20, ended: true });
  });

  it("drops notifications beyond a bound, and says so", () => {
    const { world, client, server, at } = connected(24);
    for (const event of ["sender-dry", "association-change"] as const)
      valueOf(client.setOption(at.client, { name: "SCTP_EVENT", event, on: true }, world.nowMs));
    for (let message = 0; message < 400; message++) {
      valueOf(client.send(at.client, bytesOf("x"), {}, world.nowMs));
      world.run(500);
      world.readAll(server, at.server);
    }
    const told = events(world.readAll(client, at.client)).map(([, name]) => name);
    expect(told).toHaveLength(257);
    expect(told.at(-1)).toBe("notifications-stopped");
    expect(new Set(told.slice(0, -1))).toEqual(new Set(["sender-dry"]));
  });
});
