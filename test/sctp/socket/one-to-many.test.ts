import { describe, expect, it } from "vitest";
import type { SocketStack } from "../../../agents/sctp/index.ts";
import { SocketWorld, bytesOf, errnoOf, events, texts, valueOf } from "./world.ts";

const serverAddresses = ["192.0.2.10", "198.51.100.10"];
const server = { addresses: serverAddresses.slice(0, 1), port: 7000 };

function hub(seed: number) {
  const world = new SocketWorld(seed);
  const stack = world.host(serverAddresses);
  const descriptor = stack.socket("one-to-many");
  valueOf(stack.bind(descriptor, ["0.0.0.0"], 7000));
  valueOf(stack.listen(descriptor, 1));
  valueOf(
    stack.setOption(descriptor, { name: "SCTP_EVENT", event: "association-change", on: true }, world.nowMs),
  );
  const clients = [1, 2, 3].map((number) => world.host([`192.0.2.${number}`]));
  return { world, stack, descriptor, clients };
}

/** Each client sends its number; answers their sockets. */
function greet(world: SocketWorld, clients: readonly SocketStack[]): number[] {
  const sockets = clients.map((client, index) => {
    const socket = client.socket("one-to-many");
    valueOf(client.send(socket, bytesOf(`from ${index + 1}`), { to: server }, world.nowMs));
    return socket;
  });
  world.run(1000);
  return sockets;
}

describe("one socket for many associations", () => {
  it("takes in whoever calls, and answers each by its association", () => {
    const { world, stack, descriptor, clients } = hub(1);
    const sockets = greet(world, clients);
    expect(errnoOf(stack.accept(descriptor, world.nowMs))).toBe("EOPNOTSUPP");
    const received = world.readAll(stack, descriptor);
    expect(texts(received).toSorted()).toEqual(["from 1", "from 2", "from 3"]);
    expect(events(received).map(([, name]) => name)).toEqual(["comm-up", "comm-up", "comm-up"]);
    expect(valueOf(stack.associations(descriptor, world.nowMs))).toHaveLength(3);
    expect(errnoOf(stack.send(descriptor, bytesOf("?"), {}, world.nowMs))).toBe("ENOTCONN");
    for (const each of received) {
      if (each.kind !== "data") continue;
      const text = `to ${new TextDecoder().decode(each.bytes).slice(5)}`;
      valueOf(stack.send(descriptor, bytesOf(text), { to: each.association }, world.nowMs));
    }
    world.run(1000);
    const answers = clients.map((client, index) => texts(world.readAll(client, sockets[index] ?? 0)));
    expect(answers).toEqual([["to 1"], ["to 2"], ["to 3"]]);
  });

  it("ends one of them by eof and another by abort, and the others go on", () => {
    const { world, stack, descriptor, clients } = hub(2);
    const sockets = greet(world, clients);
    world.readAll(stack, descriptor);
    const [first = 0, second = 0, third = 0] = valueOf(stack.associations(descriptor, world.nowMs));
    expect(valueOf(stack.send(descriptor, new Uint8Array(0), { to: first, eof: true }, world.nowMs))).toBe(0);
    valueOf(stack.send(descriptor, bytesOf("out"), { to: second, abort: true }, world.nowMs));
    world.run(1000);
    const ends = new Map(events(world.readAll(stack, descriptor)));
    expect(ends).toEqual(
      new Map([
        [first, "shutdown-complete"],
        [second, "comm-lost"],
      ]),
    );
    expect(valueOf(stack.associations(descriptor, world.nowMs))).toEqual([third]);
    expect(errnoOf(stack.send(descriptor, bytesOf("x"), { to: first }, world.nowMs))).toBe("EINVAL");
    expect(errnoOf(stack.shutdown(descriptor, "write", world.nowMs))).toBe("EOPNOTSUPP");
    // A client without an association sets a new one up with its next message.
    const client = clients[0];
    valueOf(
      client?.send(sockets[0] ?? 0, bytesOf("again"), { to: server }, world.nowMs) ?? {
        ok: false,
        errno: "EBADF",
      },
    );
    world.run(1000);
    expect(texts(world.readAll(stack, descriptor))).toEqual(["again"]);
  });

  it("takes nothing more for an association that is to end once it is set up", () => {
    const { world, stack, descriptor, clients } = hub(6);
    const [client] = clients;
    if (client === undefined) throw new Error("there is no client");
    const socket = client.socket("one-to-many");
    valueOf(client.send(socket, bytesOf("first"), { to: server }, world.nowMs));
    valueOf(client.send(socket, bytesOf("last"), { to: server, eof: true }, world.nowMs));
    expect(errnoOf(client.send(socket, bytesOf("late"), { to: server }, world.nowMs))).toBe("ESHUTDOWN");
    world.run(1000);
    expect(texts(world.readAll(stack, descriptor))).toEqual(["first", "last"]);
    expect(valueOf(client.associations(socket, world.nowMs))).toEqual([]);
  });

  it("gives one away with what is unread of it (peeloff)", () => {
    const { world, stack, descriptor, clients } = hub(3);
    const sockets = greet(world, clients);
    const peeled = valueOf(stack.associations(descriptor, world.nowMs))[1] ?? 0;
    const own = valueOf(stack.peelOff(descriptor, peeled, world.nowMs));
    expect(errnoOf(stack.peelOff(descriptor, peeled, world.nowMs))).toBe("EINVAL");
    const apart = world.readAll(stack, own);
    expect(events(apart)).toEqual([[peeled, "comm-up"]]);
    const [text = ""] = texts(apart);
    expect(texts(world.readAll(stack, descriptor))).toHaveLength(2);
    const index = Number(text.slice(5)) - 1;
    const client = clients[index] as SocketStack;
    valueOf(client.send(sockets[index] ?? 0, bytesOf("apart"), { to: server }, world.nowMs));
    world.run(1000);
    expect(texts(world.readAll(stack, own))).toEqual(["apart"]);
    expect(texts(world.readAll(stack, descriptor))).toEqual([]);
    valueOf(stack.close(descriptor, world.nowMs));
    world.run(1000);
    valueOf(stack.send(own, bytesOf("still here"), {}, world.nowMs));
    world.run(1000);
    expect(texts(world.readAll(client, sockets[index] ?? 0))).toEqual(["still here"]);
    expect(errnoOf(stack.connect(own, ["192.0.2.1"], 5, world.nowMs))).toBe("EISCONN");
  });

  it("keeps its association when the peer starts anew, and hears of it", () => {
    const { world, stack, descriptor } = hub(4);
    const before = world.host(["192.0.2.50"]);
    const socket = before.socket("one-to-many");
    valueOf(before.bind(socket, ["192.0.2.50"], 5000));
    valueOf(before.send(socket, bytesOf("before"), { to: server }, world.nowMs));
    world.run(1000);
    const [id] = valueOf(stack.associations(descriptor, world.nowMs));
    // The same machine again, without its memory.
    world.hosts.pop();
    const after = world.host(["192.0.2.50"]);
    const again = after.socket("one-to-many");
    valueOf(after.bind(again, ["192.0.2.50"], 5000));
    valueOf(after.send(again, bytesOf("after"), { to: server }, world.nowMs));
    world.run(10_000);
    const received = world.readAll(stack, descriptor);
    expect(texts(received)).toEqual(["before", "after"]);
    expect(events(received)).toEqual([
      [id, "comm-up"],
      [id, "restart"],
    ]);
    expect(valueOf(stack.associations(descriptor, world.nowMs))).toEqual([id]);
    valueOf(stack.send(descriptor, bytesOf("yes"), { to: id ?? 0 }, world.nowMs));
    world.run(1000);
    expect(texts(world.readAll(after, again))).toEqual(["yes"]);
    valueOf(stack.close(descriptor, world.nowMs));
    world.run(1000);
    valueOf(stack.bind(stack.socket("one-to-one"), ["0.0.0.0"], 7000));
  });

  it("sets options for one association, for all, or for those to come", () => {
    const { world, stack, descriptor, clients } = hub(5);
    greet(world, clients.slice(0, 2));
    const [first = 0, second = 0] = valueOf(stack.associations(descriptor, world.nowMs));
    const rto = (id: number): number =>
      valueOf(stack.status(descriptor, world.nowMs, id)).paths[0]?.rtoMs ?? 0;
    const option = { name: "SCTP_RTOINFO", initialMs: 5000, minMs: 5000 } as const;
    valueOf(stack.setOption(descriptor, option, world.nowMs, first));
    expect([rto(first), rto(second)]).toEqual([5000, 1000]);
    valueOf(stack.setOption(descriptor, option, world.nowMs));
    expect([rto(first), rto(second)]).toEqual([5000, 1000]);
    greet(world, clients.slice(2));
    const third = valueOf(stack.associations(descriptor, world.nowMs))[2] ?? 0;
    expect(rto(third)).toBe(5000);
    valueOf(stack.setOption(descriptor, option, world.nowMs, "all"));
    expect(rto(second)).toBe(5000);
    expect(errnoOf(stack.setOption(descriptor, option, world.nowMs, 99))).toBe("EINVAL");
  });
});
