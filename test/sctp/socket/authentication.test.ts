import { describe, expect, it } from "vitest";
import type { AuthenticationOption, ProtocolParameters, SocketStack } from "../../../agents/sctp/index.ts";
import { socketParameters } from "../../../agents/sctp/index.ts";
import { parsePacket } from "../../../agents/sctp/wire/index.ts";
import { SocketWorld, bytesOf, errnoOf, texts, valueOf } from "./world.ts";

const ours = "192.0.2.1";
const theirs = "192.0.2.101";
const secret = bytesOf("correct horse battery staple");

const key = (keyId: number, bytes: Uint8Array = secret): AuthenticationOption => ({
  name: "SCTP_AUTH_KEY",
  keyId,
  secret: bytes,
});
const act = (what: "ACTIVE" | "DEACTIVATE" | "DELETE", keyId: number): AuthenticationOption => ({
  name: `SCTP_AUTH_${what}_KEY`,
  keyId,
});
const dataChunk: AuthenticationOption = { name: "SCTP_AUTH_CHUNK", chunkType: 0 };

interface Stage {
  readonly world: SocketWorld;
  readonly near: SocketStack;
  readonly far: SocketStack;
  readonly listener: number;
}

/** Sets options that must all be taken. */
function set({ world }: Stage, stack: SocketStack, socket: number, ...options: AuthenticationOption[]): void {
  for (const option of options) valueOf(stack.setOption(socket, option, world.nowMs));
}

function stage(...listenersOptions: readonly AuthenticationOption[]): Stage {
  const world = new SocketWorld(11);
  const near = world.host([ours]);
  const far = world.host([theirs]);
  const listener = far.socket("one-to-one");
  const made = { world, near, far, listener };
  // Before there is a port and after.
  const half = Math.ceil(listenersOptions.length / 2);
  set(made, far, listener, ...listenersOptions.slice(0, half));
  valueOf(far.bind(listener, [theirs], 7000));
  set(made, far, listener, ...listenersOptions.slice(half));
  valueOf(far.listen(listener, 4));
  return made;
}

function socketWith(on: Stage, ...options: readonly AuthenticationOption[]): number {
  const socket = on.near.socket("one-to-one");
  set(on, on.near, socket, ...options);
  const event = { name: "SCTP_EVENT", event: "authentication", on: true } as const;
  valueOf(on.near.setOption(socket, event, on.world.nowMs));
  valueOf(on.near.connect(socket, [theirs], 7000, on.world.nowMs));
  on.world.run(1000);
  return socket;
}

const accepted = ({ world, far, listener }: Stage): number => valueOf(far.accept(listener, world.nowMs));

/** What of a text arrives within a second. */
function arrives(on: Stage, socket: number, at: number, text: string): string[] {
  valueOf(on.near.send(socket, bytesOf(text), {}, on.world.nowMs));
  on.world.run(1000);
  return texts(on.world.readAll(on.far, at));
}

/** Key identifiers in front of the DATA that a stack has to send now. */
function keysOfData(stack: SocketStack): (number | undefined)[] {
  return stack.takePackets().flatMap(({ bytes }) => {
    const parsed = parsePacket(bytes);
    if (!parsed.ok || !parsed.packet.chunks.some(({ type }) => type === "DATA")) return [];
    const auth = parsed.packet.chunks.find((chunk) => chunk.type === "AUTH");
    return [auth?.type === "AUTH" ? auth.sharedKeyId : undefined];
  });
}

describe("authenticated chunks (RFC 6458 sections 8.1.18 and 8.3)", () => {
  it("go with the shared key that both sides were given, before and after bind", () => {
    const on = stage(dataChunk, key(7), act("ACTIVE", 7), act("DEACTIVATE", 0), act("DELETE", 0));
    const socket = socketWith(on, key(7), act("ACTIVE", 7));
    const at = accepted(on);
    valueOf(on.near.send(socket, bytesOf("first"), {}, on.world.nowMs));
    expect(keysOfData(on.near)).toEqual([7]);
    on.world.run(5000);
    expect(texts(on.world.readAll(on.far, at))).toEqual(["first"]);
    expect(arrives(on, socket, at, "second")).toEqual(["second"]);
    expect(valueOf(on.near.authentication(socket, on.world.nowMs))).toMatchObject({
      activeKeyId: 7,
      peerChunkTypes: expect.arrayContaining([0]) as number[],
    });
    const theirsSays = valueOf(on.far.authentication(at, on.world.nowMs));
    expect(theirsSays).toMatchObject({
      activeKeyId: 7,
      localChunkTypes: expect.arrayContaining([0]) as number[],
    });
  });

  it.each([
    ["another secret", [key(7, bytesOf("another secret")), act("ACTIVE", 7)]],
    ["another key", [key(8), act("ACTIVE", 8)]],
    ["none", []],
  ] as const)("do not arrive from who has %s", (_, options) => {
    const on = stage(dataChunk, key(7), act("ACTIVE", 7), act("DEACTIVATE", 0), act("DELETE", 0));
    const socket = socketWith(on, ...options);
    const at = accepted(on);
    expect(arrives(on, socket, at, "unheard")).toEqual([]);
    on.world.run(3000);
    expect(texts(on.world.readAll(on.far, at))).toEqual([]);
  });

  it("change their key while the association lives, and both users are told", () => {
    const on = stage(dataChunk, key(1), act("ACTIVE", 1));
    const socket = socketWith(on, key(1), act("ACTIVE", 1));
    const at = accepted(on);
    const event = { name: "SCTP_EVENT", event: "authentication", on: true } as const;
    valueOf(on.far.setOption(at, event, on.world.nowMs));
    expect(arrives(on, socket, at, "with the first")).toEqual(["with the first"]);
    set(on, on.far, at, key(2, bytesOf("a new one")));
    set(on, on.near, socket, key(2, bytesOf("a new one")), act("ACTIVE", 2), act("DEACTIVATE", 1));
    valueOf(on.near.send(socket, bytesOf("with the second"), {}, on.world.nowMs));
    expect(keysOfData(on.near)).toEqual([2]);
    on.world.run(5000);
    const read = on.world.readAll(on.far, at);
    expect(texts(read)).toEqual(["with the second"]);
    expect(read.flatMap((each) => (each.kind === "notification" ? [each.notification] : []))).toMatchObject([
      { type: "authentication", event: "new-key", keyId: 2 },
    ]);
    expect(on.world.readAll(on.near, socket)).toMatchObject([
      { notification: { type: "authentication", event: "key-freed", keyId: 1 } },
    ]);
    set(on, on.near, socket, act("DELETE", 1));
    expect(errnoOf(on.near.setOption(socket, act("ACTIVE", 1), on.world.nowMs))).toBe("EINVAL");
  });

  it("have keys of one association, of those to come, or of all", () => {
    const on = stage(dataChunk);
    const many = on.near.socket("one-to-many");
    set(on, on.near, many, key(3), act("ACTIVE", 3));
    const association = valueOf(on.near.connect(many, [theirs], 7000, on.world.nowMs));
    on.world.run(1000);
    const active = (id?: number): number =>
      valueOf(on.near.authentication(many, on.world.nowMs, id)).activeKeyId;
    const give = (option: AuthenticationOption, scope: number | "future" | "current" | "all") =>
      on.near.setOption(many, option, on.world.nowMs, scope);
    expect(active(association)).toBe(3);
    valueOf(give(key(4), association));
    expect(errnoOf(give(act("ACTIVE", 4), "future"))).toBe("EINVAL");
    valueOf(give(act("ACTIVE", 4), "current"));
    expect(active(association)).toBe(4);
    valueOf(give(key(5), "all"));
    valueOf(give(act("ACTIVE", 5), "future"));
    expect(active(association)).toBe(4);
    expect(errnoOf(give(act("ACTIVE", 5), 99))).toBe("EINVAL");
  });

  it("are not of types that cannot be, and keys have 16 bits and an order of their life", () => {
    const { world, near } = stage();
    const socket = near.socket("one-to-one");
    const refused = (option: AuthenticationOption): void =>
      expect(errnoOf(near.setOption(socket, option, world.nowMs))).toBe("EINVAL");
    // INIT, INIT ACK, SHUTDOWN COMPLETE and AUTH, and what is no chunk type.
    for (const chunkType of [1, 2, 14, 15, -1, 256, 0.5]) refused({ name: "SCTP_AUTH_CHUNK", chunkType });
    for (const keyId of [-1, 65_536, 1.5]) refused(key(keyId));
    refused(key(1, new Uint8Array(65_536)));
    for (const what of ["ACTIVE", "DEACTIVATE", "DELETE"] as const) refused(act(what, 9));
    for (const what of ["DEACTIVATE", "DELETE"] as const) refused(act(what, 0));
    valueOf(near.setOption(socket, key(65_535, new Uint8Array(65_535)), world.nowMs));
    refused(act("DELETE", 65_535));
    valueOf(near.setOption(socket, act("DEACTIVATE", 65_535), world.nowMs));
    refused(act("ACTIVE", 65_535));
    valueOf(near.setOption(socket, act("DELETE", 65_535), world.nowMs));
  });

  it("are switched on by the first type that must be authenticated, for associations to come", () => {
    const { world, near } = stage();
    const extensions = {
      ...socketParameters.extensions,
      authentication: false,
      addressReconfiguration: false,
    };
    const plain = world.host(["192.0.2.7"], { extensions });
    const socket = plain.socket("one-to-many");
    expect(valueOf(plain.parameters(socket)).extensions.authentication).toBe(false);
    valueOf(plain.setOption(socket, dataChunk, world.nowMs));
    valueOf(plain.setOption(socket, dataChunk, world.nowMs));
    const parameters: ProtocolParameters = valueOf(plain.parameters(socket));
    expect(parameters.extensions.authentication).toBe(true);
    expect(parameters.authenticatedChunkTypes).toEqual([0]);
    expect(valueOf(near.parameters(near.socket("one-to-many"))).authenticatedChunkTypes).toEqual([]);
  });

  it("tell nobody the secret: not in what is read, nor in what is asked, nor on the wire", () => {
    const on = stage(dataChunk, key(7), act("ACTIVE", 7));
    const socket = socketWith(on, key(7), act("ACTIVE", 7));
    const at = accepted(on);
    valueOf(on.near.send(socket, bytesOf("hello"), {}, on.world.nowMs));
    const packets = on.near.takePackets();
    const refusal = on.near.setOption(socket, key(70_000), on.world.nowMs);
    const said = JSON.stringify([
      on.near.parameters(socket),
      on.near.status(socket, on.world.nowMs),
      on.near.authentication(socket, on.world.nowMs),
      on.world.readAll(on.near, socket),
      on.world.readAll(on.far, at),
      refusal,
    ]);
    const text = new TextDecoder().decode(secret);
    expect(said).not.toContain(text);
    expect(said).not.toContain([...secret].join(","));
    for (const { bytes } of packets) expect(Buffer.from(bytes).includes(Buffer.from(secret))).toBe(false);
  });
});
