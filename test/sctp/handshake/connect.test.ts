import { describe, expect, it } from "vitest";
import { Endpoint, seededRandom } from "../../../agents/sctp/index.ts";
import type { Parameter } from "../../../agents/sctp/wire/index.ts";
import { Bench, cookie, initAckOf, peer, peerToo, stranger, types } from "./bench.ts";

const ipv4 = (address: string): Parameter => ({ type: "IPV4_ADDRESS", address });

describe("T1-init (RFC 9260 sections 4 and 5.1.6)", () => {
  it("sends the same INIT again after 1, 2, 4 ... seconds, up to RTO.Max, Max.Init.Retransmits times", () => {
    const bench = new Bench({ maxInitRetransmits: 8 });
    const { handle, init } = bench.connect();
    const start = bench.nowMs;
    const seconds: number[] = [];
    for (let count = 0; count < 8; count++) {
      const [out] = bench.nextDeadline();
      expect(out?.chunks).toEqual([init]);
      seconds.push((bench.nowMs - start) / 1000);
    }
    expect(seconds).toEqual([1, 3, 7, 15, 31, 63, 123, 183]);
    expect(bench.nextDeadline()).toEqual([]);
    expect(bench.nowMs - start).toBe(243_000);
    expect(bench.notifications).toMatchObject([
      {
        association: handle,
        notification: { type: "association-change", state: "cant-start", cause: "timeout" },
      },
    ]);
    expect(bench.endpoint.nextDeadlineMs()).toBeUndefined();
  });

  it("takes what the user sets for one association (RFC 6458 section 5.3.1)", () => {
    const bench = new Bench();
    const options = {
      outboundStreams: 3,
      maxInboundStreams: 4,
      maxInitRetransmits: 3,
      maxInitTimeoutMs: 1500,
    };
    const handle = bench.endpoint.connect(peer, 7000, bench.nowMs, options);
    const start = bench.nowMs;
    expect(bench.sent()[0]?.chunks[0]).toMatchObject({ outboundStreams: 3, inboundStreams: 4 });
    const times: number[] = [];
    for (let count = 0; count < 4; count++) {
      bench.nextDeadline();
      times.push(bench.nowMs - start);
    }
    expect(times).toEqual([1000, 2500, 4000, 5500]);
    expect(bench.changes(handle)).toEqual(["cant-start"]);
  });

  it("goes through all addresses that the user gave, each with its own time-out", () => {
    const bench = new Bench();
    bench.endpoint.connect([peer, peerToo, stranger], 7000, bench.nowMs);
    const start = bench.nowMs;
    const sent = [[bench.sent()[0]?.to, 0]];
    for (let count = 0; count < 5; count++) sent.push([bench.nextDeadline()[0]?.to, bench.nowMs - start]);
    expect(sent).toEqual([
      [peer, 0],
      [peerToo, 1000],
      [stranger, 2000],
      [peer, 3000],
      [peerToo, 5000],
      [stranger, 7000],
    ]);
  });
});

describe("an association with several addresses of the peer", () => {
  it("is set up with the one that answers; those that the user named and the peer has are confirmed", () => {
    const bench = new Bench();
    const { handle } = bench.connect([stranger, peer, peerToo]);
    bench.nextDeadline();
    const parameters = [ipv4(peer), ipv4(peerToo), ipv4("192.0.2.22"), cookie];
    const [echo] = bench.give([initAckOf({ parameters })], { tag: handle });
    expect(echo).toMatchObject({ to: peer, chunks: [{ type: "COOKIE_ECHO" }] });
    const state = bench.state(handle);
    expect(state.primaryAddress).toBe(peer);
    expect(state.agreement.peerAddresses).toEqual([peer, peerToo, "192.0.2.22"]);
    expect([...state.confirmedAddresses]).toEqual([peer, peerToo]);
  });

  it("sends COOKIE ECHO to one after the other, and to those not confirmed only with a HEARTBEAT", () => {
    const bench = new Bench({ maxInitRetransmits: 5 });
    const { handle } = bench.connect([peer, peerToo]);
    const parameters = [ipv4(peer), ipv4(peerToo), ipv4("192.0.2.22"), cookie];
    const start = bench.nowMs;
    const sent = bench
      .give([initAckOf({ parameters })], { tag: handle })
      .map((each) => [each.to, ...types([each]), 0]);
    for (let count = 0; count < 5; count++) {
      const out = bench.nextDeadline();
      expect(out).toHaveLength(1);
      sent.push([out[0]!.to, ...types(out), bench.nowMs - start]);
    }
    expect(sent).toEqual([
      [peer, "COOKIE_ECHO", 0],
      [peerToo, "COOKIE_ECHO", 1000],
      ["192.0.2.22", "COOKIE_ECHO+HEARTBEAT", 2000],
      [peer, "COOKIE_ECHO", 3000],
      [peerToo, "COOKIE_ECHO", 5000],
      ["192.0.2.22", "COOKIE_ECHO+HEARTBEAT", 7000],
    ]);
    expect(bench.nextDeadline()).toEqual([]);
    expect(bench.changes(handle)).toEqual(["cant-start"]);
    expect(bench.notifications.at(-1)).toMatchObject({ notification: { cause: "timeout" } });
  });

  it("does not send a cookie that fills a packet to an address that is not confirmed", () => {
    const bench = new Bench();
    const { handle } = bench.connect();
    const large: Parameter = { type: "STATE_COOKIE", cookie: new Uint8Array(1440) };
    bench.give([initAckOf({ parameters: [ipv4(peerToo), large] })], { tag: handle });
    for (let count = 0; count < 3; count++) expect(bench.nextDeadline()).toMatchObject([{ to: peer }]);
  });
});

describe("while connecting, the user", () => {
  it.each(["abort", "shutdown"] as const)(
    "may %s in COOKIE-WAIT: nothing is sent, nothing is left",
    (act) => {
      const bench = new Bench();
      const { handle } = bench.connect();
      if (act === "abort") bench.endpoint.abort(handle, "enough", bench.nowMs);
      else bench.endpoint.shutdown(handle, bench.nowMs);
      expect(bench.sent()).toEqual([]);
      expect(bench.changes(handle)).toEqual(["cant-start"]);
      expect(bench.endpoint.nextDeadlineMs()).toBeUndefined();
      expect(types(bench.give([initAckOf()], { tag: handle }))).toEqual(["ABORT"]);
    },
  );

  it("may abort in COOKIE-ECHOED: the peer hears of it", () => {
    const bench = new Bench();
    const { handle } = bench.connect();
    bench.give([initAckOf()], { tag: handle });
    bench.endpoint.abort(handle, "enough", bench.nowMs);
    expect(bench.sent()).toMatchObject([
      { verificationTag: 77, chunks: [{ type: "ABORT", causes: [{ type: "USER_INITIATED_ABORT" }] }] },
    ]);
    expect(bench.endpoint.state(handle)).toBeUndefined();
  });

  it("may shut down in COOKIE-ECHOED: that happens as soon as the association is there", () => {
    const bench = new Bench();
    const { handle } = bench.connect();
    bench.give([initAckOf()], { tag: handle });
    bench.endpoint.shutdown(handle, bench.nowMs);
    expect(bench.sent()).toEqual([]);
    const copy = Endpoint.restore(bench.endpoint.snapshot(), bench.config, seededRandom(1));
    expect(types(bench.give([{ type: "COOKIE_ACK" }], { tag: handle }))).toEqual(["SHUTDOWN"]);
    bench.endpoint = copy;
    expect(types(bench.give([{ type: "COOKIE_ACK" }], { tag: handle }))).toEqual(["SHUTDOWN"]);
  });

  it("hears of an ABORT in COOKIE-ECHOED that the association cannot start", () => {
    const bench = new Bench();
    const { handle } = bench.connect();
    bench.give([initAckOf()], { tag: handle });
    bench.give([{ type: "ABORT", tagReflected: false, causes: [] }], { tag: handle });
    expect(bench.notifications).toMatchObject([
      { notification: { state: "cant-start", cause: "aborted-by-peer" } },
    ]);
  });

  it.each([
    ["no address", []],
    ["a multicast address", ["224.0.0.9"]],
    ["an address of a family that we have not", ["2001:db8::5"]],
    ["what is no address", ["example.org"]],
  ])("hears why %s cannot be called", (_, remotes) => {
    const bench = new Bench();
    const handle = bench.endpoint.connect(remotes, 7000, bench.nowMs);
    expect(bench.sent()).toEqual([]);
    expect(bench.changes(handle)).toEqual(["cant-start"]);
    expect(bench.endpoint.nextDeadlineMs()).toBeUndefined();
  });

  it("calls an address of the other family from an address of ours of that family", () => {
    const bench = new Bench({}, { localAddresses: ["192.0.2.11", "2001:db8::1"] });
    bench.endpoint.connect("2001:db8::5", 7000, bench.nowMs);
    expect(bench.sent()).toMatchObject([{ from: "2001:db8::1", to: "2001:db8::5" }]);
  });
});
