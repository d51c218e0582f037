import { beforeEach, describe, expect, it } from "vitest";
import { SocketStack, seededRandom, socketParameters } from "../../../agents/sctp/index.ts";
import type { Chunk } from "../../../agents/sctp/wire/index.ts";
import type { Caught, Envelope, ExpectedPacket } from "../../support/sctp-script.ts";
import { ScriptPeer, abort, catchPacket, cookieAck, expectPackets } from "../../support/sctp-script.ts";
import { errnoOf, valueOf } from "./world.ts";

const us = "192.168.0.1";
const usToo = "192.168.0.2";
const them = "192.0.2.1";

let nowMs = 0;
let stack: SocketStack;
let peer: ScriptPeer;

beforeEach(() => {
  nowMs = 5000;
  const random = seededRandom(3);
  const config = { localAddresses: [us, usToo], parameters: socketParameters, cookieKey: random.bytes(32) };
  stack = new SocketStack(config, random);
  peer = new ScriptPeer(5000, 7000);
});

const gives = (chunks: readonly Chunk[], envelope: Envelope & { to?: string } = {}): void =>
  stack.receivePacket(peer.write(chunks, envelope), { local: envelope.to ?? us, remote: them }, nowMs);

function gets(...expected: readonly ExpectedPacket[]): void {
  const caught: Caught[] = stack
    .takePackets()
    .map(({ local, remote, bytes }) => catchPacket(nowMs, local, remote, bytes));
  for (const { packet } of caught) peer.learn(packet);
  expectPackets(caught, expected);
}

function passes(ms: number): void {
  nowMs += ms;
  stack.advance(nowMs);
}

function listening(address: string = "0.0.0.0"): number {
  const listener = stack.socket("one-to-one");
  valueOf(stack.bind(listener, [address], 7000));
  valueOf(stack.listen(listener, 2));
  return listener;
}

describe("a packet for nobody (RFC 9260 section 8.4)", () => {
  const aborted = (tag: number) => ({
    chunks: [{ type: "ABORT" as const, tagReflected: tag !== peer.tag }],
    tag,
    from: us,
    to: them,
  });

  it.each(["without a socket", "with a socket at another address", "with another port"])(
    "is answered the same way %s",
    (situation) => {
      if (situation.includes("address")) listening(usToo);
      const envelope = situation.includes("port") ? { destinationPort: 7001 } : {};
      if (situation.includes("port")) listening();
      gives([peer.init()], envelope);
      gets(aborted(peer.tag));
      gives([peer.data(10)], { ...envelope, tag: 99 });
      gets(aborted(99));
      gives([{ type: "SHUTDOWN_ACK" }], { ...envelope, tag: 99 });
      gets({ chunks: [{ type: "SHUTDOWN_COMPLETE", tagReflected: true }], tag: 99 });
      for (const silent of [abort, cookieAck, { type: "SHUTDOWN_COMPLETE", tagReflected: false } as const])
        gives([silent], { ...envelope, tag: 99 });
      gives([peer.data(10)], { ...envelope, tag: 99, badChecksum: true });
      gets();
    },
  );
});

describe("a socket", () => {
  it("hears what came before its call, and keeps several messages for one packet", () => {
    const listener = listening();
    gives([peer.init()]);
    gets({ chunks: [{ type: "INIT_ACK" }], tag: peer.tag, from: us });
    gives([peer.cookieEcho(), peer.data(10)]);
    const socket = valueOf(stack.accept(listener, nowMs));
    expect(valueOf(stack.receive(socket, 100, nowMs))).toMatchObject({ kind: "data", endOfRecord: true });
    valueOf(stack.setOption(socket, { name: "SCTP_NODELAY", on: true }, nowMs));
    for (let message = 0; message < 3; message++) valueOf(stack.send(socket, new Uint8Array(10), {}, nowMs));
    const data = { type: "DATA" } as const;
    gets({ chunks: [{ type: "COOKIE_ACK" }, { type: "SACK" }] }, { chunks: [data, data, data] });
  });

  it("has its listener's options at an association, and its own deadlines", () => {
    const listener = listening();
    valueOf(stack.setOption(listener, { name: "SCTP_DELAYED_SACK", delayMs: 50 }, nowMs));
    gives([peer.init()]);
    gets({ chunks: [{ type: "INIT_ACK" }] });
    gives([peer.cookieEcho(), peer.data(10)]);
    gets({ chunks: [{ type: "COOKIE_ACK" }, { type: "SACK", cumulativeTsn: 1 }] });
    gives([peer.data(10)]);
    gets();
    expect(stack.nextDeadlineMs()).toBe(nowMs + 50);
    passes(49);
    gets();
    passes(1);
    gets({ chunks: [{ type: "SACK", cumulativeTsn: 2 }] });
  });

  it("refuses a call whose cookie comes back when nobody listens any more", () => {
    const listener = listening();
    gives([peer.init()]);
    gets({ chunks: [{ type: "INIT_ACK" }] });
    valueOf(stack.listen(listener, 0));
    gives([peer.cookieEcho()]);
    const sent = stack.takePackets().map(({ bytes }) => catchPacket(nowMs, us, them, bytes).packet.chunks);
    expect(sent.flat().map(({ type }) => type)).toContain("ABORT");
    expect(errnoOf(stack.accept(listener, nowMs))).toBe("EINVAL");
  });

  it("that was closed in COOKIE-WAIT with messages sends them and then ends", () => {
    const socket = stack.socket("one-to-one");
    valueOf(stack.bind(socket, [us], 7000));
    valueOf(stack.connect(socket, [them], 5000, nowMs));
    valueOf(stack.send(socket, new Uint8Array(10), {}, nowMs));
    valueOf(stack.close(socket, nowMs));
    gets({ chunks: [{ type: "INIT" }] });
    gives([peer.initAck()]);
    gets({ chunks: [{ type: "COOKIE_ECHO" }] });
    gives([cookieAck]);
    gets({ chunks: [{ type: "DATA" }] });
    gives([peer.sack(1)]);
    gets({ chunks: [{ type: "SHUTDOWN" }] });
    gives([{ type: "SHUTDOWN_ACK" }]);
    gets({ chunks: [{ type: "SHUTDOWN_COMPLETE" }] });
    const again = stack.socket("one-to-one");
    valueOf(stack.bind(again, [us], 7000));
  });

  it("returns messages that the peer has no stream for", () => {
    const socket = stack.socket("one-to-one");
    valueOf(stack.bind(socket, [us], 7000));
    valueOf(stack.setOption(socket, { name: "SCTP_EVENT", event: "send-failed", on: true }, nowMs));
    valueOf(stack.connect(socket, [them], 5000, nowMs));
    valueOf(stack.send(socket, new Uint8Array(10), { streamId: 3, context: 77 }, nowMs));
    gets({ chunks: [{ type: "INIT" }] });
    gives([peer.initAck({ inboundStreams: 2 })]);
    gets({ chunks: [{ type: "COOKIE_ECHO" }] });
    const read = valueOf(stack.receive(socket, 100, nowMs));
    expect(read).toMatchObject({
      kind: "notification",
      notification: { type: "send-failed", context: 77, streamId: 3, sent: false },
    });
  });

  it("without a port gets one that is free, and another every time", () => {
    const ports = [1, 2, 3].map(() => {
      const socket = stack.socket("one-to-one");
      valueOf(stack.connect(socket, [them], 5000, nowMs));
      return valueOf(stack.localAddresses(socket)).port;
    });
    expect(new Set(ports).size).toBe(3);
    for (const port of ports) expect(port).toBeGreaterThanOrEqual(49_152);
  });
});
