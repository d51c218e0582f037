import { describe, expect, it } from "vitest";
import { noExtensions } from "../../../agents/sctp/index.ts";
import { FULL, full, receiving, start } from "./kit.ts";
import type { Setting } from "./kit.ts";
import type { Sketch } from "./sketches.ts";
import { data, initAck, sack } from "./sketches.ts";

/** RFC 9260 reserves the chunks of ECN; how they are used is in appendix A of RFC 4960. */
const capable: Setting = {
  peerParameters: [{ type: "ECN_CAPABLE" }],
  parameters: { extensions: { ...noExtensions, ecn: true } },
};
const ecne = (lowestTsn: number): Sketch => ({ type: "ECNE", lowestTsn });
const cwr = (lowestTsn: number): Sketch => ({ type: "CWR", lowestTsn });

const parameterTypes = (chunk: Sketch): string[] =>
  (chunk["parameters"] as readonly { readonly type: string }[]).map(({ type }) => type);

describe("RFC 4960 appendix A, ECN", () => {
  it("is offered in INIT and INIT ACK where it is wanted, and only then", () => {
    const wanted = start(capable);
    wanted.user.connects();
    expect(parameterTypes(wanted.peer.takesInit())).toContain("ECN_CAPABLE");
    wanted.peer.calls();
    expect(parameterTypes(wanted.peer.takesInitAck())).toContain("ECN_CAPABLE");
    const plain = start();
    plain.user.connects();
    expect(parameterTypes(plain.peer.takesInit())).not.toContain("ECN_CAPABLE");
  });

  it("a peer that offers it meets one that does not", () => {
    const { peer } = start({ peerParameters: [{ type: "ECN_CAPABLE" }] });
    peer.calls();
    peer.gets(initAck());
  });

  it("a marked packet is echoed with each SACK until CWR comes", () => {
    const { peer } = receiving(capable);
    peer.sendsPacket({ chunks: [data(2, { immediate: true })], marked: true });
    peer.gets([ecne(2), sack(2)]);
    peer.sends(data(3, { immediate: true }));
    peer.gets([ecne(2), sack(3)]);
    peer.sends(cwr(2), data(4, { immediate: true }));
    peer.gets(sack(4));
  });

  it("it names the lowest TSN of the packet", () => {
    const { peer } = receiving(capable);
    peer.sendsPacket({ chunks: [data(2), data(3, { immediate: true })], marked: true });
    peer.gets([ecne(2), sack(3)]);
  });

  it("a CWR for what came before the mark does not end it", () => {
    const { peer } = receiving(capable);
    peer.sendsPacket({ chunks: [data(2, { immediate: true })], marked: true });
    peer.skips();
    peer.sends(cwr(1), data(3, { immediate: true }));
    peer.gets([ecne(2), sack(3)]);
  });

  it("without agreement a mark means nothing", () => {
    const { peer } = receiving();
    peer.sendsPacket({ chunks: [data(2, { immediate: true })], marked: true });
    peer.gets(sack(2));
  });

  it("ECNE halves the window, and is answered by CWR", () => {
    const { peer } = full(16, capable);
    peer.sends(ecne(1), sack(0));
    peer.gets(cwr(1));
    expect(peer.path()).toMatchObject({ windowBytes: 8000, slowStartThresholdBytes: 8000 });
  });

  it("ECNE that comes again is answered again, and halves nothing", () => {
    const { peer } = full(16, capable);
    peer.sends(ecne(1));
    peer.skips();
    peer.sends(ecne(1));
    peer.gets(cwr(1));
    // TSN 16 was sent before the window was halved: the same window of data.
    peer.sends(ecne(16));
    peer.skips();
    expect(peer.cwnd).toBe(8000);
  });

  it("ECNE for what was sent after that halves it again", () => {
    const { peer, user } = full(16, capable);
    peer.sends(ecne(1));
    peer.sends(sack(16));
    user.sends(FULL, FULL);
    peer.skips();
    const before = peer.cwnd;
    peer.sends(ecne(17));
    expect(peer.cwnd).toBe(Math.max(before / 2, 4000));
  });

  it("ECNE for what was never sent does nothing", () => {
    const { peer, user } = full(16, capable);
    peer.sends(ecne(17));
    expect(peer.cwnd).toBe(16_000);
    expect(user.state).toBe("established");
  });
});
