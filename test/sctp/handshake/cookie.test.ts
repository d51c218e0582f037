import { describe, expect, it } from "vitest";
import type { Chunk } from "../../../agents/sctp/wire/index.ts";
import { writePacket } from "../../../agents/sctp/wire/index.ts";
import { Endpoint, seededRandom } from "../../../agents/sctp/index.ts";
import { Bench, initAckOf, initOf, peer, peerTag, peerToo, stranger, types, us } from "./bench.ts";

const bytesOf = (echo: Chunk): Uint8Array => {
  if (echo.type !== "COOKIE_ECHO") throw new Error("not a cookie");
  return echo.cookie;
};

const echoOf = (bytes: Uint8Array): Chunk => ({ type: "COOKIE_ECHO", cookie: bytes });

const stale = (stalenessUs: number): Chunk => ({
  type: "ERROR",
  causes: [{ type: "STALE_COOKIE", code: 3, stalenessUs }],
});

describe("a state cookie (RFC 9260 sections 5.1.3 to 5.1.5)", () => {
  it("opens an association, and nothing is kept before it comes", () => {
    const bench = new Bench();
    const before = bench.endpoint.snapshot();
    const { initAck, echo } = bench.handshake();
    expect(bench.endpoint.snapshot()).toEqual({ ...before, nowMs: bench.nowMs });
    const out = bench.give([echo], { tag: initAck.initiateTag });
    expect(out).toMatchObject([{ to: peer, verificationTag: peerTag, chunks: [{ type: "COOKIE_ACK" }] }]);
    expect(bench.state(initAck.initiateTag).phase).toBe("established");
  });

  it("with any bit changed, or cut, or lengthened, opens nothing and is not answered", () => {
    const bench = new Bench();
    const { initAck, echo } = bench.handshake();
    const good = bytesOf(echo);
    const forged = Array.from(good, (byte, at) => good.with(at, byte ^ (1 << (at % 8))));
    const cut = Array.from(good, (_, length) => good.subarray(0, length));
    for (const bytes of [...forged, ...cut, Uint8Array.of(...good, 0, 0, 0, 0)]) {
      expect(bench.give([echoOf(bytes)], { tag: initAck.initiateTag })).toEqual([]);
    }
    expect(bench.endpoint.counters.badCookie).toBe(2 * good.length + 1);
    expect(types(bench.give([echo], { tag: initAck.initiateTag }))).toEqual(["COOKIE_ACK"]);
  });

  it.each([
    ["another source port", { sourcePort: 7001 }],
    ["another tag", { tag: 1 }],
    ["an address that it was not given to", { from: stranger }],
  ])("in a packet with %s opens nothing (RFC 5062 section 7)", (_, envelope) => {
    const bench = new Bench();
    const { initAck, echo } = bench.handshake();
    expect(bench.give([echo], { tag: initAck.initiateTag, ...envelope })).toEqual([]);
    expect([...bench.endpoint.associations()]).toEqual([]);
  });

  it("may come from another address that INIT listed, and COOKIE ACK goes where INIT ACK went", () => {
    const bench = new Bench();
    const parameters = [{ type: "IPV4_ADDRESS", address: peerToo }] as const;
    const { initAck, echo } = bench.handshake({ parameters });
    const out = bench.give([echo], { tag: initAck.initiateTag, from: peerToo });
    expect(out.find(({ chunks }) => chunks[0]?.type === "COOKIE_ACK")?.to).toBe(peer);
    expect([...bench.state(initAck.initiateTag).confirmedAddresses]).toEqual([peer]);
  });

  it("opens nothing a second time, after its association ended (section 5.3.1)", () => {
    const bench = new Bench();
    const { initAck, echo } = bench.handshake();
    const tag = initAck.initiateTag;
    bench.give([echo], { tag });
    bench.give([{ type: "ABORT", tagReflected: false, causes: [] }], { tag });
    expect(bench.changes(tag)).toEqual(["comm-up", "comm-lost"]);
    expect(bench.give([echo], { tag })).toEqual([]);
    const copy = new Bench();
    copy.endpoint = Endpoint.restore(bench.endpoint.snapshot(), bench.config, seededRandom(9));
    copy.nowMs = bench.nowMs;
    expect(copy.give([echo], { tag })).toEqual([]);
  });

  it("that comes when nobody listens any more is refused", () => {
    const bench = new Bench();
    const { initAck, echo } = bench.handshake();
    bench.endpoint.listening = false;
    const out = bench.give([echo], { tag: initAck.initiateTag });
    expect(out).toMatchObject([
      { verificationTag: peerTag, chunks: [{ type: "ABORT", tagReflected: false }] },
    ]);
  });

  it("is small, and does not contain the tags of an association that exists (RFC 5062 section 3.3)", () => {
    const bench = new Bench();
    const tag = bench.accept();
    const { initAck, echo } = bench.handshake({ initiateTag: 99 });
    expect(initAck.initiateTag).not.toBe(tag);
    const bytes = bytesOf(echo);
    expect(bytes.length).toBeLessThan(120);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const numbers = Array.from({ length: bytes.length - 3 }, (_, at) => view.getUint32(at));
    expect(numbers).toContain(99);
    expect(numbers).not.toContain(tag);
    expect(numbers).not.toContain(peerTag);
  });

  it.each([
    [60_000, true, 0],
    [60_000.5, false, 500],
    [61_500, false, 1_500_000],
  ])("that is %d ms old: opens %s, stale by %d us", (ageMs, opens, stalenessUs) => {
    const bench = new Bench();
    const { initAck, echo } = bench.handshake();
    bench.nowMs += ageMs;
    const out = bench.give([echo], { tag: initAck.initiateTag });
    expect(types(out)).toEqual([opens ? "COOKIE_ACK" : "ERROR"]);
    if (opens) return;
    expect(out[0]).toMatchObject({ verificationTag: peerTag, chunks: [stale(stalenessUs)] });
    expect([...bench.endpoint.associations()]).toEqual([]);
  });

  it.each([
    [5000, 65_000],
    [0xffffffff, 120_000],
  ])("lives longer by a Cookie Preservative of %d ms, within bounds: %d ms", (incrementMs, lifeMs) => {
    for (const [ageMs, answer] of [
      [lifeMs, "COOKIE_ACK"],
      [lifeMs + 1, "ERROR"],
    ] as const) {
      const bench = new Bench();
      const { initAck, echo } = bench.handshake({
        parameters: [{ type: "COOKIE_PRESERVATIVE", incrementMs }],
      });
      bench.nowMs += ageMs;
      expect(types(bench.give([echo], { tag: initAck.initiateTag }))).toEqual([answer]);
    }
  });

  it("stays good when the key changes, for as long as a cookie can live, and not when it changes twice", () => {
    const keys = [1, 2].map((byte) => new Uint8Array(32).fill(byte));
    const bench = new Bench({ validCookieLifeMs: 1e9 });
    const [first, second] = [bench.handshake(), bench.handshake({}, { from: stranger })];
    bench.endpoint.rotateCookieKey(keys[0]!, bench.nowMs);
    const copy = Endpoint.restore(bench.endpoint.snapshot(), bench.config, seededRandom(1));
    expect(types(bench.give([first.echo], { tag: first.initAck.initiateTag }))).toEqual(["COOKIE_ACK"]);
    bench.endpoint.rotateCookieKey(keys[1]!, bench.nowMs);
    const late = { tag: second.initAck.initiateTag, from: stranger };
    expect(bench.give([second.echo], late)).toEqual([]);
    bench.endpoint = copy;
    expect(types(bench.give([second.echo], late))).toEqual(["COOKIE_ACK"]);
  });

  it("that was sealed with a key whose time is over is not answered, not even as stale", () => {
    const bench = new Bench({ validCookieLifeMs: 1000 });
    const { initAck, echo } = bench.handshake();
    bench.endpoint.rotateCookieKey(new Uint8Array(32).fill(1), bench.nowMs);
    bench.nowMs += 1500;
    expect(types(bench.give([echo], { tag: initAck.initiateTag }))).toEqual(["ERROR"]);
    bench.nowMs += 501;
    expect(bench.give([echo], { tag: initAck.initiateTag })).toEqual([]);
  });

  it("may have DATA behind it, which is taken in", () => {
    const bench = new Bench();
    const { initAck, echo } = bench.handshake();
    const data = {
      type: "DATA",
      tsn: initOf().initialTsn,
      streamId: 0,
      ssn: 0,
      ppid: 0,
      unordered: false,
      beginning: true,
      ending: true,
      immediate: false,
      payload: new Uint8Array(8),
    } as Extract<Chunk, { type: "DATA" }>;
    const out = bench.give([echo, data], { tag: initAck.initiateTag });
    expect(out[0]?.chunks[0]).toEqual({ type: "COOKIE_ACK" });
    expect(bench.state(initAck.initiateTag).receive.cumulativeTsn).toBe(data.tsn);
  });
});

describe("our cookie that the peer finds stale (RFC 9260 section 5.2.6)", () => {
  const preservative = (chunk: Chunk | undefined): number | undefined =>
    chunk?.type === "INIT"
      ? chunk.parameters.find((each) => each.type === "COOKIE_PRESERVATIVE")?.incrementMs
      : undefined;

  it.each([
    [0, 1300],
    [50_000, 100],
    [1, 1],
    [90_000_000, 1300],
  ])("by %d us is asked for again with %d ms more", (stalenessUs, incrementMs) => {
    const bench = new Bench();
    const { handle, init } = bench.connect();
    bench.give([initAckOf()], { tag: handle });
    bench.nowMs += 300;
    const [again, ...more] = bench.give([stale(stalenessUs)], { tag: handle });
    expect(more).toEqual([]);
    expect(again).toMatchObject({ verificationTag: 0, to: peer });
    expect(again?.chunks[0]).toMatchObject({
      type: "INIT",
      initiateTag: init.initiateTag,
      initialTsn: init.initialTsn,
    });
    expect(preservative(again?.chunks[0])).toBe(incrementMs);
    expect(bench.changes(handle)).toEqual([]);
    expect(types(bench.give([initAckOf()], { tag: handle }))).toEqual(["COOKIE_ECHO"]);
    bench.give([{ type: "COOKIE_ACK" }], { tag: handle });
    expect(bench.changes(handle)).toEqual(["comm-up"]);
  });

  it("does not lose what the user gave meanwhile, and the numbers of its updates go on", () => {
    const bench = new Bench();
    const { handle } = bench.connect();
    bench.endpoint.receive(
      bench.handshake({}, { from: stranger }).sent.bytes,
      { local: us, remote: stranger },
      0,
    );
    bench.give([initAckOf()], { tag: handle });
    const payload = new Uint8Array(100).fill(1);
    bench.endpoint.send(handle, { streamId: 0, ppid: 5, unordered: false, payload }, bench.nowMs);
    bench.sent();
    const before = bench.state(handle).sequence;
    bench.endpoint.receive(packet([stale(0)], handle), { local: us, remote: peer }, bench.nowMs);
    const { updates } = bench.endpoint.takeOutputs();
    expect(updates.map(({ sequence, update }) => [sequence, update.kind])).toEqual([
      [before + 1, "phaseEntered"],
    ]);
    bench.endpoint.receive(packet([initAckOf()], handle), { local: us, remote: peer }, bench.nowMs);
    expect(bench.endpoint.takeOutputs().updates[0]).toMatchObject({
      sequence: before + 2,
      update: { kind: "opened" },
    });
    const out = bench.give([{ type: "COOKIE_ACK" }], { tag: handle });
    expect(out.flatMap(({ chunks }) => chunks)).toMatchObject([{ type: "DATA", ppid: 5, payload }]);
    expect(bench.notifications.map(({ notification }) => notification.type)).not.toContain("send-failed");
  });

  it("again and again ends the call after Max.Init.Retransmits", () => {
    const bench = new Bench({ maxInitRetransmits: 2 });
    const { handle } = bench.connect();
    for (const answer of [["INIT"], ["INIT"], []]) {
      bench.give([initAckOf()], { tag: handle });
      expect(types(bench.give([stale(0)], { tag: handle }))).toEqual(answer);
    }
    expect(bench.changes(handle)).toEqual(["cant-start"]);
  });

  it("once the association is there means nothing any more", () => {
    const bench = new Bench();
    const handle = bench.established();
    expect(bench.give([stale(0)], { tag: handle })).toEqual([]);
    expect(bench.state(handle).phase).toBe("established");
  });
});

const packet = (chunks: readonly Chunk[], verificationTag: number): Uint8Array =>
  writePacket({ sourcePort: 7000, destinationPort: 7000, verificationTag, chunks });
