import { describe, expect, it } from "vitest";
import type { ProtocolParameters } from "../../../agents/sctp/index.ts";
import { Endpoint, cloneAssociationState, noExtensions, seededRandom } from "../../../agents/sctp/index.ts";
import { decodeUpdate } from "../../../agents/replica/index.ts";
import { encodeUpdate } from "../../../agents/replica/update-codec.ts";
import type { Chunk } from "../../../agents/sctp/wire/index.ts";
import { Bench, cookie, initAckOf, initOf, types } from "../handshake/bench.ts";
import { numbered as data } from "../rx/chunks.ts";
import { AuthPeer, resealed } from "./auth-peer.ts";

const extensions = { ...noExtensions, authentication: true };
const dataType = 0;
const abortType = 6;
const cookieEchoType = 10;
const none: Uint8Array = new Uint8Array(0);
const secret: Uint8Array = new TextEncoder().encode("a secret of both");

const abort: Chunk = { type: "ABORT", tagReflected: false, causes: [] };
const heartbeat: Chunk = { type: "HEARTBEAT", info: new Uint8Array(8) };

interface Scene {
  readonly bench: Bench;
  readonly peer: AuthPeer;
  readonly tag: number;
}

/** An association that the peer set up; `ours` and `theirs`: what either side takes only authenticated. */
function scene(
  ours: number[],
  theirs: number[] = [],
  hmacIds: number[] = [3, 1],
  parameters: Partial<ProtocolParameters> = {},
): Scene {
  const bench = new Bench({ extensions, authenticatedChunkTypes: ours, ...parameters });
  const peer = new AuthPeer(theirs.length === 0 ? undefined : theirs, hmacIds);
  const { initAck, echo } = bench.handshake({ parameters: peer.parameters });
  peer.meets(initAck);
  const tag = initAck.initiateTag;
  if (ours.includes(cookieEchoType)) bench.giveBytes(peer.packet(tag, [], [echo]));
  else bench.give([echo], { tag });
  return { bench, peer, tag };
}

const received = ({ bench, tag }: Scene): number => bench.state(tag).receive.cumulativeTsn - 999;

function send({ bench, tag }: Scene, size: number): ReturnType<Bench["sent"]> {
  const payload = new Uint8Array(size);
  expect(bench.endpoint.send(tag, { streamId: 0, ppid: 0, unordered: false, payload }, bench.nowMs)).toBe(
    "accepted",
  );
  return bench.sent();
}

describe("what we send (RFC 4895 section 6.2)", () => {
  it.each([
    [[3, 1], 3, 40],
    [[1, 3], 1, 28],
    [[1], 1, 28],
    [[9, 3], 3, 40],
  ])("is signed with the first algorithm of %j that we have", (hmacIds, hmacId, length) => {
    const { bench, peer, tag } = scene([], [dataType], hmacIds);
    const [out] = send({ bench, peer, tag }, 100);
    expect(out?.chunks.map((each) => each.type)).toEqual(["AUTH", "DATA"]);
    expect(out?.chunks[0]).toMatchObject({ sharedKeyId: 0, hmacId });
    expect(out?.bytes.length).toBe(12 + length + 16 + 100);
    expect(peer.believes(out!.bytes, 12, none)).toBe(true);
    expect(peer.believes(resealed(out!.bytes.with(70, 1)), 12, none)).toBe(false);
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7])(
    "has the key from both vectors in their order as numbers, case %i",
    (fill) => {
      const bench = new Bench({ extensions }, {}, fill);
      const peer = new AuthPeer([dataType, 5, 9].slice(0, 1 + (fill % 3)), [3], fill < 4 ? 0 : 255);
      const { initAck, echo } = bench.handshake({ parameters: peer.parameters });
      peer.meets(initAck);
      bench.give([echo], { tag: initAck.initiateTag });
      const [out] = send({ bench, peer, tag: initAck.initiateTag }, 10);
      expect(peer.believes(out!.bytes, 12, none)).toBe(true);
    },
  );

  it("has AUTH only in front of what the peer wants, once in a packet, and never grows beyond a packet", () => {
    const one = scene([], [dataType]);
    const [answer] = one.bench.give([heartbeat], { tag: one.tag });
    expect(types([answer!])).toEqual(["HEARTBEAT_ACK"]);
    const out = send(one, 5000);
    expect(types(out)).toEqual(Array.from({ length: out.length }, () => "AUTH+DATA"));
    expect(Math.max(...out.map(({ bytes }) => bytes.length))).toBe(1472);
    const two = scene([], [dataType]);
    for (const size of [100, 200]) {
      two.bench.endpoint.send(
        two.tag,
        { streamId: 0, ppid: 0, unordered: false, payload: new Uint8Array(size) },
        two.bench.nowMs,
      );
    }
    expect(types(two.bench.sent())).toEqual(["AUTH+DATA+DATA"]);
  });

  it("is COOKIE ECHO too, where the peer wants that, and AUTH stands before it", () => {
    const bench = new Bench({ extensions });
    const peer = new AuthPeer([cookieEchoType], [1]);
    const { handle, init } = bench.connect();
    peer.meets(init);
    const [out] = bench.give([initAckOf({ parameters: [...peer.parameters, cookie] })], { tag: handle });
    expect(types([out!])).toEqual(["AUTH+COOKIE_ECHO"]);
    expect(peer.believes(out!.bytes, 12, none)).toBe(true);
  });

  it("stays signed on another computer that takes the association over, with the key that is active", () => {
    const { bench, peer, tag } = scene([], [dataType]);
    bench.endpoint.setKey(tag, 5, secret);
    expect(bench.endpoint.activateKey(tag, 5)).toBe("done");
    const update = { kind: "opened", state: cloneAssociationState(bench.state(tag)) } as const;
    const decoded = decodeUpdate(encodeUpdate(update));
    expect(decoded).toEqual(update);
    const other = new Bench({ extensions });
    other.endpoint.setKey(undefined, 5, secret);
    other.endpoint.resume(update.state, other.nowMs);
    other.sent();
    const [out] = send({ bench: other, peer, tag }, 10);
    expect(peer.believes(out!.bytes, 12, secret)).toBe(true);
    bench.sent();
    const copy = new Bench({ extensions });
    copy.endpoint = Endpoint.restore(bench.endpoint.snapshot(), bench.config, seededRandom(1));
    const [again] = send({ bench: copy, peer, tag }, 10);
    expect(peer.believes(again!.bytes, 12, secret)).toBe(true);
  });
});

describe("what we receive (RFC 4895 section 6.3)", () => {
  it("is discarded in silence where AUTH is wanted and missing; what stands before it counts", () => {
    const stage = scene([dataType]);
    const { bench, peer, tag } = stage;
    expect(bench.give([data(0)], { tag })).toEqual([]);
    expect(types(bench.give([heartbeat, data(0)], { tag }))).toEqual(["HEARTBEAT_ACK"]);
    expect(received(stage)).toBe(0);
    expect(types(bench.giveBytes(peer.packet(tag, [heartbeat], [data(0)])))).toEqual(["HEARTBEAT_ACK+SACK"]);
    expect(received(stage)).toBe(1);
    expect(types(bench.giveBytes(peer.packet(tag, [data(1)], [heartbeat])))).toEqual(["HEARTBEAT_ACK"]);
    expect(received(stage)).toBe(1);
  });

  it("behind a wrong AUTH counts for nothing, whatever it is, bit by bit", () => {
    const stage = scene([dataType]);
    const good = stage.peer.packet(stage.tag, [], [data(0), heartbeat]);
    for (let at = 12; at < good.length; at++) {
      const bytes = resealed(good.with(at, good[at]! ^ 1));
      // The type of AUTH itself, its length and its algorithm make another packet of it.
      if ([12, 14, 15, 18, 19].includes(at)) continue;
      expect(stage.bench.giveBytes(bytes), `byte ${at}`).toEqual([]);
    }
    expect(received(stage)).toBe(0);
    expect(types(stage.bench.giveBytes(good))).toEqual(["HEARTBEAT_ACK+SACK"]);
  });

  it.each([0, 2, 4, 9])("with the algorithm %i is reported and discarded", (hmacId) => {
    const stage = scene([dataType]);
    const out = stage.bench.giveBytes(stage.peer.packet(stage.tag, [], [data(0)], { hmacId }));
    expect(out.map(({ chunks }) => chunks)).toEqual([
      [{ type: "ERROR", causes: [{ type: "UNSUPPORTED_HMAC_IDENTIFIER", code: 0x0105, hmacId }] }],
    ]);
    expect(received(stage)).toBe(0);
  });

  it("with a key that nobody gave us is discarded in silence", () => {
    const stage = scene([dataType]);
    const packet = stage.peer.packet(stage.tag, [], [data(0)], { keyId: 4, secret });
    expect(stage.bench.giveBytes(packet)).toEqual([]);
    stage.bench.endpoint.setKey(stage.tag, 4, secret);
    expect(types(stage.bench.giveBytes(packet))).toEqual(["SACK"]);
    expect(stage.bench.notifications.at(-1)?.notification).toEqual({
      type: "authentication",
      event: "new-key",
      keyId: 4,
    });
  });

  it("as ABORT ends nothing without AUTH, with the T bit neither", () => {
    const stage = scene([abortType]);
    const { bench, peer, tag } = stage;
    bench.give([abort], { tag });
    bench.give([{ ...abort, tagReflected: true } as Chunk], { tag: 77 });
    expect(bench.state(tag).phase).toBe("established");
    bench.giveBytes(peer.packet(tag, [], [abort]));
    expect(bench.endpoint.state(tag)).toBeUndefined();
  });

  it("as COOKIE ECHO opens an association only with AUTH by what is in the cookie", () => {
    const bench = new Bench({ extensions, authenticatedChunkTypes: [cookieEchoType, dataType] });
    bench.endpoint.setKey(undefined, 0, secret);
    const peer = new AuthPeer(undefined, [3, 1]);
    const { initAck, echo } = bench.handshake({ parameters: peer.parameters });
    peer.meets(initAck);
    const tag = initAck.initiateTag;
    expect(bench.give([echo], { tag })).toEqual([]);
    expect(bench.giveBytes(peer.packet(tag, [], [echo]))).toEqual([]);
    expect([...bench.endpoint.associations()]).toEqual([]);
    const out = bench.giveBytes(peer.packet(tag, [], [echo, data(0)], { secret }));
    expect(out[0]?.chunks[0]).toEqual({ type: "COOKIE_ACK" });
    expect(received({ bench, peer, tag })).toBe(1);
  });

  it("as AUTH behind COOKIE ECHO covers what follows", () => {
    const bench = new Bench({ extensions, authenticatedChunkTypes: [dataType] });
    const peer = new AuthPeer(undefined, [3, 1]);
    const { initAck, echo } = bench.handshake({ parameters: peer.parameters });
    peer.meets(initAck);
    const tag = initAck.initiateTag;
    bench.giveBytes(peer.packet(tag, [echo], [data(0)]));
    expect(received({ bench, peer, tag })).toBe(1);
  });

  it("as COOKIE ECHO of a restart needs the key of the association that is there", () => {
    const stage = scene([cookieEchoType]);
    const { bench, peer } = stage;
    const again = new AuthPeer(undefined, [3, 1], 200);
    const { initAck, echo } = bench.handshake({ initiateTag: 99, parameters: again.parameters });
    again.meets(initAck);
    const tag = initAck.initiateTag;
    expect(bench.give([echo], { tag })).toEqual([]);
    expect(bench.giveBytes(again.packet(tag, [], [echo]))).toEqual([]);
    expect(types(bench.giveBytes(peer.packet(tag, [], [echo])))).toEqual(["COOKIE_ACK"]);
    expect(bench.state(tag).agreement.peerTag).toBe(99);
  });

  it("out of the blue is answered as if there were no AUTH", () => {
    const bench = new Bench({ extensions });
    const peer = new AuthPeer([], [3]);
    expect(bench.giveBytes(peer.packet(5, [], [heartbeat]))).toMatchObject([
      { verificationTag: 5, chunks: [{ type: "ABORT", tagReflected: true }] },
    ]);
    expect(bench.giveBytes(peer.packet(5, [], [abort]))).toEqual([]);
  });
});

describe("keys (RFC 6458 section 8.3)", () => {
  it("change while the association runs", () => {
    const stage = scene([dataType], [dataType]);
    const { bench, peer, tag } = stage;
    const { endpoint } = bench;
    expect(endpoint.activateKey(tag, 1)).toBe("no-such-key");
    expect(endpoint.setKey(tag, 1, secret)).toBe("done");
    expect(peer.believes(send(stage, 10)[0]!.bytes, 12, none)).toBe(true);
    expect(endpoint.activateKey(tag, 1)).toBe("done");
    const [out] = send(stage, 10);
    expect(out?.chunks[0]).toMatchObject({ type: "AUTH", sharedKeyId: 1 });
    expect(peer.believes(out!.bytes, 12, secret)).toBe(true);
    expect(endpoint.deleteKey(tag, 1)).toBe("key-is-active");
    expect(endpoint.deactivateKey(tag, 1)).toBe("key-is-active");
    bench.giveBytes(peer.packet(tag, [], [data(0)]));
    expect(received(stage)).toBe(1);
    expect(endpoint.deactivateKey(tag, 0)).toBe("done");
    expect(endpoint.activateKey(tag, 0)).toBe("no-such-key");
    bench.giveBytes(peer.packet(tag, [], [data(1)]));
    expect(received(stage)).toBe(2);
    expect(endpoint.deleteKey(tag, 0)).toBe("done");
    bench.giveBytes(peer.packet(tag, [], [data(2)]));
    expect(received(stage)).toBe(2);
    bench.giveBytes(peer.packet(tag, [], [data(2)], { keyId: 1, secret }));
    expect(received(stage)).toBe(3);
    bench.sent();
    expect(
      bench.notifications.flatMap(({ notification }) =>
        notification.type === "authentication" ? [[notification.event, notification.keyId]] : [],
      ),
    ).toEqual([
      ["key-freed", 0],
      ["new-key", 1],
    ]);
  });

  it("of the endpoint are those of associations to come", () => {
    const before = scene([], [dataType]);
    const { endpoint } = before.bench;
    expect(endpoint.setKey(undefined, 3, secret)).toBe("done");
    expect(endpoint.activateKey(undefined, 3)).toBe("done");
    expect(send(before, 5)[0]?.chunks[0]).toMatchObject({ sharedKeyId: 0 });
    const peer = new AuthPeer([dataType], [3]);
    const { initAck, echo } = before.bench.handshake({ parameters: peer.parameters }, { from: "192.0.2.77" });
    peer.meets(initAck);
    before.bench.give([echo], { tag: initAck.initiateTag, from: "192.0.2.77" });
    const [out] = send({ bench: before.bench, peer, tag: initAck.initiateTag }, 5);
    expect(peer.believes(out!.bytes, 12, secret)).toBe(true);
    expect(endpoint.setKey(4711, 1, secret)).toBe("no-such-association");
    expect(endpoint.setKey(undefined, 65_536, secret)).toBe("no-such-key");
  });
});

describe("what both sides say in set-up (RFC 4895 sections 3 and 6.1)", () => {
  it("is a random number that is new each time, the list of chunks, and the algorithms", () => {
    const bench = new Bench({ extensions, authenticatedChunkTypes: [dataType, abortType] });
    const randoms = [bench.connect().init, bench.handshake({}, { from: "192.0.2.99" }).initAck].map(
      ({ parameters }) => {
        expect(parameters).toContainEqual({ type: "CHUNK_LIST", chunkTypes: [dataType, abortType] });
        expect(parameters).toContainEqual({ type: "HMAC_ALGORITHM", hmacIds: [3, 1] });
        return parameters.find((each) => each.type === "RANDOM")?.random;
      },
    );
    expect(randoms.map((each) => each?.length)).toEqual([32, 32]);
    expect(randoms[0]).not.toEqual(randoms[1]);
  });

  it.each([31, 33, 0])("is refused with a random number of %i bytes", (length) => {
    const parameters = [
      { type: "RANDOM", random: new Uint8Array(length) },
      { type: "HMAC_ALGORITHM", hmacIds: [1] },
    ] as const;
    const [out] = new Bench({ extensions }).give([initOf({ parameters })]);
    expect(out?.chunks).toMatchObject([{ type: "ABORT", causes: [{ type: "PROTOCOL_VIOLATION" }] }]);
    const silent = new Bench();
    expect(types(silent.give([initOf({ parameters })]))).toEqual(["INIT_ACK"]);
  });

  it("may be nothing: then the user hears that nothing is authenticated", () => {
    const bench = new Bench({ extensions, authenticatedChunkTypes: [dataType] });
    const tag = bench.accept();
    expect(bench.notifications.at(-1)).toEqual({
      association: tag,
      notification: { type: "authentication", event: "no-authentication", keyId: 0 },
    });
    bench.give([data(0)], { tag });
    expect(bench.state(tag).receive.cumulativeTsn).toBe(1000);
  });

  it("names no chunk that set-up itself needs: those are ignored", () => {
    const { bench, peer, tag } = scene([], [1, 2, 14, 15, dataType]);
    const [out] = send({ bench, peer, tag }, 10);
    expect(out?.chunks.map((each) => each.type)).toEqual(["AUTH", "DATA"]);
  });
});
