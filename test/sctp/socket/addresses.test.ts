import { describe, expect, it } from "vitest";
import type { SocketStack } from "../../../agents/sctp/index.ts";
import { noExtensions, socketParameters } from "../../../agents/sctp/index.ts";
import { SocketWorld, bytesOf, errnoOf, texts, valueOf } from "./world.ts";

const ours = ["192.0.2.1", "192.0.2.2", "192.0.2.3"];
const theirs = ["192.0.2.101", "192.0.2.102"];
const [first = "", second = "", third = ""] = ours;

interface Stage {
  readonly world: SocketWorld;
  readonly near: SocketStack;
  readonly far: SocketStack;
  readonly listener: number;
}

function stage(farExtensions = socketParameters.extensions): Stage {
  const world = new SocketWorld(5);
  const near = world.host(ours);
  const far = world.host(theirs, { extensions: farExtensions });
  const listener = far.socket("one-to-many");
  valueOf(far.bind(listener, theirs, 7000));
  valueOf(far.listen(listener, 4));
  return { world, near, far, listener };
}

/** A socket of ours that is bound to the first address, connected and told about the peer's answers. */
function connected(
  on: Stage,
  style: "one-to-one" | "one-to-many" = "one-to-one",
  addresses: readonly string[] = [first],
): [number, number] {
  const { world, near } = on;
  const socket = near.socket(style);
  valueOf(near.bind(socket, addresses, 6000));
  const event = { name: "SCTP_EVENT", event: "local-address-change", on: true } as const;
  valueOf(near.setOption(socket, event, world.nowMs));
  const association = valueOf(near.connect(socket, theirs, 7000, world.nowMs));
  world.run(1000);
  expect(valueOf(near.status(socket, world.nowMs, association)).state).toBe("SCTP_ESTABLISHED");
  return [socket, association];
}

const peerAddresses = ({ far, world, listener }: Stage): readonly string[] => {
  const [id] = valueOf(far.associations(listener, world.nowMs));
  return valueOf(far.peerAddresses(listener, world.nowMs, id)).addresses;
};

const answers = ({ world, near }: Stage, socket: number): unknown[] =>
  world.readAll(near, socket).flatMap((each) => (each.kind === "notification" ? [each.notification] : []));

/** A message each way that arrives. */
function talk(on: Stage, socket: number, association: number): void {
  const { world, near, far, listener } = on;
  const [id] = valueOf(far.associations(listener, world.nowMs));
  valueOf(near.send(socket, bytesOf("there"), { to: association }, world.nowMs));
  valueOf(far.send(listener, bytesOf("back"), { to: id! }, world.nowMs));
  world.run(1000);
  expect(texts(world.readAll(far, listener))).toEqual(["there"]);
  expect(texts(world.readAll(near, socket))).toEqual(["back"]);
}

describe("sctp_bindx on a connected socket (RFC 6458 section 9.1, RFC 5061)", () => {
  it.each(["one-to-one", "one-to-many"] as const)("adds addresses, and the peer uses them: %s", (style) => {
    const on = stage();
    const { world, near, far, listener } = on;
    const [socket, association] = connected(on, style);
    expect(peerAddresses(on)).toEqual([first]);
    valueOf(near.changeAddresses(socket, [second, third], "add", world.nowMs));
    expect(valueOf(near.localAddresses(socket)).addresses).toEqual(ours);
    expect(valueOf(near.localAddresses(socket, association)).addresses).toEqual([first]);
    world.run(1000);
    expect(peerAddresses(on)).toEqual(ours);
    expect(answers(on, socket)).toEqual(
      [second, third].map((address) => ({
        type: "local-address-change",
        address,
        change: "add",
        accepted: true,
      })),
    );
    expect(valueOf(near.localAddresses(socket, association)).addresses).toEqual(ours);
    const [id] = valueOf(far.associations(listener, world.nowMs));
    // The peer's new primary address: it was confirmed by a HEARTBEAT, and what it sends there arrives.
    world.run(5000);
    valueOf(far.setOption(listener, { name: "SCTP_PRIMARY_ADDR", address: third }, world.nowMs, id));
    talk(on, socket, association);
  });

  it.each(["added before", "bound from the start"])(
    "takes addresses away, and another one %s serves",
    (how) => {
      const on = stage();
      const { world, near } = on;
      const fromStart = how.startsWith("bound");
      const [socket, association] = connected(on, "one-to-one", fromStart ? [first, second] : [first]);
      if (!fromStart) valueOf(near.changeAddresses(socket, [second], "add", world.nowMs));
      world.run(1000);
      valueOf(near.changeAddresses(socket, [first], "remove", world.nowMs));
      expect(near.takePackets().map(({ local }) => local)).toEqual([second]);
      // That packet is lost; ASCONF comes again.
      world.run(5000);
      expect(peerAddresses(on)).toEqual([second]);
      expect(valueOf(near.localAddresses(socket)).addresses).toEqual([second]);
      answers(on, socket);
      talk(on, socket, association);
      valueOf(near.close(socket, world.nowMs));
      world.run(1000);
      expect(errnoOf(near.localAddresses(socket))).toBe("EBADF");
    },
  );

  it("is asked all or nothing, and not for what cannot be", () => {
    const on = stage();
    const { world, near } = on;
    const [socket] = connected(on);
    const change = (addresses: readonly string[], action: "add" | "remove") =>
      near.changeAddresses(socket, addresses, action, world.nowMs);
    expect(errnoOf(change([second, "192.0.2.9"], "add"))).toBe("EADDRNOTAVAIL");
    expect(errnoOf(change([], "add"))).toBe("EINVAL");
    expect(errnoOf(change([first], "remove"))).toBe("EINVAL");
    expect(errnoOf(change([first, third], "remove"))).toBe("EINVAL");
    expect(errnoOf(change(["2001:db8::1"], "add"))).toBe("EINVAL");
    const other = near.socket("one-to-one");
    valueOf(near.bind(other, [third], 6000));
    expect(errnoOf(change([second, third], "add"))).toBe("EADDRINUSE");
    world.run(1000);
    expect(valueOf(near.localAddresses(socket)).addresses).toEqual([first]);
    expect(peerAddresses(on)).toEqual([first]);
    // What is there already is no news.
    valueOf(change([first], "add"));
    world.run(1000);
    expect(answers(on, socket)).toEqual([]);
  });

  it("waits for an association that is being set up", () => {
    const on = stage();
    const { world, near } = on;
    const socket = near.socket("one-to-one");
    valueOf(near.bind(socket, [first], 6000));
    valueOf(near.connect(socket, theirs, 7000, world.nowMs));
    expect(errnoOf(near.changeAddresses(socket, [second], "add", world.nowMs))).toBe("EALREADY");
  });

  it("says that too many changes wait for their answers", () => {
    const on = stage();
    const { world, near } = on;
    const [socket] = connected(on);
    const results: string[] = [];
    for (let turn = 0; turn < 9; turn++) {
      const answer = near.changeAddresses(socket, [second], turn % 2 === 0 ? "add" : "remove", world.nowMs);
      results.push(answer.ok ? "done" : answer.errno);
    }
    expect(results.slice(0, 8)).toEqual(Array.from({ length: 8 }, () => "done"));
    expect(results.at(-1)).toBe("EALREADY");
    world.run(20_000);
    expect(peerAddresses(on)).toEqual([first]);
    expect(valueOf(near.localAddresses(socket)).addresses).toEqual([first]);
  });

  it("needs a peer that knows RFC 5061; others of a one-to-many socket keep what they have", () => {
    const on = stage({ ...noExtensions, partialReliability: true });
    const { world, near } = on;
    const [socket] = connected(on);
    expect(errnoOf(near.changeAddresses(socket, [second], "add", world.nowMs))).toBe("EOPNOTSUPP");
    expect(valueOf(near.localAddresses(socket)).addresses).toEqual([first]);
    const many = near.socket("one-to-many");
    valueOf(near.bind(many, [first, second], 6001));
    const association = valueOf(near.connect(many, theirs, 7000, world.nowMs));
    world.run(1000);
    valueOf(near.changeAddresses(many, [second], "remove", world.nowMs));
    expect(valueOf(near.localAddresses(many)).addresses).toEqual([first]);
    // The association still lives at both addresses; a new one is not welcome at the second.
    expect(valueOf(near.localAddresses(many, association)).addresses).toEqual([first, second]);
    talk(on, socket, valueOf(near.associations(socket, world.nowMs))[0]!);
  });

  it("of an accepted socket is about its own association, and a listener's about none", () => {
    const on = stage();
    const { world, near, far } = on;
    const listener = near.socket("one-to-one");
    valueOf(near.bind(listener, [first], 7100));
    valueOf(near.listen(listener, 4));
    const caller = far.socket("one-to-one");
    valueOf(far.connect(caller, [first], 7100, world.nowMs));
    world.run(1000);
    const accepted = valueOf(near.accept(listener, world.nowMs));
    const known = (): readonly string[] => valueOf(far.peerAddresses(caller, world.nowMs)).addresses;
    valueOf(near.changeAddresses(listener, [second], "add", world.nowMs));
    world.run(1000);
    expect(known()).toEqual([first]);
    valueOf(near.changeAddresses(accepted, [third], "add", world.nowMs));
    world.run(1000);
    expect(known()).toEqual([first, third]);
    expect(valueOf(near.localAddresses(listener)).addresses).toEqual([first, second]);
    // At an address of one association only nobody is called, and another socket cannot have it.
    const stranger = far.socket("one-to-one");
    valueOf(far.connect(stranger, [third], 7100, world.nowMs));
    world.run(1000);
    expect(valueOf(far.takeError(stranger, world.nowMs))).toBe("ECONNREFUSED");
    const other = near.socket("one-to-one");
    expect(errnoOf(near.bind(other, [third], 7100))).toBe("EADDRINUSE");
    valueOf(near.changeAddresses(accepted, [first], "remove", world.nowMs));
    world.run(1000);
    expect(known()).toEqual([third]);
    valueOf(far.send(caller, bytesOf("to the last one"), {}, world.nowMs));
    world.run(1000);
    expect(texts(world.readAll(near, accepted))).toEqual(["to the last one"]);
    valueOf(far.close(caller, world.nowMs));
    valueOf(near.close(accepted, world.nowMs));
    world.run(5000);
    valueOf(near.bind(other, [third], 7100));
  });
});

describe("SCTP_SET_PEER_PRIMARY_ADDR (RFC 6458 section 8.3.1)", () => {
  it("asks the peer to send to one of our addresses", () => {
    const on = stage();
    const { world, near, far, listener } = on;
    const [socket] = connected(on);
    const option = { name: "SCTP_SET_PEER_PRIMARY_ADDR", address: second } as const;
    expect(errnoOf(near.setOption(socket, option, world.nowMs))).toBe("EADDRNOTAVAIL");
    valueOf(near.changeAddresses(socket, [second], "add", world.nowMs));
    world.run(5000);
    answers(on, socket);
    valueOf(near.setOption(socket, option, world.nowMs));
    world.run(1000);
    expect(answers(on, socket)).toEqual([
      { type: "local-address-change", address: second, change: "set-primary", accepted: true },
    ]);
    const [id] = valueOf(far.associations(listener, world.nowMs));
    expect(valueOf(far.status(listener, world.nowMs, id)).primaryAddress).toBe(second);
  });

  it("is for one association that is there, with a peer that knows it", () => {
    const on = stage({ ...noExtensions });
    const { world, near } = on;
    const option = { name: "SCTP_SET_PEER_PRIMARY_ADDR", address: first } as const;
    expect(errnoOf(near.setOption(near.socket("one-to-one"), option, world.nowMs))).toBe("ENOTCONN");
    const [many, association] = connected(on, "one-to-many");
    for (const scope of ["future", "current", "all"] as const)
      expect(errnoOf(near.setOption(many, option, world.nowMs, scope))).toBe("EINVAL");
    expect(errnoOf(near.setOption(many, option, world.nowMs, association))).toBe("EOPNOTSUPP");
  });
});
