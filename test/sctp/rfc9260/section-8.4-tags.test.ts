import { describe, expect, it } from "vitest";
import { PEER, receiving, start } from "./kit.ts";
import type { Peer } from "./kit.ts";
import type { Sketch } from "./sketches.ts";
import {
  abort,
  cookieAck,
  cookieEcho,
  data,
  error,
  heartbeat,
  heartbeatAck,
  init,
  initAck,
  outOfTheBlueAbort,
  sack,
  shutdown,
  shutdownAck,
  shutdownComplete,
  unknown,
  withTag,
} from "./sketches.ts";

const STRAY_TAG = 0x77777777;

const stray = (peer: Peer, ...chunks: readonly Sketch[]): void =>
  peer.sendsPacket({ tag: STRAY_TAG, chunks });

describe("8.4 out of the blue", () => {
  it("rule 1: from an address that is not unicast: silence", () => {
    for (const from of ["224.0.0.1", "255.255.255.255", "0.0.0.0"]) {
      const { peer } = start();
      peer.sendsPacket({ from, tag: STRAY_TAG, chunks: [data(1)] });
      peer.sendsPacket({ from, tag: 0, chunks: [init()] });
      peer.getsNothing();
    }
  });

  it("rule 1: to an address that is not unicast: silence", () => {
    const { peer } = start();
    peer.sendsPacket({ to: "224.0.0.1", tag: STRAY_TAG, chunks: [data(1)] });
    peer.getsNothing();
  });

  it("rule 2: ABORT, wherever it is in the packet: silence", () => {
    const { peer } = start();
    stray(peer, abort());
    stray(peer, abort({ tagReflected: true }));
    stray(peer, data(1), abort());
    peer.getsNothing();
  });

  it("rule 3: INIT with tag 0 is treated as section 5.1 says", () => {
    const { peer } = start();
    peer.sendsPacket({ tag: 0, chunks: [init()] });
    peer.gets(initAck());
  });

  it("rule 3: where it is refused, ABORT has the tag of the INIT and no T bit", () => {
    const { peer } = start({ listening: false });
    peer.sendsPacket({ tag: 0, chunks: [init({ initiateTag: 99 })] });
    peer.gets(withTag(99, abort({ tagReflected: false })));
  });

  it("rule 4: COOKIE ECHO is treated as section 5.1 says: a bad cookie is discarded", () => {
    const { peer } = start();
    stray(peer, cookieEcho({ cookie: new Uint8Array(100) }));
    peer.getsNothing();
  });

  it("rule 5: SHUTDOWN ACK is answered by SHUTDOWN COMPLETE with the tag reflected", () => {
    const { peer } = start();
    stray(peer, shutdownAck());
    peer.gets(withTag(STRAY_TAG, shutdownComplete({ tagReflected: true })));
  });

  it("rule 6: SHUTDOWN COMPLETE: silence", () => {
    const { peer } = start();
    stray(peer, shutdownComplete());
    stray(peer, shutdownComplete({ tagReflected: true }));
    peer.getsNothing();
  });

  it("rule 7: ERROR with a stale cookie, and COOKIE ACK: silence", () => {
    const { peer } = start();
    stray(peer, error({ type: "STALE_COOKIE", code: 3, stalenessUs: 0 }));
    stray(peer, cookieAck());
    peer.getsNothing();
  });

  it.each([
    ["DATA", data(1)],
    ["SACK", sack(1)],
    ["HEARTBEAT", heartbeat()],
    ["HEARTBEAT ACK", heartbeatAck()],
    ["SHUTDOWN", shutdown(1)],
    ["ERROR", error({ type: "OUT_OF_RESOURCE", code: 4 })],
    ["an unknown chunk", unknown(200)],
  ])("rule 8: %s is answered by ABORT with the tag reflected", (_, chunk) => {
    const { peer } = start();
    stray(peer, chunk);
    peer.gets(withTag(STRAY_TAG, outOfTheBlueAbort));
  });

  it("rule 8: once for a packet, and nothing is kept", () => {
    const { peer } = start();
    stray(peer, data(1), data(2), sack(1), heartbeat());
    peer.gets(outOfTheBlueAbort);
    expect(peer.endpoint.nextDeadlineMs()).toBeUndefined();
  });

  it("a packet for an SCTP port where nobody is is out of the blue as well", () => {
    const { peer } = receiving();
    peer.sendsPacket({ destinationPort: 6001, chunks: [data(2)] });
    peer.gets(outOfTheBlueAbort);
    peer.sendsPacket({ sourcePort: 5001, chunks: [data(2)] });
    peer.gets(outOfTheBlueAbort);
  });

  it("12.3 an INIT with a tag that is not 0 is no matter for rule 8: silence, with company too", () => {
    const { peer, user } = start();
    stray(peer, init());
    stray(peer, init(), data(1));
    peer.getsNothing();
    user.connects();
    peer.takesInit();
    stray(peer, init());
    peer.getsNothing();
    peer.sends(initAck());
    peer.gets(cookieEcho());
  });

  it("the answer goes back to where the packet came from", () => {
    const { peer } = start();
    peer.sendsPacket({ from: "192.0.2.55", tag: STRAY_TAG, chunks: [data(1)] });
    peer.gets({ to: "192.0.2.55", chunks: [outOfTheBlueAbort] });
  });
});

describe("8.5 verification tags", () => {
  it("a packet of the peer with another tag changes nothing", () => {
    const { peer, user } = receiving();
    stray(peer, data(2));
    stray(peer, sack(0));
    stray(peer, shutdown(0));
    stray(peer, heartbeatAck());
    expect(user.takes()).toEqual([]);
    expect(user.state).toBe("established");
  });

  it("a packet of the peer with another tag is discarded without a word", () => {
    const { peer } = receiving();
    stray(peer, data(2));
    peer.getsNothing();
  });

  it("8.5.1 A: tag 0 is good for INIT alone", () => {
    const { peer, user } = receiving();
    peer.sendsPacket({ tag: 0, chunks: [data(2)] });
    peer.sendsPacket({ tag: 0, chunks: [heartbeat()] });
    peer.getsNothing();
    expect(user.takes()).toEqual([]);
  });

  it("12.3 an INIT with our tag or another one is discarded in an association, and all behind it", () => {
    const { peer, user } = receiving();
    peer.sends(init());
    peer.sends(init(), heartbeat());
    stray(peer, init());
    peer.getsNothing();
    // What stands before it counts.
    peer.sends(heartbeat(), init(), data(2), heartbeat());
    peer.gets(heartbeatAck());
    peer.getsNothing();
    expect(user.takes()).toEqual([]);
    expect(user.state).toBe("established");
  });

  it("8.5.1 B: ABORT with our tag and no T bit counts", () => {
    const { peer, user } = receiving();
    peer.sends(abort());
    expect(user.state).toBe("closed");
  });

  it("8.5.1 B: ABORT with the peer's tag and the T bit counts", () => {
    const { peer, user } = receiving();
    peer.sendsPacket({ tag: peer.tag, chunks: [abort({ tagReflected: true })] });
    expect(user.state).toBe("closed");
  });

  it("8.5.1 B: ABORT with our tag and the T bit, the peer's tag without, or another one is discarded", () => {
    const { peer, user } = receiving();
    peer.sendsPacket({ tag: peer.theirTag, chunks: [abort({ tagReflected: true })] });
    peer.sendsPacket({ tag: peer.tag, chunks: [abort()] });
    stray(peer, abort());
    stray(peer, abort({ tagReflected: true }));
    peer.getsNothing();
    expect(user.state).toBe("established");
  });

  it("8.5.1 C: SHUTDOWN COMPLETE outside of SHUTDOWN-ACK-SENT is ignored", () => {
    const { peer, user } = receiving();
    peer.sends(shutdownComplete());
    peer.sendsPacket({ tag: peer.tag, chunks: [shutdownComplete({ tagReflected: true })] });
    peer.getsNothing();
    expect(user.state).toBe("established");
  });

  it("8.5.1 D: COOKIE ECHO has the tag of INIT ACK", () => {
    const { peer, user } = start();
    user.connects();
    peer.takesInit();
    peer.sends(initAck({ initiateTag: 42 }));
    peer.gets(withTag(42, cookieEcho()));
  });

  it("a packet with our tag from an address that is not the peer's is not the peer's", () => {
    const { peer, user } = receiving();
    peer.sendsPacket({ from: "192.0.2.66", chunks: [abort()] });
    peer.sendsPacket({ from: "192.0.2.66", chunks: [data(2)] });
    expect(user.takes()).toEqual([]);
    expect(user.state).toBe("established");
    expect(peer.skips().every((packet) => packet.to !== PEER)).toBe(true);
  });
});
