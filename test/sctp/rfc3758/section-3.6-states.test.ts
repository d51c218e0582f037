import { describe, expect, it } from "vitest";
import { noExtensions } from "../../../agents/sctp/index.ts";
import type { Script } from "../rfc9260/kit.ts";
import { established, start } from "../rfc9260/kit.ts";
import { data, initAck, outOfTheBlueAbort, sack, shutdown, shutdownAck } from "../rfc9260/sketches.ts";
import { agreed, forward, inShort, partiallyReliable, receiving, retransmitted } from "./kit.ts";

const never = retransmitted(0);

describe("3.6 FORWARD TSN in each state", () => {
  it("CLOSED: out of the blue", () => {
    const { peer } = start(partiallyReliable());
    peer.sendsPacket({ chunks: [forward(1, [0, 0])], tag: 5 });
    peer.gets({ tag: 5, chunks: [outOfTheBlueAbort] });
  });

  it("COOKIE-WAIT: nothing is done, and the association comes about", () => {
    const { peer, user } = start(partiallyReliable());
    user.connects();
    peer.takesInit();
    peer.sends(forward(1, [0, 0]));
    peer.skips();
    peer.sends(initAck());
    peer.gets({ type: "COOKIE_ECHO" });
    peer.sends({ type: "COOKIE_ACK" });
    peer.sends(data(1));
    peer.gets(sack(1));
    expect(inShort(user.takes())).toEqual(["0o0:100"]);
  });

  it("COOKIE-ECHOED: it is discarded, as DATA is", () => {
    const { peer, user } = start(partiallyReliable());
    user.connects();
    peer.takesInit();
    peer.sends(initAck());
    peer.skips();
    peer.sends(forward(1, [0, 0]));
    peer.getsNothing();
    peer.sends({ type: "COOKIE_ACK" });
    peer.sends(data(1));
    peer.gets(sack(1));
  });

  it("COOKIE-ECHOED: behind COOKIE ACK it counts", () => {
    const { peer, user } = start(partiallyReliable());
    user.connects();
    peer.takesInit();
    peer.sends(initAck());
    peer.skips();
    peer.sends({ type: "COOKIE_ACK" }, forward(1, [0, 0]));
    peer.gets(sack(1));
  });

  it("behind COOKIE ECHO it counts", () => {
    const { peer } = start(partiallyReliable());
    peer.calls();
    peer.takesInitAck();
    peer.sends({ type: "COOKIE_ECHO" }, forward(2, [0, 1]));
    peer.gets([{ type: "COOKIE_ACK" }, sack(2)]);
  });

  it("ESTABLISHED: it counts", () => {
    const { peer } = receiving();
    peer.sends(forward(2, [0, 1]));
    peer.gets(sack(2));
  });

  it("SHUTDOWN-PENDING: it counts", () => {
    const { peer, user } = receiving();
    user.sends(100);
    user.shutsDown();
    peer.skips();
    expect(user.state).toBe("shutdown-pending");
    peer.sends(forward(2, [0, 1]));
    peer.gets(sack(2));
  });

  it("SHUTDOWN-SENT: it counts, and SHUTDOWN with the new cumulative TSN answers it", () => {
    const { peer, user } = receiving();
    user.shutsDown();
    peer.gets({ type: "SHUTDOWN", cumulativeTsn: 1 });
    peer.sends(forward(3, [0, 2]));
    peer.gets(shutdown(3));
    expect(user.state).toBe("shutdown-sent");
  });

  it("SHUTDOWN-SENT: it sets free what waits", () => {
    const { peer, user } = receiving();
    user.shutsDown();
    peer.skips();
    peer.sends(data(3));
    peer.skips();
    expect(user.takes()).toEqual([]);
    peer.sends(forward(2, [0, 1]));
    expect(inShort(user.takes())).toEqual(["0o2:100"]);
  });

  it("SHUTDOWN-SENT: it restarts T2-shutdown, as DATA does", () => {
    const { peer, user } = receiving();
    user.shutsDown();
    peer.skips(900);
    peer.sends(forward(2, [0, 1]));
    peer.skips();
    peer.getsNothingFor(999);
    expect(peer.skips(1).flatMap(({ chunks }) => chunks)).toMatchObject([
      { type: "SHUTDOWN", cumulativeTsn: 2 },
    ]);
  });

  it("SHUTDOWN-RECEIVED: it is discarded, as DATA is", () => {
    const { peer, user } = receiving();
    user.sends(100);
    peer.skips();
    peer.sends(shutdown(0));
    peer.skips();
    expect(user.state).toBe("shutdown-received");
    peer.sends(forward(2, [0, 1]));
    peer.getsNothing();
  });

  it("SHUTDOWN-ACK-SENT: it is discarded, as DATA is", () => {
    const { peer, user } = receiving();
    peer.sends(shutdown(0));
    peer.skips();
    expect(user.state).toBe("shutdown-ack-sent");
    peer.sends(forward(2, [0, 1]));
    peer.getsNothing();
  });
});

describe("3.3 FORWARD TSN where it was not agreed", () => {
  const reliable = (): Script => established({ parameters: { extensions: noExtensions } });
  const report = { type: "ERROR", causes: [{ type: "UNRECOGNIZED_CHUNK_TYPE" }] } as const;

  it("is reported by ERROR with the chunk in it", () => {
    const { peer } = reliable();
    peer.sends(forward(1, [0, 0]));
    const value = Uint8Array.from([0xc0, 0, 0, 12, 0, 0, 0, 1, 0, 0, 0, 0]);
    peer.gets({ type: "ERROR", causes: [{ type: "UNRECOGNIZED_CHUNK_TYPE", value }] });
  });

  it("does not move the cumulative TSN", () => {
    const { peer } = reliable();
    peer.sends(forward(5, [0, 4]));
    peer.skips();
    peer.sends(data(1));
    peer.gets(sack(1));
  });

  it("sets nothing free", () => {
    const { peer, user } = reliable();
    peer.sends(data(2));
    peer.skips();
    peer.sends(forward(1, [0, 0]));
    peer.gets(report);
    expect(user.takes()).toEqual([]);
  });

  it("what is behind it in the packet is processed", () => {
    const { peer, user } = reliable();
    peer.sends(forward(1, [0, 0]), data(1));
    expect(inShort(user.takes())).toEqual(["0o0:100"]);
    expect(
      peer
        .skips(200)
        .flatMap(({ chunks }) => chunks.map(({ type }) => type))
        .toSorted(),
    ).toEqual(["ERROR", "SACK"]);
  });

  it("what is in front of it in the packet, too", () => {
    const { peer, user } = reliable();
    peer.sends(data(1), forward(1, [0, 0]));
    expect(inShort(user.takes())).toEqual(["0o0:100"]);
  });

  it("is reported however far it reaches: it is not read", () => {
    const { peer, user } = reliable();
    peer.sends(forward(2 ** 31));
    peer.gets(report);
    expect(user.state).toBe("established");
  });

  it("the peer never gets one: what has a policy is sent until it is acknowledged", () => {
    const { peer, user } = reliable();
    user.sends({ size: 100, ...never });
    peer.gets(data(1));
    for (const waitMs of [1000, 2000, 4000]) peer.getsAfter(waitMs, data(1));
  });
});

describe("3.2 what comes as FORWARD TSN", () => {
  const tag = (bytes: readonly number[]): { body: readonly number[] } => ({ body: bytes });

  it("flags are ignored", () => {
    const { peer } = receiving();
    peer.sendsPacket(tag([192, 0xff, 0, 8, 0, 0, 0, 2]));
    peer.gets(sack(2));
  });

  it("without streams it has 8 bytes", () => {
    const { peer } = receiving();
    peer.sendsPacket(tag([192, 0, 0, 8, 0, 0, 0, 2]));
    peer.gets(sack(2));
  });

  it("half a pair at the end is left out", () => {
    const { peer, user } = receiving();
    peer.sends(data(3));
    peer.skips();
    peer.sendsPacket(tag([192, 0, 0, 14, 0, 0, 0, 2, 0, 0, 0, 1, 0, 2, 0, 0]));
    peer.gets(sack(3));
    expect(inShort(user.takes())).toEqual(["0o2:100"]);
  });

  it.each([
    ["without a cumulative TSN", [192, 0, 0, 4]],
    ["with half of one", [192, 0, 0, 6, 0, 0, 0, 0]],
  ] as const)("too short, %s, it changes nothing", (_, bytes) => {
    const { peer, user } = receiving();
    peer.sendsPacket(tag(bytes));
    peer.getsNothing();
    expect(user.state).toBe("established");
    peer.sends(data(2));
    peer.getsAfter(200, sack(2));
  });

  it("a length beyond the packet: it changes nothing", () => {
    const { peer, user } = receiving();
    peer.sendsPacket(tag([192, 0, 0, 40, 0, 0, 0, 2]));
    peer.getsNothing();
    expect(user.state).toBe("established");
  });

  it("many streams: all count", () => {
    const { peer, user } = receiving();
    for (let stream = 1; stream < 10; stream += 1)
      peer.sends(data(20 + stream, { streamId: stream, ssn: 1 }));
    peer.skips();
    peer.sends(forward(20, ...Array.from({ length: 10 }, (_, stream) => [stream, 0] as const)));
    expect(user.takes()).toHaveLength(9);
  });
});

describe("9.2 of RFC 9260: the shutdown and what was given up", () => {
  it("SHUTDOWN waits until the peer has moved over it", () => {
    const { peer, user } = agreed();
    user.sends({ size: 100, ...never });
    user.shutsDown();
    peer.gets(data(1));
    peer.getsAfter(1000, forward(1, [0, 0]));
    expect(user.state).toBe("shutdown-pending");
    peer.sends(sack(1));
    peer.gets({ type: "SHUTDOWN" });
    peer.sends(shutdownAck());
    peer.gets({ type: "SHUTDOWN_COMPLETE" });
  });

  it("messages that are given up before they were sent leave nothing to wait for", () => {
    const { peer, user } = agreed({ peerWindow: 2000 });
    user.sends(984, 984, { size: 500, reliability: { policy: "timed", lifetimeMs: 100 } });
    peer.skips();
    user.shutsDown();
    peer.skips(200);
    peer.sends(sack(2));
    peer.gets({ type: "SHUTDOWN" });
  });

  it("in SHUTDOWN-RECEIVED what is given up is skipped, and SHUTDOWN ACK follows", () => {
    const { peer, user } = agreed();
    user.sends({ size: 100, ...never });
    peer.gets(data(1));
    peer.sends(shutdown(0));
    peer.getsAfter(1000, forward(1, [0, 0]));
    peer.sends(shutdown(1));
    peer.gets(shutdownAck());
  });

  it("a lost FORWARD TSN comes again while the user waits for the end", () => {
    const { peer, user } = agreed();
    user.sends({ size: 100, ...never });
    user.shutsDown();
    peer.skips();
    peer.getsAfter(1000, forward(1, [0, 0]));
    peer.getsAfter(2000, forward(1, [0, 0]));
    peer.sends(sack(1));
    peer.gets({ type: "SHUTDOWN" });
  });
});
