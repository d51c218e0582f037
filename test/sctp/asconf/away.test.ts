import { describe, expect, it } from "vitest";
import type { InitAckChunk } from "../../../agents/sctp/wire/index.ts";
import { Bench } from "../handshake/bench.ts";
import { asconfIn, change, extensions, us, usToo } from "./asconf-stage.ts";

const withAsconf = { parameters: [{ type: "SUPPORTED_EXTENSIONS", chunkTypes: [0xc1, 0x80] }] } as const;

const listedIn = ({ parameters }: InitAckChunk): string[] =>
  parameters.flatMap((each) => (each.type === "IPV4_ADDRESS" ? [each.address] : []));

function benchWithoutUsToo(): Bench {
  const bench = new Bench({ extensions, asconfWithoutAuthentication: true });
  bench.endpoint.setAway([usToo], bench.nowMs);
  return bench;
}

describe("an address of ours at which nobody is", () => {
  it("is not listed in INIT ACK, and announced when somebody comes", () => {
    const bench = benchWithoutUsToo();
    const { initAck, echo } = bench.handshake(withAsconf);
    const tag = initAck.initiateTag;
    // A single address is the one that the packet comes from.
    expect(listedIn(initAck)).toEqual([]);
    bench.give([echo], { tag });
    expect(bench.state(tag).agreement.localAddresses).toEqual([us]);
    bench.endpoint.setAway([], bench.nowMs);
    expect(asconfIn(bench.sent()).asconf.parameters).toEqual([change("ADD_IP_ADDRESS", usToo)]);
  });

  it("is announced with the set-up where somebody came after INIT ACK", () => {
    const bench = benchWithoutUsToo();
    const { initAck, echo } = bench.handshake(withAsconf);
    const tag = initAck.initiateTag;
    bench.endpoint.setAway([], bench.nowMs);
    expect(bench.sent()).toEqual([]);
    const sent = bench.give([echo], { tag });
    expect(sent[0]?.chunks[0]?.type).toBe("COOKIE_ACK");
    expect(bench.state(tag).agreement.localAddresses).toEqual([us]);
    const all = sent.flatMap(({ chunks }) => chunks).filter(({ type }) => type === "ASCONF");
    expect(all).toMatchObject([{ parameters: [change("ADD_IP_ADDRESS", usToo)] }]);
  });

  it("is listed to a peer that cannot be told of it later", () => {
    const bench = benchWithoutUsToo();
    const { initAck, echo } = bench.handshake();
    expect(listedIn(initAck)).toEqual([us, usToo]);
    bench.give([echo], { tag: initAck.initiateTag });
    expect(bench.state(initAck.initiateTag).agreement.localAddresses).toEqual([us, usToo]);
    bench.endpoint.setAway([], bench.nowMs);
    expect(bench.sent()).toEqual([]);
  });

  it("is known to the peer of an association from before, which hears nothing", () => {
    const bench = new Bench({ extensions, asconfWithoutAuthentication: true });
    const tag = bench.accept(withAsconf);
    bench.endpoint.setAway([usToo], bench.nowMs);
    bench.endpoint.setAway([], bench.nowMs);
    expect(bench.sent()).toEqual([]);
    expect(bench.state(tag).agreement.localAddresses).toEqual([us, usToo]);
  });
});
