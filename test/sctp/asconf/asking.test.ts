import { describe, expect, it } from "vitest";
import { decodeUpdate } from "../../../agents/replica/index.ts";
import { encodeUpdate } from "../../../agents/replica/update-codec.ts";
import { Endpoint, applyUpdate, cloneAssociationState, seededRandom } from "../../../agents/sctp/index.ts";
import type { Chunk, Parameter } from "../../../agents/sctp/wire/index.ts";
import { Bench, types } from "../handshake/bench.ts";
import { AsconfStage, added, asconfIn, change, ours, peer, peerToo, us, usToo } from "./asconf-stage.ts";
import { numbered as data } from "../rx/chunks.ts";

const errorFor = (
  correlationId: number,
  type: "RESOURCE_SHORTAGE" | "UNRECOGNIZED_PARAMETERS",
): Parameter => ({
  type: "ERROR_CAUSE_INDICATION",
  correlationId,
  causes: [
    type === "RESOURCE_SHORTAGE"
      ? { type, code: 0x00a1, value: new Uint8Array(0) }
      : { type, code: 8, value: new Uint8Array(0) },
  ],
});

describe("an address of ours (RFC 5061 sections 5.1 and 5.3)", () => {
  it("is added: nothing but ASCONF leaves from it before the peer has said so", () => {
    const stage = new AsconfStage();
    const { bench, tag } = stage;
    const firstSerial = bench.state(tag).agreement.localInitialTsn;
    expect(bench.endpoint.addAddress(tag, ours, bench.nowMs)).toBe("accepted");
    const { asconf, from, to } = asconfIn(bench.sent());
    expect(asconf).toEqual({
      type: "ASCONF",
      serialNumber: firstSerial,
      address: { type: "IPV4_ADDRESS", address: us },
      parameters: [change("ADD_IP_ADDRESS", ours)],
    });
    expect([from, to]).toEqual([us, peer]);
    // The peer may use it at once, and what it sends there is taken in.
    expect(stage.give([data(0)], { to: ours }).map((each) => each.chunks[0]?.type)).toEqual(["SACK"]);
    expect(stage.send()[0]?.from).toBe(us);
    expect(stage.localAddresses).toEqual([us, usToo]);
    expect(stage.acknowledge()).toEqual([]);
    expect(stage.localAddresses).toEqual([us, usToo, ours]);
    expect(stage.told).toEqual([["add", ours, true]]);
    stage.give([data(1)], { to: ours });
    expect(stage.send()[0]?.from).toBe(ours);
  });

  it("is deleted: nothing leaves from it from then on, ASCONF neither", () => {
    const stage = new AsconfStage();
    const { bench, tag } = stage;
    stage.give([data(0)], { to: us });
    bench.endpoint.useOtherAddresses(true);
    expect(bench.endpoint.removeAddress(tag, us, bench.nowMs)).toBe("accepted");
    const { asconf, from } = asconfIn(bench.sent());
    expect(asconf.parameters).toEqual([change("DELETE_IP_ADDRESS", us)]);
    expect(from).toBe(usToo);
    stage.give([{ type: "ABORT", tagReflected: false, causes: [] }], { to: us });
    expect(bench.state(tag).phase).toBe("established");
    stage.acknowledge([], { to: usToo });
    expect(stage.localAddresses).toEqual([usToo]);
    expect(stage.told).toEqual([["delete", us, true]]);
  });

  it("is added: an ABORT out of the blue still answers what left there before it was deleted, any other ends it", () => {
    const stage = new AsconfStage();
    const { bench, tag } = stage;
    bench.endpoint.addAddress(tag, ours, bench.nowMs);
    bench.sent();
    const peerTag = bench.state(tag).agreement.peerTag;
    bench.give([{ type: "ABORT", tagReflected: true, causes: [] }], { to: ours, tag: peerTag });
    expect(bench.state(tag).phase).toBe("established");
    stage.give([{ type: "ABORT", tagReflected: false, causes: [] }], { to: ours });
    expect(bench.endpoint.state(tag)).toBeUndefined();
  });

  it("is deleted and added again at once: so it is for two RTOs after the deletion", () => {
    for (const laterMs of [1999, 2000]) {
      const stage = new AsconfStage();
      const { bench, tag } = stage;
      const { peerTag } = bench.state(tag).agreement;
      const reflected: Chunk = { type: "ABORT", tagReflected: true, causes: [] };
      bench.endpoint.removeAddress(tag, usToo, bench.nowMs);
      bench.sent();
      stage.acknowledge();
      bench.endpoint.addAddress(tag, usToo, bench.nowMs);
      bench.sent();
      stage.acknowledge();
      expect(stage.localAddresses).toEqual([us, usToo]);
      bench.endpoint = Endpoint.restore(bench.endpoint.snapshot(), bench.config, seededRandom(1));
      bench.nowMs += laterMs;
      bench.give([reflected], { to: usToo, tag: peerTag });
      expect(bench.endpoint.state(tag)?.phase).toBe(laterMs < 2000 ? "established" : undefined);
    }
  });

  it("takes the place of the only one: one ASCONF from the new address, found by the old one", () => {
    const bench = new Bench({ ...new AsconfStage().bench.config.parameters }, { localAddresses: [us] });
    const tag = bench.accept({ parameters: [{ type: "SUPPORTED_EXTENSIONS", chunkTypes: [0xc1, 0x80] }] });
    expect(bench.endpoint.removeAddress(tag, us, bench.nowMs)).toBe("last-address");
    expect(bench.endpoint.addAddress(tag, ours, bench.nowMs)).toBe("accepted");
    expect(bench.endpoint.removeAddress(tag, us, bench.nowMs)).toBe("accepted");
    const { asconf, from } = asconfIn(bench.sent());
    expect(from).toBe(ours);
    expect(asconf.address.address).toBe(us);
    expect(asconf.parameters).toEqual([
      change("ADD_IP_ADDRESS", ours, 1),
      change("DELETE_IP_ADDRESS", us, 2),
    ]);
    const { serialNumber } = asconf;
    bench.give([{ type: "ASCONF_ACK", serialNumber, parameters: [] }], { tag, to: ours });
    expect(bench.state(tag).agreement.localAddresses).toEqual([ours]);
    bench.endpoint.send(
      tag,
      { streamId: 0, ppid: 0, unordered: false, payload: new Uint8Array(4) },
      bench.nowMs,
    );
    expect(bench.sent()[0]?.from).toBe(ours);
  });

  it("is asked to be the peer's primary one", () => {
    const stage = new AsconfStage();
    expect(stage.bench.endpoint.setPeerPrimary(stage.tag, usToo, stage.bench.nowMs)).toBe("accepted");
    expect(asconfIn(stage.bench.sent()).asconf.parameters).toEqual([change("SET_PRIMARY_ADDRESS", usToo)]);
    stage.acknowledge();
    expect(stage.told).toEqual([["set-primary", usToo, true]]);
  });

  it("is refused by the peer: everything is as before", () => {
    const stage = new AsconfStage();
    const { bench, tag } = stage;
    bench.endpoint.useOtherAddresses(true);
    bench.endpoint.addAddress(tag, ours, bench.nowMs);
    bench.endpoint.removeAddress(tag, usToo, bench.nowMs);
    bench.sent();
    stage.acknowledge([errorFor(1, "RESOURCE_SHORTAGE")]);
    expect(stage.told).toEqual([
      ["add", ours, false],
      ["delete", usToo, false],
    ]);
    expect(stage.localAddresses).toEqual([us, usToo]);
    expect(bench.endpoint.snapshot().associations[0]?.sources).toEqual([us, usToo]);
    expect(bench.endpoint.addAddress(tag, ours, bench.nowMs)).toBe("accepted");
  });

  it("counts as done before a failure and behind it where the peer says so", () => {
    const stage = new AsconfStage();
    const { endpoint, nowMs } = stage.bench;
    for (const address of [ours, added, "192.0.2.15", "192.0.2.16"])
      endpoint.addAddress(stage.tag, address, nowMs);
    stage.bench.sent();
    stage.acknowledge([errorFor(2, "RESOURCE_SHORTAGE"), { type: "SUCCESS_INDICATION", correlationId: 4 }]);
    expect(stage.told).toEqual([
      ["add", ours, true],
      ["add", added, false],
      ["add", "192.0.2.15", false],
      ["add", "192.0.2.16", true],
    ]);
  });

  it.each([
    ["known", (e: Endpoint, tag: number) => e.addAddress(tag, us, 0), "known-address"],
    ["unknown", (e: Endpoint, tag: number) => e.removeAddress(tag, ours, 0), "unknown-address"],
    ["unknown as primary", (e: Endpoint, tag: number) => e.setPeerPrimary(tag, ours, 0), "unknown-address"],
    ["of no association", (e: Endpoint) => e.addAddress(1, ours, 0), "not-connected"],
  ])("that is %s is answered at once", (_, act, reply) => {
    const stage = new AsconfStage();
    expect(act(stage.bench.endpoint, stage.tag)).toBe(reply);
    expect(stage.bench.sent()).toEqual([]);
  });

  it("needs a peer that can", () => {
    const bench = new Bench();
    expect(bench.endpoint.addAddress(bench.accept(), ours, bench.nowMs)).toBe("not-supported");
  });

  it("is not asked for again where the peer does not understand it", () => {
    const stage = new AsconfStage();
    const { bench, tag } = stage;
    bench.endpoint.setPeerPrimary(tag, us, bench.nowMs);
    bench.sent();
    stage.acknowledge([errorFor(1, "UNRECOGNIZED_PARAMETERS")]);
    expect(bench.endpoint.setPeerPrimary(tag, us, bench.nowMs)).toBe("not-supported");
    bench.endpoint.addAddress(tag, ours, bench.nowMs);
    bench.sent();
    stage.acknowledge([errorFor(1, "UNRECOGNIZED_PARAMETERS")]);
    expect(bench.endpoint.removeAddress(tag, us, bench.nowMs)).toBe("not-supported");
    const other = new AsconfStage();
    other.bench.endpoint.addAddress(other.tag, ours, other.bench.nowMs);
    other.bench.sent();
    const cause = { type: "UNRECOGNIZED_CHUNK_TYPE", code: 6, value: Uint8Array.of(0xc1, 0, 0, 8) } as const;
    other.give([{ type: "ERROR", causes: [cause] }]);
    expect(other.told).toContainEqual(["add", ours, false]);
    expect(other.bench.endpoint.addAddress(other.tag, added, other.bench.nowMs)).toBe("not-supported");
    expect(other.bench.nextDeadline()).toEqual([]);
  });
});

describe("ASCONF on its way (RFC 5061 section 5.1)", () => {
  it("is alone: what is wanted meanwhile waits, and goes together then", () => {
    const stage = new AsconfStage();
    const { bench, tag } = stage;
    const numbers: number[] = [];
    bench.endpoint.addAddress(tag, ours, bench.nowMs);
    numbers.push(asconfIn(bench.sent()).asconf.serialNumber);
    bench.endpoint.addAddress(tag, added, bench.nowMs);
    bench.endpoint.setPeerPrimary(tag, usToo, bench.nowMs);
    expect(bench.sent()).toEqual([]);
    const { asconf } = asconfIn(stage.acknowledge());
    numbers.push(asconf.serialNumber);
    expect(asconf.parameters).toEqual([
      change("ADD_IP_ADDRESS", added, 1),
      change("SET_PRIMARY_ADDRESS", usToo, 2),
    ]);
    expect((numbers[1]! - numbers[0]!) >>> 0).toBe(1);
    for (let count = 0; count < 8; count++) bench.endpoint.addAddress(tag, `10.0.0.${count}`, bench.nowMs);
    expect(bench.endpoint.addAddress(tag, "10.0.0.9", bench.nowMs)).toBe("busy");
  });

  it("is sent again unchanged, on the other path, after twice the time, and ends the association at last", () => {
    const stage = new AsconfStage({ associationMaxRetrans: 6 });
    const { bench, tag } = stage;
    bench.endpoint.addAddress(tag, ours, bench.nowMs);
    const { asconf } = asconfIn(bench.sent());
    const start = bench.nowMs;
    const sent: [string, number][] = [];
    for (let count = 0; count < 40 && bench.endpoint.state(tag) !== undefined; count++) {
      for (const packet of bench.nextDeadline()) {
        const again = packet.chunks.find(({ type }) => type === "ASCONF");
        if (again === undefined) continue;
        expect(again).toEqual(asconf);
        sent.push([packet.to, bench.nowMs - start]);
      }
    }
    expect(sent.slice(0, 3).map(([to]) => to)).toEqual([peerToo, peer, peerToo]);
    expect(sent.slice(0, 2).map(([, atMs]) => atMs)).toEqual([1000, 2000]);
    expect(bench.changes(tag)).toEqual(["comm-lost"]);
  });

  it("goes on on another computer, and its answer is understood there", () => {
    const stage = new AsconfStage();
    const { bench, tag } = stage;
    const held = cloneAssociationState(bench.state(tag));
    bench.endpoint.addAddress(tag, ours, bench.nowMs);
    const { updates, packets } = bench.endpoint.takeOutputs();
    for (const { update } of updates) {
      const copy = decodeUpdate(encodeUpdate(update));
      expect(copy).toEqual(update);
      if (copy !== undefined) applyUpdate(held, copy);
    }
    expect(held).toEqual(bench.state(tag));
    expect(packets.at(-1)?.dependsOn).toBe(held.sequence);
    const other = new Bench(bench.config.parameters);
    other.endpoint.resume(held, other.nowMs);
    const { asconf } = asconfIn(other.sent());
    const { serialNumber } = asconf;
    other.give([{ type: "ASCONF_ACK", serialNumber, parameters: [] }], { tag });
    const state = other.state(tag);
    expect(state.agreement.localAddresses).toEqual([us, usToo, ours]);
    const opened = { kind: "opened", state: cloneAssociationState(state) } as const;
    expect(decodeUpdate(encodeUpdate(opened))).toEqual(opened);
  });

  it("goes on after a snapshot", () => {
    const stage = new AsconfStage();
    stage.bench.endpoint.addAddress(stage.tag, ours, stage.bench.nowMs);
    const first = asconfIn(stage.bench.sent()).asconf;
    stage.bench.endpoint = Endpoint.restore(
      stage.bench.endpoint.snapshot(),
      stage.bench.config,
      seededRandom(1),
    );
    expect(asconfIn(stage.bench.nextDeadline()).asconf).toEqual(first);
  });
});

describe("ASCONF-ACK", () => {
  it("of what was never sent ends the association (section 5.3, F0)", () => {
    for (const ahead of [0, 1, 0x7fffffff]) {
      const stage = new AsconfStage();
      const { nextSerial } = stage.bench.state(stage.tag).asconf;
      const out = stage.give([
        { type: "ASCONF_ACK", serialNumber: (nextSerial + ahead) >>> 0, parameters: [] },
      ]);
      expect(out[0]?.chunks).toMatchObject([{ type: "ABORT", causes: [{ type: "ILLEGAL_ASCONF_ACK" }] }]);
    }
  });

  it("of what is settled, or with a number that does not fit, is passed over", () => {
    const stage = new AsconfStage();
    const { bench, tag } = stage;
    bench.endpoint.addAddress(tag, ours, bench.nowMs);
    const { serialNumber } = asconfIn(bench.sent()).asconf;
    for (const other of [serialNumber - 1, serialNumber + 1]) {
      stage.give([{ type: "ASCONF_ACK", serialNumber: other >>> 0, parameters: [] }]);
    }
    expect(stage.told).toEqual([]);
    stage.acknowledge();
    expect(types(stage.give([{ type: "ASCONF_ACK", serialNumber, parameters: [] }]))).toEqual([]);
    expect(stage.told).toEqual([["add", ours, true]]);
  });
});
