import { describe, expect, it } from "vitest";
import type { IcmpReport } from "../../../agents/sctp/index.ts";
import { FULL, PEER, PEER_TOO, US, established, sending, start } from "./kit.ts";
import type { Script } from "./kit.ts";
import { data, init, sack } from "./sketches.ts";

/** ICMP about the packet that the endpoint sent last, of which it quotes `quotedBytes`. */
function reports(
  { peer }: Script,
  kind: IcmpReport["kind"],
  packet: { readonly bytes: Uint8Array },
  fields: { readonly mtuBytes?: number; readonly quotedBytes?: number; readonly tag?: number } = {},
): void {
  const quoted = packet.bytes.slice(0, fields.quotedBytes ?? packet.bytes.length);
  if (fields.tag !== undefined) new DataView(quoted.buffer).setUint32(4, fields.tag);
  const route = { local: US, remote: PEER };
  const { mtuBytes } = fields;
  const report = { kind, quoted, route, ...(mtuBytes === undefined ? {} : { mtuBytes }) };
  peer.step(() => peer.endpoint.receiveIcmp(report, peer.nowMs));
}

/** Established, with one DATA packet on its way. */
function underway(parameters = {}): { script: Script; packet: { readonly bytes: Uint8Array } } {
  const script = established({ parameters });
  script.user.sends(FULL);
  return { script, packet: script.peer.skips()[0]! };
}

/** COOKIE-WAIT, with the INIT on its way. */
function calling(): { script: Script; packet: { readonly bytes: Uint8Array } } {
  const script = start();
  script.user.connects();
  const packet = script.peer.arrivals[0]!;
  script.peer.takesInit();
  return { script, packet };
}

describe("10 ICMP", () => {
  it("ICMP8: protocol unreachable for a packet of the association ends it like an ABORT", () => {
    const { script, packet } = underway();
    reports(script, "protocol-unreachable", packet);
    expect(script.user.state).toBe("closed");
    expect(script.user.hears()).toContain("comm-lost");
    script.peer.getsNothingFor(100_000);
  });

  it("ICMP8: eight quoted bytes, which hold the tag, are enough for that", () => {
    const { script, packet } = underway();
    reports(script, "protocol-unreachable", packet, { quotedBytes: 8 });
    expect(script.user.state).toBe("closed");
  });

  it("ICMP8: protocol unreachable for the INIT ends the attempt", () => {
    const { script, packet } = calling();
    reports(script, "protocol-unreachable", packet);
    expect(script.user.hears()).toEqual(["cant-start"]);
    script.peer.getsNothingFor(100_000);
  });

  it("ICMP6: tag 0 without enough bytes to see the INIT is discarded", () => {
    const { script, packet } = calling();
    reports(script, "protocol-unreachable", packet, { quotedBytes: 12 });
    expect(script.user.hears()).toEqual([]);
    script.peer.getsAfter(1000, init());
  });

  it("ICMP6: an INIT with another Initiate Tag is discarded", () => {
    const { script, packet } = calling();
    const bytes = packet.bytes.slice();
    bytes[16]! ^= 0xff;
    reports(script, "protocol-unreachable", { bytes });
    expect(script.user.hears()).toEqual([]);
    script.peer.getsAfter(1000, init());
  });

  it("ICMP6: another verification tag is discarded", () => {
    const { script, packet } = underway();
    reports(script, "protocol-unreachable", packet, { tag: 0x12345678 });
    reports(script, "packet-too-big", packet, { tag: 0x12345678, mtuBytes: 600 });
    expect(script.user.state).toBe("established");
    script.peer.sends(sack(1));
    script.user.sends(FULL);
    script.peer.gets(data(2, { size: FULL }));
  });

  it("ICMP6: our own tag is not the peer's", () => {
    const { script, packet } = underway();
    reports(script, "protocol-unreachable", packet, { tag: script.peer.theirTag });
    expect(script.user.state).toBe("established");
  });

  it("ICMP5: what belongs to no association is ignored", () => {
    const { script } = underway();
    const other = underway();
    const bytes = other.packet.bytes.slice();
    // Another destination port.
    bytes[3]! ^= 1;
    reports(script, "protocol-unreachable", { bytes });
    expect(script.user.state).toBe("established");
  });

  it("ICMP3: port unreachable is ignored", () => {
    const { script, packet } = underway();
    reports(script, "port-unreachable", packet);
    expect(script.user.state).toBe("established");
    expect(script.user.hears()).toEqual([]);
  });

  it("ICMP2: host or net unreachable ends nothing", () => {
    const { script, packet } = underway();
    reports(script, "unreachable", packet);
    expect(script.user.state).toBe("established");
  });

  it("less than eight quoted bytes are ignored", () => {
    for (const quotedBytes of [0, 4, 7]) {
      const { script, packet } = underway();
      reports(script, "protocol-unreachable", packet, { quotedBytes });
      expect(script.user.state).toBe("established");
    }
  });
});

describe("7.3 and ICMP7 the path MTU", () => {
  const searching = { pathMtuDiscovery: true, largestPacketBytes: 1012 };

  it("packet too big makes the packets of the path smaller", () => {
    const { script, packet } = underway(searching);
    const { peer, user } = script;
    reports(script, "packet-too-big", packet, { mtuBytes: 700 });
    peer.sends(sack(1));
    user.sends(2000);
    const sizes = peer.skips().map(({ sizeBytes }) => sizeBytes);
    expect(sizes.length).toBeGreaterThan(2);
    // 20 bytes of IPv4 leave 680.
    expect(Math.max(...sizes)).toBeLessThanOrEqual(680);
    expect(peer.path().packetSizeBytes).toBeLessThanOrEqual(680);
  });

  it("each path has an MTU of its own, and messages are cut for the smallest", () => {
    const script = established({ peerAddresses: [PEER, PEER_TOO], parameters: searching });
    const { peer, user } = script;
    user.sends(FULL);
    const packet = peer.skips().find(({ chunks }) => chunks.some(({ type }) => type === "DATA"))!;
    peer.sends(sack(1));
    peer.step(() => peer.endpoint.setPrimary(peer.handle, PEER_TOO));
    const route = { local: US, remote: PEER };
    const report = { kind: "packet-too-big", mtuBytes: 700, quoted: packet.bytes, route } as const;
    peer.step(() => peer.endpoint.receiveIcmp(report, peer.nowMs));
    expect(peer.path(PEER).packetSizeBytes).toBeLessThanOrEqual(680);
    expect(peer.path(PEER_TOO).packetSizeBytes).toBeGreaterThan(680);
    user.sends(2000);
    const sizes = peer.skips().flatMap(({ chunks }) => chunks.map(({ size }) => Number(size)));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(680 - 12 - 16);
  });

  it("6.2 a SACK with many gap blocks keeps to it", () => {
    const { script, packet } = underway(searching);
    const { peer } = script;
    reports(script, "packet-too-big", packet, { mtuBytes: 700 });
    peer.sends(sack(1));
    for (let tsn = 3; tsn < 600; tsn += 2) peer.sends(data(tsn, { size: 1 }));
    expect(Math.max(...peer.skips().map(({ sizeBytes }) => sizeBytes))).toBeLessThanOrEqual(680);
  });

  it("it never makes them larger", () => {
    const { script, packet } = underway(searching);
    reports(script, "packet-too-big", packet, { mtuBytes: 9000 });
    script.peer.sends(sack(1));
    script.user.sends(3000);
    expect(Math.max(...script.peer.skips().map(({ sizeBytes }) => sizeBytes))).toBeLessThanOrEqual(1012);
  });

  it("it does not make them smaller than can be useful", () => {
    const { script, packet } = underway(searching);
    reports(script, "packet-too-big", packet, { mtuBytes: 60 });
    script.peer.sends(sack(1));
    script.user.sends(3000);
    expect(script.peer.skips().length).toBeLessThan(10);
  });

  it("what was cut for the larger MTU is sent again as it is", () => {
    const { script, packet } = underway(searching);
    reports(script, "packet-too-big", packet, { mtuBytes: 700 });
    const again = script.peer.skips(1000).flatMap(({ chunks }) => chunks);
    expect(again).toMatchObject([data(1, { size: FULL })]);
  });

  it("with a fixed MTU the operator is right, whatever ICMP says", () => {
    const { script, packet } = underway();
    reports(script, "packet-too-big", packet, { mtuBytes: 700 });
    script.peer.sends(sack(1));
    script.user.sends(FULL);
    script.peer.gets(data(2, { size: FULL }));
  });

  it("with a fixed MTU nothing is probed", () => {
    const { peer, user } = sending(1);
    peer.sends(sack(1));
    user.hears();
    peer.getsNothingFor(1e6);
  });
});
