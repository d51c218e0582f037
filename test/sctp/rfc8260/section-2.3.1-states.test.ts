import { describe, expect, it } from "vitest";
import { start } from "../rfc9260/kit.ts";
import { cookieEcho, initAck, sack } from "../rfc9260/sketches.ts";
import { answers, first, iData, iForward, inShort, interleaving, last, receiving } from "./kit.ts";

const U = { unordered: true };
const mid = (messageId: number, fields = {}): Readonly<Record<string, unknown>> => ({ messageId, ...fields });

describe("2.3.1 in each state", () => {
  it("behind COOKIE ECHO", () => {
    const { peer, user } = start(interleaving());
    peer.calls();
    peer.takesInitAck();
    peer.sends(cookieEcho(), iForward(1, [0, 0]), iData(2, mid(1)));
    expect(inShort(user.takes())).toEqual(["0o1:100"]);
  });

  it("in COOKIE-WAIT and COOKIE-ECHOED it is ignored", () => {
    const { peer, user } = start(interleaving({ listening: false }));
    user.connects();
    peer.takesInit();
    peer.sends(iForward(1));
    peer.getsNothing();
    peer.sends(initAck());
    peer.skips();
    peer.sends(iForward(1, [0, 0]));
    peer.getsNothing();
    peer.sends({ type: "COOKIE_ACK" });
    peer.sends(iData(1));
    expect(user.takes()).toHaveLength(1);
  });

  it("in SHUTDOWN-PENDING as ever", () => {
    const { peer, user } = receiving();
    user.sends(10);
    user.shutsDown();
    peer.skips();
    peer.sends(iForward(2, [0, 1]));
    peer.gets({ type: "SACK", cumulativeTsn: 2 });
  });

  it("in SHUTDOWN-SENT it is answered at once by SHUTDOWN with the new TSN", () => {
    const { peer, user } = receiving();
    user.shutsDown();
    peer.skips();
    peer.sends(iForward(2, [0, 1]), iData(3, mid(2)));
    expect(user.takes()).toHaveLength(1);
    const came = peer.skips().flatMap(({ chunks }) => chunks);
    expect(came.map(({ type }) => type)).toContain("SHUTDOWN");
    expect(came.find(({ type }) => type === "SHUTDOWN")?.["cumulativeTsn"]).toBe(3);
  });

  it("in SHUTDOWN-RECEIVED and SHUTDOWN-ACK-SENT it is ignored", () => {
    const { peer, user } = receiving();
    user.sends(10);
    peer.skips();
    peer.sends({ type: "SHUTDOWN", cumulativeTsn: 0 });
    peer.skips();
    peer.sends(iForward(2, [0, 1]));
    peer.getsNothing();
    peer.sends(sack(1));
    peer.gets({ type: "SHUTDOWN_ACK" });
    peer.sends(iForward(3, [0, 2]));
    peer.getsNothing();
    expect(user.state).toBe("shutdown-ack-sent");
  });

  it("with a wrong tag it is ignored", () => {
    const { peer, user } = receiving();
    peer.sendsPacket({ chunks: [iForward(2, [0, 1])], tag: 12_345 });
    peer.getsNothingFor(1000);
    peer.sends(iData(2, mid(1)));
    expect(user.takes()).toHaveLength(1);
  });
});

describe("2.3.1 I-FORWARD-TSN that is odd", () => {
  const bytes = (length: number, ...rest: readonly number[]): readonly number[] => [
    ...[194, 0, 0, length],
    ...[0, 0, 0, 2],
    ...rest,
  ];

  it("reserved bits in it are ignored: flags, and the 15 beside U", () => {
    const { peer, user } = receiving();
    const body = bytes(16, 0, 0, 0xff, 0xfe, 0, 0, 0, 1);
    peer.sendsPacket({ body: [194, 0xff, ...body.slice(2)] });
    peer.sends(iData(3, mid(2)));
    expect(inShort(user.takes())).toEqual(["0o2:100"]);
  });

  it("U is the lowest of the sixteen bits", () => {
    const { peer, user } = receiving();
    peer.sends(iData(3, first(U)), iData(4, mid(2)));
    peer.sendsPacket({ body: bytes(16, 0, 0, 0xff, 0xff, 0, 0, 0, 1) });
    // The ordered message waits for MID 1, the unordered fragment is gone.
    expect(user.takes()).toEqual([]);
    peer.sends(iData(5, last(1, U)));
    expect(user.takes()).toEqual([]);
    peer.sends(iData(6, mid(1)));
    expect(inShort(user.takes())).toEqual(["0o1:100", "0o2:100"]);
  });

  it("half an entry at its end is passed over", () => {
    const { peer, user } = receiving();
    peer.sendsPacket({ body: bytes(20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0) });
    peer.sends(iData(3, mid(2)), iData(4, { streamId: 1 }));
    expect(inShort(user.takes())).toEqual(["0o2:100", "1o0:100"]);
  });

  it.each([4, 7])("of %i bytes, without a TSN, it is discarded", (length) => {
    const { peer, user } = receiving();
    peer.sendsPacket({ body: bytes(length).slice(0, 8) });
    peer.getsNothingFor(1000);
    expect(user.state).toBe("established");
  });

  it("of more than the window ever held it ends the association", () => {
    const script = receiving({ parameters: { receiveBufferBytes: 50_000 } });
    script.peer.sends(iForward(1 + 50_000, [0, 5]));
    script.peer.gets({ type: "SACK", cumulativeTsn: 50_001 });
    script.peer.sends(iForward(50_001 + 50_001, [0, 6]));
    expect(answers(script)).toEqual(["ABORT PROTOCOL_VIOLATION"]);
  });

  it("two in a packet, in any order: both count", () => {
    for (const order of [
      [2, 3],
      [3, 2],
    ]) {
      const { peer, user } = receiving();
      peer.sends(...order.map((tsn) => iForward(tsn, [0, tsn - 1])));
      peer.gets({ type: "SACK", cumulativeTsn: 3 });
      peer.sends(iData(4, mid(3)));
      expect(user.takes()).toHaveLength(1);
    }
  });

  it("with as many entries as a packet holds, most of them of no stream", () => {
    const { peer, user } = receiving();
    const all = Array.from({ length: 120 }, (_, at) => [119 - at, 9] as const);
    peer.sends(iForward(2, ...all));
    const next = Array.from({ length: 10 }, (_, at) => iData(3 + at, mid(10, { streamId: at })));
    for (const chunk of next) peer.sends(chunk);
    expect(user.takes()).toHaveLength(10);
  });
});
