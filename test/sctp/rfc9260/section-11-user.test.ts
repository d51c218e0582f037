import { describe, expect, it } from "vitest";
import { FULL, PEER, established, receiving, sending, start } from "./kit.ts";
import { abort, data, error, sack } from "./sketches.ts";

describe("11.1 what the user asks for", () => {
  it("ASSOCIATE answers a handle, and the user hears when it is up", () => {
    const { peer, user } = start();
    user.connects();
    expect(peer.handle).not.toBe(0);
    expect(user.hears()).toEqual([]);
  });

  it("SEND on a stream that does not exist is refused", () => {
    const { peer, user } = established();
    for (const streamId of [10, 65_535, -1]) expect(user.tries({ streamId })).toBe("no-such-stream");
    peer.getsNothing();
  });

  it("SEND of more than a message may hold is refused", () => {
    const { user } = established({ parameters: { maxMessageBytes: 1000 } });
    expect(user.tries({ size: 1000 })).toBe("accepted");
    expect(user.tries({ size: 1001 })).toBe("bad-length");
  });

  it("SEND finds the queue full, and free again when DATA was acknowledged", () => {
    const { peer, user } = established({ parameters: { sendBufferBytes: 3000 } });
    user.sends(FULL, FULL, FULL);
    expect(user.tries({ size: FULL })).toBe("queue-full");
    peer.skips();
    peer.sends(sack(3));
    expect(user.tries({ size: FULL })).toBe("accepted");
  });

  it("SEND without an association is refused", () => {
    const { user } = start();
    expect(user.tries()).toBe("not-connected");
  });

  it("SET PRIMARY and REQUEST HEARTBEAT of an address that the peer has not are refused", () => {
    const { peer } = established();
    expect(peer.endpoint.setPrimary(peer.handle, "192.0.2.200")).toBe(false);
    expect(peer.endpoint.requestHeartbeat(peer.handle, "192.0.2.200", peer.nowMs)).toBe(false);
    expect(peer.endpoint.requestHeartbeat(12_345, PEER, peer.nowMs)).toBe(false);
  });

  it("STATUS tells windows, round trip and what is outstanding", () => {
    const { peer, user } = sending(3);
    peer.skips(200);
    peer.sends(sack(1));
    user.hears();
    const statistics = peer.endpoint.statistics(peer.handle);
    expect(statistics).toMatchObject({ phase: "established", unacknowledgedChunks: 2, primaryAddress: PEER });
    expect(peer.path()).toMatchObject({ smoothedRttMs: 200, flightBytes: 2000, confirmed: true });
  });

  it("SET PROTOCOL PARAMETERS of an association counts from then on", () => {
    const { peer } = receiving();
    peer.step(() => peer.endpoint.configureAssociation(peer.handle, { sackDelayMs: 50 }, peer.nowMs));
    peer.sends(data(2));
    peer.getsAfter(50, sack(2));
  });

  it("SHUTDOWN and ABORT of an association that is gone do nothing", () => {
    const { peer, user } = established();
    peer.sends(abort());
    user.shutsDown();
    user.aborts();
    peer.getsNothing();
  });
});

describe("11.2 what the user is told", () => {
  it("COMMUNICATION UP, once", () => {
    const { peer, user } = start();
    peer.calls();
    peer.takesInitAck();
    peer.sends({ type: "COOKIE_ECHO" });
    peer.sends({ type: "COOKIE_ECHO" });
    expect(user.hears().filter((each) => each === "comm-up")).toHaveLength(1);
  });

  it("COMMUNICATION LOST, once", () => {
    const { peer, user } = established();
    peer.sends(abort());
    peer.sends(abort());
    expect(user.hears().filter((each) => each === "comm-lost")).toHaveLength(1);
  });

  it("COMMUNICATION ERROR, with what the peer said", () => {
    const { peer, user } = receiving();
    peer.sends(error({ type: "INVALID_STREAM_IDENTIFIER", code: 1, streamId: 7 }));
    expect(peer.notifications).toContainEqual(expect.objectContaining({ type: "remote-error" }));
    expect(user.state).toBe("established");
  });

  it("SEND FAILURE, with the message, its context, and whether it was sent", () => {
    const { peer, user } = established();
    user.sends({ size: FULL, context: 1 }, { size: FULL, context: 2 }, { size: FULL, context: 3 });
    user.sends({ size: FULL, context: 4 }, { size: FULL, context: 5 });
    peer.skips();
    peer.sends(sack(1));
    peer.skips();
    user.aborts();
    const failures = peer.notifications.filter((each) => (each.type as string) === "send-failed");
    expect(failures).toMatchObject([
      { context: 2, sent: true, reason: "association-lost" },
      { context: 3, sent: true },
      { context: 4, sent: true },
      { context: 5, sent: true },
    ]);
  });

  it("DATA ARRIVE once, with all that belongs to the message", () => {
    const { peer, user } = receiving();
    peer.sends(data(2, { streamId: 2, ssn: 0, ppid: 60, size: 33 }));
    const [message, ...more] = user.takes();
    expect(message).toMatchObject({ streamId: 2, ssn: 0, ppid: 60, unordered: false });
    expect(message?.payload.length).toBe(33);
    expect(more).toEqual([]);
  });

  it("SHUTDOWN COMPLETE", () => {
    const { peer, user } = established();
    user.shutsDown();
    peer.skips();
    peer.sends({ type: "SHUTDOWN_ACK" });
    expect(user.hears()).toContain("shutdown-complete");
  });
});
