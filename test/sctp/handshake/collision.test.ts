import { describe, expect, it } from "vitest";
import { cookieAction } from "../../../agents/sctp/endpoint/cookie-action.ts";
import type { CookieContent } from "../../../agents/sctp/endpoint/cookie.ts";
import type { Parameter } from "../../../agents/sctp/wire/index.ts";
import { Bench, cookie, initAckOf, initOf, peer, peerTag, peerToo, stranger, types, us } from "./bench.ts";

const ipv4 = (address: string): Parameter => ({ type: "IPV4_ADDRESS", address });

describe("table 12 of RFC 9260 section 5.2.4", () => {
  const M = "M";
  const X = "X";
  const none = "0";
  type Match = typeof M | typeof X | typeof none;
  const matches = [M, X, none] as const;
  const listed: Record<string, string> = { "X X M M": "restart", "M M": "duplicate", "M X": "collision" };
  const expected = (local: Match, peers: Match, tieLocal: Match, tiePeer: Match): string =>
    listed[`${local} ${peers}`] ?? listed[`${local} ${peers} ${tieLocal} ${tiePeer}`] ?? "discard";

  const known = [M, X] as const;
  const rows = known.flatMap((local) =>
    known.flatMap((peers) =>
      matches.flatMap((tieLocal) => matches.map((tiePeer) => [local, peers, tieLocal, tiePeer] as const)),
    ),
  );
  const value = (match: Match, of: number): number => (match === M ? of : match === X ? of + 1 : 0);

  it.each(rows)("local tag %s, peer's tag %s, tie-tags %s %s", (local, peers, tieLocal, tiePeer) => {
    const existing = { localTag: 10, peerTag: 20, tieTags: { local: 30, peer: 40 } };
    const content = {
      localInitAck: { initiateTag: value(local, 10) },
      peerInit: { initiateTag: value(peers, 20) },
      tieTags: { local: value(tieLocal, 30), peer: value(tiePeer, 40) },
    } as CookieContent;
    expect(cookieAction(existing, content)).toBe(expected(local, peers, tieLocal, tiePeer));
    // In COOKIE-WAIT the peer's tag is 0 and there are no tie-tags: the third row, or nothing.
    const calling = { localTag: 10, peerTag: 0, tieTags: undefined };
    expect(cookieAction(calling, content)).toBe(local === M ? "collision" : "discard");
    expect(cookieAction(undefined, content)).toBe("new");
  });
});

describe("INIT beside an association (sections 5.2.1 and 5.2.2)", () => {
  it("in COOKIE-WAIT is answered with the tag, TSN and streams of our own INIT, which stays out", () => {
    const bench = new Bench({ outboundStreams: 7 });
    const { handle, init } = bench.connect();
    const deadline = bench.endpoint.nextDeadlineMs();
    const { initAck, sent } = bench.handshake();
    expect(sent).toMatchObject({ verificationTag: peerTag, to: peer });
    expect(initAck).toMatchObject({ initiateTag: handle, initialTsn: init.initialTsn, outboundStreams: 7 });
    expect(bench.endpoint.nextDeadlineMs()).toBe(deadline);
  });

  it("in COOKIE-WAIT from elsewhere is answered where we called, if INIT lists that", () => {
    const bench = new Bench();
    const { handle } = bench.connect();
    const { initAck, sent } = bench.handshake({ parameters: [ipv4(peer)] }, { from: peerToo });
    expect(initAck.initiateTag).toBe(handle);
    expect(sent.to).toBe(peer);
  });

  it("in COOKIE-ECHOED is answered with the tag of our own INIT", () => {
    const bench = new Bench();
    const { handle, init } = bench.connect();
    bench.give([initAckOf()], { tag: handle });
    const { initAck } = bench.handshake({ initiateTag: 99 });
    expect(initAck).toMatchObject({ initiateTag: handle, initialTsn: init.initialTsn });
    expect(bench.state(handle).phase).toBe("cookie-echoed");
  });

  it("in COOKIE-ECHOED with a new address is refused", () => {
    const bench = new Bench();
    const { handle } = bench.connect();
    bench.give([initAckOf()], { tag: handle });
    const [out] = bench.give([initOf({ initiateTag: 99, parameters: [ipv4(peerToo)] })]);
    expect(out).toMatchObject({ verificationTag: 99, chunks: [{ type: "ABORT", causes: [added(peerToo)] }] });
    expect(bench.state(handle).phase).toBe("cookie-echoed");
  });

  it("in ESTABLISHED is answered with a new tag and the number of streams that there is", () => {
    const bench = new Bench();
    const tag = bench.accept({ inboundStreams: 3 });
    const { initAck } = bench.handshake({ initiateTag: 99 });
    expect(initAck.initiateTag).not.toBe(tag);
    expect(initAck.outboundStreams).toBe(3);
    expect(bench.state(tag).agreement.peerTag).toBe(peerTag);
  });

  it("in ESTABLISHED with new addresses is refused, and all of them are named", () => {
    const bench = new Bench();
    const tag = bench.accept();
    const [out] = bench.give([initOf({ initiateTag: 99, parameters: [ipv4(peer), ipv4(peerToo)] })]);
    expect(out).toMatchObject({ verificationTag: 99, chunks: [{ type: "ABORT", causes: [added(peerToo)] }] });
    expect(bench.state(tag).phase).toBe("established");
  });

  it("with an address that somebody else only claims is a stranger's (RFC 5062 section 2)", () => {
    const bench = new Bench();
    bench.accept({ parameters: [ipv4(stranger)] });
    const tag = bench.accept({}, { from: stranger });
    expect(bench.changes(tag)).toEqual(["comm-up"]);
  });

  it("in SHUTDOWN-ACK-SENT gets SHUTDOWN ACK again", () => {
    const bench = new Bench();
    const tag = bench.accept();
    const cumulativeTsn = bench.state(tag).send.cumulativeAck;
    expect(types(bench.give([{ type: "SHUTDOWN", cumulativeTsn }], { tag }))).toEqual(["SHUTDOWN_ACK"]);
    const out = bench.give([initOf({ initiateTag: 99 })]);
    expect(out).toMatchObject([{ verificationTag: peerTag, chunks: [{ type: "SHUTDOWN_ACK" }] }]);
  });
});

const added = (...addresses: string[]): object => ({
  type: "RESTART_WITH_NEW_ADDRESSES",
  value: Uint8Array.from(addresses.flatMap((each) => [0, 5, 0, 8, ...each.split(".").map(Number)])),
});

describe("COOKIE ECHO beside an association (section 5.2.4)", () => {
  it("action A: the peer restarted; the user hears of it and who comes after", () => {
    const bench = new Bench();
    const old = bench.accept();
    const { initAck, echo } = bench.handshake({ initiateTag: 99 });
    const tag = initAck.initiateTag;
    const out = bench.give([echo], { tag });
    expect(out).toMatchObject([{ verificationTag: 99, chunks: [{ type: "COOKIE_ACK" }] }]);
    expect(bench.endpoint.state(old)).toBeUndefined();
    expect(bench.state(tag)).toMatchObject({ phase: "established", agreement: { peerTag: 99 } });
    expect(bench.notifications.slice(1)).toMatchObject([
      { association: old, notification: { state: "restart", successor: tag } },
      { association: tag, notification: { state: "comm-up" } },
    ]);
  });

  it("action A with the tie-tags of another key still restarts after the key changed", () => {
    const bench = new Bench();
    bench.accept();
    const { initAck, echo } = bench.handshake({ initiateTag: 99 });
    bench.endpoint.rotateCookieKey(new Uint8Array(32).fill(1), bench.nowMs);
    expect(types(bench.give([echo], { tag: initAck.initiateTag }))).toEqual(["COOKIE_ACK"]);
  });

  it("action A in SHUTDOWN-ACK-SENT: the shutdown is finished first", () => {
    const bench = new Bench();
    const old = bench.accept();
    const { initAck, echo } = bench.handshake({ initiateTag: 99 });
    bench.give([{ type: "SHUTDOWN", cumulativeTsn: bench.state(old).send.cumulativeAck }], { tag: old });
    const out = bench.give([echo], { tag: initAck.initiateTag });
    expect(types(out)).toEqual(["SHUTDOWN_ACK+ERROR"]);
    expect(out[0]?.chunks[1]).toEqual({
      type: "ERROR",
      causes: [{ type: "COOKIE_WHILE_SHUTTING_DOWN", code: 10 }],
    });
    expect(bench.endpoint.state(initAck.initiateTag)).toBeUndefined();
  });

  it("action B in COOKIE-WAIT: both sides called each other", () => {
    const bench = new Bench();
    const { handle } = bench.connect();
    const { echo } = bench.handshake({ initiateTag: 99 });
    expect(types(bench.give([echo], { tag: handle }))).toEqual(["COOKIE_ACK"]);
    expect(bench.state(handle)).toMatchObject({ phase: "established", agreement: { peerTag: 99 } });
    expect(bench.changes(handle)).toEqual(["comm-up"]);
  });

  it("action B in COOKIE-ECHOED: the peer took a new tag; what waits goes there", () => {
    const bench = new Bench();
    const { handle } = bench.connect();
    bench.give([initAckOf()], { tag: handle });
    const payload = new Uint8Array(50);
    bench.endpoint.send(handle, { streamId: 0, ppid: 3, unordered: false, payload }, bench.nowMs);
    const { echo } = bench.handshake({ initiateTag: 99 });
    const out = bench.give([echo], { tag: handle });
    expect(out).toMatchObject([
      { verificationTag: 99, chunks: [{ type: "COOKIE_ACK" }, { type: "DATA", ppid: 3 }] },
    ]);
    expect(bench.changes(handle)).toEqual(["comm-up"]);
    expect(bench.notifications).toHaveLength(1);
  });

  it("action B: all that waits leaves in one burst (section 6.1, rule D)", () => {
    const bench = new Bench({ scheduler: "round-robin-per-packet" });
    const { handle } = bench.connect();
    bench.give([initAckOf()], { tag: handle });
    // Each stream has a packet of its own.
    for (let streamId = 0; streamId < 8; streamId++) {
      const payload = new Uint8Array(100);
      bench.endpoint.send(handle, { streamId, ppid: 3, unordered: false, payload }, bench.nowMs);
    }
    const { echo } = bench.handshake({ initiateTag: 99 });
    const out = bench.give([echo], { tag: handle });
    expect(out.filter(({ chunks }) => chunks.some(({ type }) => type === "DATA"))).toHaveLength(4);
  });

  it("action B in ESTABLISHED: the tag of the peer is the one of the cookie from then on", () => {
    const bench = new Bench();
    const { handle } = bench.connect();
    const { echo } = bench.handshake({ initiateTag: 99 });
    bench.give([initAckOf()], { tag: handle });
    bench.give([{ type: "COOKIE_ACK" }], { tag: handle });
    expect(bench.state(handle).agreement.peerTag).toBe(peerTag);
    const out = bench.give([echo], { tag: handle });
    expect(out).toMatchObject([{ verificationTag: 99, chunks: [{ type: "COOKIE_ACK" }] }]);
    expect(bench.state(handle)).toMatchObject({ phase: "established", agreement: { peerTag: 99 } });
    expect(bench.changes(handle)).toEqual(["comm-up", "restart", "comm-up"]);
  });

  it("action C: a late cookie changes nothing", () => {
    const bench = new Bench();
    const { initAck, echo } = bench.handshake();
    const { handle } = bench.connect();
    bench.give([initAckOf()], { tag: handle });
    expect(bench.give([echo], { tag: initAck.initiateTag })).toEqual([]);
    expect(bench.state(handle).phase).toBe("cookie-echoed");
  });

  it("in COOKIE-WAIT with another tag of ours changes nothing: that row is not in the table", () => {
    const bench = new Bench();
    const { initAck, echo } = bench.handshake();
    const { handle } = bench.connect();
    expect(bench.give([echo], { tag: initAck.initiateTag })).toEqual([]);
    expect([...bench.endpoint.associations()]).toEqual([]);
    expect(types(bench.give([initAckOf()], { tag: handle }))).toEqual(["COOKIE_ECHO"]);
  });

  it("action D in COOKIE-ECHOED: the association is established, and the timer stops", () => {
    const bench = new Bench();
    const { handle } = bench.connect();
    const { echo } = bench.handshake();
    bench.give([initAckOf()], { tag: handle });
    expect(types(bench.give([echo], { tag: handle }))).toEqual(["COOKIE_ACK"]);
    expect(bench.state(handle).phase).toBe("established");
    expect(bench.changes(handle)).toEqual(["comm-up"]);
    expect(bench.endpoint.nextDeadlineMs()).toBeUndefined();
  });

  it("action D in ESTABLISHED: COOKIE ACK again, however old the cookie is", () => {
    const bench = new Bench();
    const { initAck, echo } = bench.handshake();
    bench.give([echo], { tag: initAck.initiateTag });
    bench.nowMs += 1e6;
    expect(types(bench.give([echo], { tag: initAck.initiateTag }))).toEqual(["COOKIE_ACK"]);
    expect(bench.changes(initAck.initiateTag)).toEqual(["comm-up"]);
  });

  it("with a stale cookie of a restart gets an ERROR, and the association goes on", () => {
    const bench = new Bench();
    const old = bench.accept();
    const { initAck, echo } = bench.handshake({ initiateTag: 99 });
    bench.nowMs += 61_000;
    const out = bench.give([echo], { tag: initAck.initiateTag });
    expect(out).toMatchObject([{ verificationTag: 99, chunks: [{ type: "ERROR" }] }]);
    expect(bench.state(old).phase).toBe("established");
  });
});

describe("INIT ACK and COOKIE ACK that nobody waits for (sections 5.2.3 and 5.2.5)", () => {
  it.each(["cookie-echoed", "established"])("are discarded in %s", (phase) => {
    const bench = new Bench();
    const { handle } = bench.connect();
    bench.give([initAckOf()], { tag: handle });
    if (phase === "established") bench.give([{ type: "COOKIE_ACK" }], { tag: handle });
    for (const tag of [handle, 1]) {
      expect(bench.give([initAckOf({ initiateTag: 5, parameters: [cookie] })], { tag })).toEqual([]);
    }
    const before = bench.notifications.length;
    if (phase === "established") expect(bench.give([{ type: "COOKIE_ACK" }], { tag: handle })).toEqual([]);
    expect(bench.notifications).toHaveLength(before);
    expect(bench.state(handle)).toMatchObject({ phase, agreement: { peerTag } });
  });
});

describe("an association", () => {
  it("of an endpoint with very many is found without looking at the others", () => {
    const bench = new Bench({ maxAssociations: 20_000 });
    const tags = Array.from({ length: 300 }, (_, index) =>
      bench.accept({}, { from: `10.0.${Math.floor(index / 200)}.${(index % 200) + 1}` }),
    );
    const phase = new Map(tags.map((tag) => [tag, 0]));
    for (const tag of tags) {
      const state = bench.state(tag);
      Object.defineProperty(state, "confirmedAddresses", {
        value: new Proxy(state.confirmedAddresses, {
          get: (target, key) => {
            phase.set(tag, (phase.get(tag) ?? 0) + 1);
            const found: unknown = Reflect.get(target, key);
            return typeof found === "function" ? (found.bind(target) as unknown) : found;
          },
        }),
      });
    }
    bench.give([initOf()], { from: "10.0.0.7" });
    bench.give([initOf()], { from: stranger });
    expect([...phase.values()].filter((count) => count > 0)).toHaveLength(1);
  });

  it("is not opened twice with one peer", () => {
    const bench = new Bench();
    bench.accept();
    const handle = bench.endpoint.connect(peer, 7000, bench.nowMs);
    expect(bench.sent()).toEqual([]);
    expect(bench.changes(handle)).toEqual(["cant-start"]);
    const { handle: calling } = bench.connect(stranger);
    expect(bench.endpoint.connect([us, stranger], 7000, bench.nowMs)).not.toBe(calling);
    expect(bench.sent()).toEqual([]);
  });
});
