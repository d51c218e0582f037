import { describe, expect, it } from "vitest";
import { PEER, PEER_TOO, established, start } from "./kit.ts";
import { cookieAck, cookieEcho, data, heartbeat, init, initAck, sack } from "./sketches.ts";

/** An association whose peer has sent from UDP port 40,000 so far. */
function encapsulated() {
  const script = start();
  const { peer, user } = script;
  peer.calls({}, { remotePort: 40_000 });
  peer.takesInitAck();
  peer.sendsPacket({ remotePort: 40_000, chunks: [cookieEcho()] });
  peer.skips();
  user.hears();
  return script;
}

describe("RFC 6951 section 5.4, UDP ports", () => {
  it("INIT ACK goes to the UDP port from which INIT came", () => {
    const { peer } = start();
    peer.calls({}, { remotePort: 41_000 });
    expect(peer.arrivals).toMatchObject([{ remotePort: 41_000, chunks: [initAck()] }]);
  });

  it("COOKIE ACK and all that follows go to the port from which COOKIE ECHO came", () => {
    const { peer, user } = start();
    peer.calls({}, { remotePort: 41_000 });
    peer.takesInitAck();
    peer.sendsPacket({ remotePort: 42_000, chunks: [cookieEcho()] });
    expect(peer.arrivals).toMatchObject([{ remotePort: 42_000, chunks: [cookieAck()] }]);
    peer.skips();
    user.sends(10);
    expect(peer.arrivals).toMatchObject([{ remotePort: 42_000, chunks: [data(1)] }]);
  });

  it("a packet with the right tag from another port moves the association there", () => {
    const { peer, user } = encapsulated();
    peer.sendsPacket({ remotePort: 43_000, chunks: [heartbeat()] });
    peer.skips();
    user.sends(10);
    expect(peer.arrivals).toMatchObject([{ remotePort: 43_000, chunks: [data(1)] }]);
  });

  it("a packet with a wrong tag moves nothing", () => {
    const { peer, user } = encapsulated();
    peer.sendsPacket({ remotePort: 44_000, tag: 0x1234, chunks: [heartbeat()] });
    peer.skips();
    user.sends(10);
    expect(peer.arrivals).toMatchObject([{ remotePort: 40_000, chunks: [data(1)] }]);
  });

  it("a packet with a bad checksum moves nothing", () => {
    const { peer, user } = encapsulated();
    const other = established();
    other.user.sends(10);
    const bytes = other.peer.arrivals[0]!.bytes.slice();
    new DataView(bytes.buffer).setUint32(4, peer.theirTag);
    peer.sendsBytes(bytes, { remotePort: 44_000 });
    user.sends(10);
    expect(peer.arrivals).toMatchObject([{ remotePort: 40_000, chunks: [data(1)] }]);
  });

  it("an INIT beside the association moves nothing until its cookie comes back", () => {
    const { peer, user } = encapsulated();
    peer.calls({ initiateTag: 77 }, { remotePort: 45_000 });
    expect(peer.skips()).toMatchObject([{ remotePort: 45_000, chunks: [initAck()] }]);
    user.sends(10);
    expect(peer.arrivals).toMatchObject([{ remotePort: 40_000, chunks: [data(1)] }]);
  });

  it("an answer to what is out of the blue goes to the port that it came from", () => {
    const { peer } = start();
    peer.sendsPacket({ tag: 99, remotePort: 46_000, chunks: [data(1)] });
    expect(peer.arrivals).toMatchObject([{ remotePort: 46_000 }]);
  });

  it("each address has a port of its own", () => {
    const { peer, user } = start({ peerAddresses: [PEER, PEER_TOO] });
    peer.calls({}, { remotePort: 40_000 });
    peer.takesInitAck();
    peer.sendsPacket({ remotePort: 40_000, chunks: [cookieEcho()] });
    peer.answersHeartbeats();
    peer.sendsPacket({ from: PEER_TOO, remotePort: 50_000, chunks: [heartbeat()] });
    peer.skips(1000);
    user.hears();
    user.sends(10);
    expect(peer.arrivals).toMatchObject([{ to: PEER, remotePort: 40_000, chunks: [data(1)] }]);
    const alternate = peer.skips(1000).find((packet) => packet.to === PEER_TOO);
    expect(alternate).toMatchObject({ remotePort: 50_000, chunks: [data(1)] });
  });

  it("the endpoint that calls uses the configured port until the peer has answered", () => {
    const { peer, user } = start();
    user.connects();
    expect(peer.arrivals).toMatchObject([{ remotePort: undefined, chunks: [init()] }]);
    peer.takesInit();
    peer.sendsPacket({ remotePort: 47_000, chunks: [initAck()] });
    expect(peer.arrivals).toMatchObject([{ remotePort: 47_000, chunks: [cookieEcho()] }]);
    peer.skips();
    peer.sendsPacket({ remotePort: 47_000, chunks: [cookieAck()] });
    user.sends(10);
    expect(peer.arrivals).toMatchObject([{ remotePort: 47_000, chunks: [data(1)] }]);
    peer.sendsPacket({ remotePort: 47_000, chunks: [sack(1)] });
  });
});
