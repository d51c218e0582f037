import { describe, expect, it } from "vitest";
import { tsnAdd } from "../../../agents/sctp/base/serial.ts";
import { Endpoint, cloneAssociationState, seededRandom } from "../../../agents/sctp/index.ts";
import { Bench, initOf, types, unknownParameter } from "../handshake/bench.ts";
import { AsconfStage, ackIn, added, change, peer, peerToo, refusal, us } from "./asconf-stage.ts";
import { numbered as data } from "../rx/chunks.ts";

describe("an ASCONF of the peer (RFC 5061 section 5.2)", () => {
  it("that adds an address is answered where it came from; the address is probed at once and gets nothing else", () => {
    const stage = new AsconfStage();
    const out = stage.give([stage.asconf([change("ADD_IP_ADDRESS", added)])], { from: peerToo });
    expect(ackIn(out)).toEqual({ type: "ASCONF_ACK", serialNumber: 1000, parameters: [] });
    expect(out.map(({ to, chunks }) => [to, chunks[0]?.type])).toEqual([
      [added, "HEARTBEAT"],
      [peerToo, "ASCONF_ACK"],
    ]);
    expect(stage.peerAddresses).toEqual([peer, peerToo, added]);
    expect(stage.bench.state(stage.tag).confirmedAddresses.has(added)).toBe(false);
    expect(stage.bench.endpoint.setPrimary(stage.tag, added)).toBe(false);
    stage.confirm(added);
    expect(stage.bench.endpoint.setPrimary(stage.tag, added)).toBe(true);
    expect(stage.send()[0]?.to).toBe(added);
    expect(stage.told).toEqual([
      [added, "added"],
      [added, "confirmed"],
      [added, "made-primary"],
    ]);
    expect(stage.give([data(0)], { from: added }).map(({ to }) => to)).toEqual([added]);
  });

  it("with the wildcard adds the address that it came from, and then that address is the peer's", () => {
    const stage = new AsconfStage();
    const ack = stage.ask([change("ADD_IP_ADDRESS", "0.0.0.0")], { from: added });
    expect(ack.parameters).toEqual([]);
    expect(stage.peerAddresses).toContain(added);
    expect(types(stage.give([{ type: "HEARTBEAT", info: new Uint8Array(4) }], { from: added }))).toEqual([
      "HEARTBEAT_ACK",
    ]);
    const init = stage.bench.give([initOf({ initiateTag: 99 })], { from: added });
    expect(types(init)).toEqual(["INIT_ACK"]);
  });

  it("from an address that is not known finds its association by the address in it, and only it counts", () => {
    const stage = new AsconfStage({}, [peer]);
    const asconf = stage.asconf([change("ADD_IP_ADDRESS", added, 1), change("DELETE_IP_ADDRESS", peer, 2)]);
    const out = stage.give([data(0), asconf], { from: added });
    expect(ackIn(out).parameters).toEqual([]);
    expect(new Set(out.map(({ to }) => to))).toEqual(new Set([added]));
    expect(stage.peerAddresses).toEqual([added]);
    expect(stage.bench.state(stage.tag).receive.cumulativeTsn).toBe(999);
    const foreign = new AsconfStage();
    const lookup = [change("ADD_IP_ADDRESS", added)];
    for (const [tag, address] of [
      [foreign.tag, "192.0.2.88"],
      [4711, peer],
    ] as const) {
      const answer = foreign.give([foreign.asconf(lookup, 1000, address)], { from: added, tag });
      expect(types(answer)).toEqual(["ABORT"]);
    }
    expect(foreign.peerAddresses).toEqual([peer, peerToo]);
  });

  it("that deletes an address: nothing goes there any more, and what was on the way goes elsewhere at once", () => {
    const stage = new AsconfStage();
    expect(stage.send(500).map(({ to }) => to)).toEqual([peer]);
    const out = stage.give([stage.asconf([change("DELETE_IP_ADDRESS", peer)])], { from: peerToo });
    expect(out.map(({ to }) => to)).toEqual(out.map(() => peerToo));
    expect(out.flatMap(({ chunks }) => chunks.map(({ type }) => type))).toEqual(["ASCONF_ACK", "DATA"]);
    expect(stage.peerAddresses).toEqual([peerToo]);
    expect(stage.bench.state(stage.tag).primaryAddress).toBe(peerToo);
    expect(types(stage.give([data(0)], { from: peer }))).toEqual(["ABORT"]);
    expect(stage.bench.state(stage.tag).phase).toBe("established");
    for (let count = 0; count < 5; count++) {
      for (const { to } of stage.bench.nextDeadline()) expect(to).toBe(peerToo);
    }
    expect(stage.told.slice(0, 1)).toEqual([[peer, "removed"]]);
  });

  it("with the wildcard deletes all addresses but the one that it came from", () => {
    const stage = new AsconfStage();
    stage.ask([change("ADD_IP_ADDRESS", added)]);
    stage.ask([change("DELETE_IP_ADDRESS", "0.0.0.0")], { from: peerToo });
    expect(stage.peerAddresses).toEqual([peerToo]);
  });

  it("that leaves only an address that is not confirmed: data waits until it is", () => {
    const stage = new AsconfStage({}, [peer]);
    stage.send(100);
    const out = stage.give(
      [stage.asconf([change("ADD_IP_ADDRESS", "0.0.0.0", 1), change("DELETE_IP_ADDRESS", peer, 2)])],
      { from: added },
    );
    expect(out.flatMap(({ chunks }) => chunks.map(({ type }) => type)).toSorted()).toEqual([
      "ASCONF_ACK",
      "HEARTBEAT",
    ]);
    const nonce = stage.bench.endpoint.snapshot().associations[0]!.paths[0]!.heartbeat!.nonce;
    const after = stage.give([{ type: "HEARTBEAT_ACK", info: nonce }], { from: added });
    expect(after).toMatchObject([{ to: added, chunks: [{ type: "DATA" }] }]);
  });

  it("that leaves only an address that is not confirmed: it is probed for ever, though heartbeats are off", () => {
    const stage = new AsconfStage({ pathMaxRetrans: 1 }, [peer]);
    const changes = [change("ADD_IP_ADDRESS", "0.0.0.0", 1), change("DELETE_IP_ADDRESS", peer, 2)];
    stage.give([stage.asconf(changes)], { from: added });
    const probes = Array.from({ length: 12 }, () => types(stage.bench.nextDeadline())).flat();
    expect(stage.told).toContainEqual([added, "unreachable"]);
    expect(probes.filter((each) => each === "HEARTBEAT").length).toBeGreaterThan(4);
    stage.confirm(added);
    expect(stage.send()).toMatchObject([{ to: added, chunks: [{ type: "DATA" }] }]);
  });

  it("that sets the primary address is followed, for a new address once it is confirmed", () => {
    const stage = new AsconfStage();
    expect(stage.ask([change("SET_PRIMARY_ADDRESS", peerToo)]).parameters).toEqual([]);
    expect(stage.bench.state(stage.tag).primaryAddress).toBe(peerToo);
    stage.ask([change("SET_PRIMARY_ADDRESS", "0.0.0.0")]);
    expect(stage.bench.state(stage.tag).primaryAddress).toBe(peer);
    stage.ask([change("ADD_IP_ADDRESS", added, 1), change("SET_PRIMARY_ADDRESS", added, 2)]);
    expect(stage.bench.state(stage.tag).primaryAddress).toBe(peer);
    const copy = Endpoint.restore(stage.bench.endpoint.snapshot(), stage.bench.config, seededRandom(3));
    for (const endpoint of [stage.bench.endpoint, copy]) {
      stage.bench.endpoint = endpoint;
      stage.confirm(added);
      expect(stage.bench.state(stage.tag).primaryAddress).toBe(added);
    }
    expect(stage.ask([change("SET_PRIMARY_ADDRESS", "192.0.2.88")])).toMatchObject({
      parameters: [refusal("UNRESOLVABLE_ADDRESS")],
    });
    expect(stage.bench.state(stage.tag).primaryAddress).toBe(added);
  });

  it.each([
    ["deletes the last address", [peer], [change("DELETE_IP_ADDRESS", peer)], "DELETE_LAST_ADDRESS"],
    [
      "deletes the address that it comes from",
      [peer, peerToo],
      [change("DELETE_IP_ADDRESS", peer)],
      "DELETE_SOURCE_ADDRESS",
    ],
    [
      "deletes what is not there",
      [peer, peerToo],
      [change("DELETE_IP_ADDRESS", added)],
      "UNRESOLVABLE_ADDRESS",
    ],
    ["adds a multicast address", [peer], [change("ADD_IP_ADDRESS", "224.0.0.5")], "UNRESOLVABLE_ADDRESS"],
    ["adds broadcast", [peer], [change("ADD_IP_ADDRESS", "255.255.255.255")], "UNRESOLVABLE_ADDRESS"],
    ["adds an address of ours", [peer], [change("ADD_IP_ADDRESS", us)], "UNRESOLVABLE_ADDRESS"],
    [
      "adds an address of a family that we have not",
      [peer],
      [change("ADD_IP_ADDRESS", "2001:db8::4")],
      "UNRESOLVABLE_ADDRESS",
    ],
  ] as const)("that %s is refused", (_, addresses, parameters, cause) => {
    const stage = new AsconfStage({}, addresses);
    expect(stage.ask(parameters)).toMatchObject({ parameters: [refusal(cause)] });
    expect(stage.peerAddresses).toEqual(addresses);
  });

  it("that adds more addresses than there is room for is refused from there on, and says what was done", () => {
    const stage = new AsconfStage({ maxPeerAddresses: 3 });
    const parameters = [
      change("ADD_IP_ADDRESS", added, 7),
      change("ADD_IP_ADDRESS", "192.0.2.41", 8),
      change("DELETE_IP_ADDRESS", peerToo, 9),
      change("SET_PRIMARY_ADDRESS", peerToo, 10),
    ];
    expect(stage.ask(parameters)).toMatchObject({
      parameters: [
        refusal("RESOURCE_SHORTAGE", 8),
        refusal("RESOURCE_SHORTAGE", 9),
        { type: "SUCCESS_INDICATION", correlationId: 10 },
      ],
    });
    expect(stage.peerAddresses).toEqual([peer, peerToo, added]);
    expect(stage.bench.state(stage.tag).primaryAddress).toBe(peerToo);
  });

  it("is refused where the user does not want any", () => {
    const stage = new AsconfStage({ refusesAddressChanges: true });
    expect(
      stage.ask([change("ADD_IP_ADDRESS", added), change("SET_PRIMARY_ADDRESS", peerToo, 2)]),
    ).toMatchObject({
      parameters: [refusal("NO_AUTHORIZATION"), { type: "SUCCESS_INDICATION", correlationId: 2 }],
    });
  });

  it.each([
    ["00", 0x0999, []],
    ["01", 0x4999, [refusal("UNRECOGNIZED_PARAMETERS", 0x01010101)]],
    ["10", 0x8999, []],
    ["11", 0xc999, [refusal("UNRECOGNIZED_PARAMETERS", 0x01010101)]],
  ])("with an unknown parameter of the action %s", (bits, typeNumber, responses) => {
    const stage = new AsconfStage();
    const ack = stage.ask([unknownParameter(typeNumber), change("ADD_IP_ADDRESS", added, 2)]);
    const goesOn = bits === "10" || bits === "11";
    expect(stage.peerAddresses.includes(added)).toBe(goesOn);
    expect(ack.parameters.slice(0, 1)).toMatchObject(responses);
  });

  it("with very many requests is refused behind the first ones, in one packet", () => {
    const stage = new AsconfStage();
    const many = Array.from({ length: 50 }, (_, index) =>
      change("DELETE_IP_ADDRESS", `10.0.0.${index + 1}`, index),
    );
    const out = stage.give([stage.asconf(many)]);
    expect(out).toHaveLength(1);
    expect(out[0]!.bytes.length).toBeLessThanOrEqual(1472);
    expect(ackIn(out).parameters).toHaveLength(25);
  });
});

describe("sequence numbers of the peer's ASCONF (section 5.2, E1 to E5)", () => {
  it("that come again get the same answer, and nothing is done twice; all others are discarded", () => {
    const stage = new AsconfStage();
    const first = stage.asconf([
      change("ADD_IP_ADDRESS", added),
      change("DELETE_IP_ADDRESS", "192.0.2.99", 2),
    ]);
    const answer = ackIn(stage.give([first]));
    stage.ask([change("DELETE_IP_ADDRESS", added)]);
    expect(stage.peerAddresses).toEqual([peer, peerToo]);
    expect(ackIn(stage.give([first]))).toEqual(answer);
    expect(stage.peerAddresses).toEqual([peer, peerToo]);
    for (const serial of [999, 1003, 5000, 0]) {
      expect(stage.give([stage.asconf([change("ADD_IP_ADDRESS", added)], serial)])).toEqual([]);
    }
  });

  it("late ones are not answered to an address that was deleted since (section 5.3, F13)", () => {
    const stage = new AsconfStage();
    const first = stage.asconf([change("SET_PRIMARY_ADDRESS", peerToo)]);
    stage.give([first], { from: peerToo });
    stage.ask([change("DELETE_IP_ADDRESS", peerToo)], { from: peer });
    expect(stage.give([first], { from: peerToo })).toEqual([]);
    expect(types(stage.give([first], { from: peer }))).toEqual(["ASCONF_ACK"]);
  });

  it("in one packet are all answered in one packet", () => {
    const stage = new AsconfStage();
    const first = stage.asconf([change("ADD_IP_ADDRESS", added)]);
    stage.give([first]);
    const out = stage.give([first, stage.asconf([change("SET_PRIMARY_ADDRESS", peerToo)])]);
    expect(types(out)).toEqual(["ASCONF_ACK+ASCONF_ACK"]);
    expect(out[0]?.chunks).toMatchObject([{ serialNumber: 1000 }, { serialNumber: 1001 }]);
  });

  it("go on on another computer that takes over, answers included", () => {
    const stage = new AsconfStage();
    const first = stage.asconf([change("ADD_IP_ADDRESS", added)]);
    const answer = ackIn(stage.give([first]));
    const other = new Bench(stage.bench.config.parameters);
    other.endpoint.resume(cloneAssociationState(stage.bench.state(stage.tag)), other.nowMs);
    other.sent();
    expect(ackIn(other.give([first], { tag: stage.tag }))).toEqual(answer);
    expect(other.state(stage.tag).agreement.peerAddresses).toEqual([peer, peerToo, added]);
  });

  it("wrap", () => {
    const bench = new Bench({ ...new AsconfStage().bench.config.parameters });
    const tag = bench.accept({
      initialTsn: tsnAdd(initOf().initialTsn, -1001),
      parameters: [{ type: "SUPPORTED_EXTENSIONS", chunkTypes: [0xc1, 0x80] }],
    });
    for (const serialNumber of [0xffffffff, 0, 1]) {
      const asconf = new AsconfStage().asconf([], serialNumber);
      expect(ackIn(bench.give([asconf], { tag })).serialNumber).toBe(serialNumber);
    }
  });
});

describe("ASCONF", () => {
  it("that was not agreed on is an unknown chunk", () => {
    const bench = new Bench();
    const tag = bench.accept();
    const stage = new AsconfStage();
    const out = bench.give([stage.asconf([change("ADD_IP_ADDRESS", added)])], { tag });
    expect(out[0]?.chunks).toMatchObject([{ type: "ERROR", causes: [{ type: "UNRECOGNIZED_CHUNK_TYPE" }] }]);
    expect(bench.state(tag).agreement.peerAddresses).toEqual([peer]);
  });

  it("is not answered in SHUTDOWN-ACK-SENT", () => {
    const stage = new AsconfStage();
    const cumulativeTsn = stage.bench.state(stage.tag).send.cumulativeAck;
    stage.give([{ type: "SHUTDOWN", cumulativeTsn }]);
    expect(stage.give([stage.asconf([change("ADD_IP_ADDRESS", added)])])).toEqual([]);
  });
});
