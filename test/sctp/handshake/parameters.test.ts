import { describe, expect, it } from "vitest";
import { crc32c, noExtensions } from "../../../agents/sctp/index.ts";
import type { Cause, Parameter } from "../../../agents/sctp/wire/index.ts";
import { writeParameter } from "../../../agents/sctp/wire/index.ts";
import {
  Bench,
  cookie,
  initAckOf,
  initOf,
  peer,
  peerTag,
  peerToo,
  stranger,
  types,
  unknownParameter,
  us,
  usToo,
} from "./bench.ts";

const ipv4 = (address: string): Parameter => ({ type: "IPV4_ADDRESS", address });
const ipv6 = (address: string): Parameter => ({ type: "IPV6_ADDRESS", address });
const addressesIn = (parameters: readonly Parameter[]): string[] =>
  parameters.flatMap((each) => ("address" in each && typeof each.address === "string" ? [each.address] : []));

/** The four actions of RFC 9260 section 3.2.1 by the two highest bits. */
const actions = [
  { bits: "00", typeNumber: 0x0123, goesOn: false, reports: false },
  { bits: "01", typeNumber: 0x4123, goesOn: false, reports: true },
  { bits: "10", typeNumber: 0x8123, goesOn: true, reports: false },
  { bits: "11", typeNumber: 0xc123, goesOn: true, reports: true },
];

describe("an unknown parameter (RFC 9260 sections 3.2.1 and 3.2.2)", () => {
  it.each(actions)("with the bits $bits in INIT", ({ typeNumber, goesOn, reports }) => {
    const bench = new Bench();
    const parameters = [ipv4(peer), unknownParameter(typeNumber), ipv4(peerToo)];
    const { initAck, echo } = bench.handshake({ parameters });
    const reported = initAck.parameters.filter((each) => each.type === "UNRECOGNIZED_PARAMETER");
    const value = writeParameter(unknownParameter(typeNumber));
    expect(reported).toEqual(reports ? [{ type: "UNRECOGNIZED_PARAMETER", value }] : []);
    bench.give([echo], { tag: initAck.initiateTag });
    const { peerAddresses } = bench.state(initAck.initiateTag).agreement;
    expect(peerAddresses).toEqual(goesOn ? [peer, peerToo] : [peer]);
  });

  it.each(actions)("with the bits $bits in INIT ACK", ({ typeNumber, goesOn, reports }) => {
    const bench = new Bench();
    const { handle } = bench.connect();
    const parameters = [ipv4(peer), unknownParameter(typeNumber, 5), ipv4(peerToo), cookie];
    const out = bench.give([initAckOf({ parameters })], { tag: handle });
    expect(types(out)).toEqual([reports ? "COOKIE_ECHO+ERROR" : "COOKIE_ECHO"]);
    const value = new Uint8Array(12);
    value.set(writeParameter(unknownParameter(typeNumber, 5)));
    if (reports)
      expect(out[0]?.chunks[1]).toEqual({
        type: "ERROR",
        causes: [{ type: "UNRECOGNIZED_PARAMETERS", code: 8, value }],
      });
    expect(bench.state(handle).agreement.peerAddresses).toEqual(goesOn ? [peer, peerToo] : [peer]);
  });

  it("that stops the reading does not keep the cookie from being found", () => {
    const bench = new Bench();
    const { handle } = bench.connect();
    const out = bench.give([initAckOf({ parameters: [unknownParameter(0x0123), cookie] })], { tag: handle });
    expect(types(out)).toEqual(["COOKIE_ECHO"]);
  });

  it("is not reported where the answer would not fit into a packet", () => {
    const bench = new Bench();
    const { handle } = bench.connect();
    const large: Parameter = { type: "STATE_COOKIE", cookie: new Uint8Array(1440) };
    const out = bench.give([initAckOf({ parameters: [unknownParameter(0xc123), large] })], { tag: handle });
    expect(types(out)).toEqual(["COOKIE_ECHO"]);
    expect(out[0]?.bytes.length).toBeLessThanOrEqual(1472);
  });

  it("is what an extension is that is switched off", () => {
    const bench = new Bench();
    const parameters: Parameter[] = [{ type: "FORWARD_TSN_SUPPORTED" }, { type: "ECN_CAPABLE" }];
    const { initAck } = bench.handshake({ parameters });
    const reports = initAck.parameters.filter((each) => each.type === "UNRECOGNIZED_PARAMETER");
    expect(reports).toEqual([{ type: "UNRECOGNIZED_PARAMETER", value: Uint8Array.of(0xc0, 0, 0, 4) }]);
  });
});

describe("addresses (RFC 9260 section 5.1.2)", () => {
  it("are not listed where there is only one", () => {
    const bench = new Bench({}, { localAddresses: [us] });
    expect(addressesIn(bench.connect().init.parameters)).toEqual([]);
    expect(addressesIn(bench.handshake({}, { from: stranger }).initAck.parameters)).toEqual([]);
  });

  it("are all listed in INIT, with the types that we support; INIT ACK has no list of types", () => {
    const ours = [us, "2001:db8::1"];
    const bench = new Bench({}, { localAddresses: ours });
    const { init } = bench.connect();
    expect(addressesIn(init.parameters)).toEqual(ours);
    expect(init.parameters).toContainEqual({ type: "SUPPORTED_ADDRESS_TYPES", types: [5, 6] });
    const { initAck } = bench.handshake({}, { from: stranger });
    expect(addressesIn(initAck.parameters)).toEqual(ours);
    expect(initAck.parameters.some((each) => each.type === "SUPPORTED_ADDRESS_TYPES")).toBe(false);
  });

  it.each([
    { says: "IPv4 only", types: [5], listed: [] as Parameter[], families: [us, usToo] },
    { says: "IPv6 only, from IPv4", types: [6], listed: [], families: [us, usToo, "2001:db8::1"] },
    {
      says: "IPv4 only and lists IPv6",
      types: [5],
      listed: [ipv6("2001:db8::9")],
      families: [us, usToo, "2001:db8::1"],
    },
    { says: "host names, which do not count", types: [11], listed: [], families: [us, usToo] },
  ])("are those that the peer supports: $says", ({ types: numbers, listed, families }) => {
    const bench = new Bench({}, { localAddresses: [us, usToo, "2001:db8::1"] });
    const parameters: Parameter[] = [{ type: "SUPPORTED_ADDRESS_TYPES", types: numbers }, ...listed];
    const { initAck, echo } = bench.handshake({ parameters });
    expect(addressesIn(initAck.parameters)).toEqual(families);
    bench.give([echo], { tag: initAck.initiateTag });
    expect(bench.state(initAck.initiateTag).agreement.localAddresses).toEqual(families);
  });

  it("of a family that we have not are passed over", () => {
    const bench = new Bench();
    const tag = bench.accept({ parameters: [ipv6("2001:db8::9"), ipv4(peerToo)] });
    expect(bench.state(tag).agreement.peerAddresses).toEqual([peer, peerToo]);
    expect(bench.sent()).toEqual([]);
  });

  it("are bounded, and a cookie fits into a packet with all of them", () => {
    const bench = new Bench();
    const parameters = Array.from({ length: 400 }, (_, index) => ipv4(`10.0.${index >> 8}.${index & 255}`));
    const { initAck, echo, sent } = bench.handshake({ parameters });
    expect(sent.bytes.length).toBeLessThan(1000);
    bench.give([echo], { tag: initAck.initiateTag });
    const { agreement, confirmedAddresses } = bench.state(initAck.initiateTag);
    expect(agreement.peerAddresses).toHaveLength(16);
    expect([...confirmedAddresses]).toEqual([peer]);
  });

  it("in INIT ACK that belong to a peer that we have an association with end the call", () => {
    const bench = new Bench();
    bench.accept();
    const { handle } = bench.connect(peerToo);
    const out = bench.give([initAckOf({ parameters: [ipv4(peer), cookie] })], { tag: handle, from: peerToo });
    expect(types(out)).toEqual(["ABORT"]);
    expect(bench.changes(handle)).toEqual(["cant-start"]);
  });
});

describe("what is offered", () => {
  const all = {
    partialReliability: true,
    interleaving: true,
    authentication: false,
    addressReconfiguration: true,
    streamReconfiguration: true,
    ecn: true,
  };
  const offered = [0xc0, 0xc2, 0x40, 0xc1, 0x80, 0x82];

  it("is announced in INIT and INIT ACK, in this order", () => {
    const bench = new Bench({ extensions: all, adaptationIndication: 0x1234 });
    const common = [
      { type: "ADAPTATION_LAYER_INDICATION", codePoint: 0x1234 },
      { type: "ECN_CAPABLE" },
      { type: "FORWARD_TSN_SUPPORTED" },
      { type: "SUPPORTED_EXTENSIONS", chunkTypes: offered },
    ];
    expect(bench.connect().init.parameters).toEqual([
      ipv4(us),
      ipv4(usToo),
      { type: "SUPPORTED_ADDRESS_TYPES", types: [5] },
      ...common,
    ]);
    const { initAck, echo } = bench.handshake({}, { from: stranger });
    const state = { type: "STATE_COOKIE", cookie: echo.type === "COOKIE_ECHO" ? echo.cookie : undefined };
    expect(initAck.parameters).toEqual([ipv4(us), ipv4(usToo), ...common, state]);
  });

  const both: Parameter = { type: "SUPPORTED_EXTENSIONS", chunkTypes: [...offered, 0x0f] };
  const listOf = (...chunkTypes: number[]): Parameter => ({ type: "SUPPORTED_EXTENSIONS", chunkTypes });
  it.each([
    { says: "nothing", parameters: [] as Parameter[], agreed: {} },
    {
      says: "Forward-TSN-Supported",
      parameters: [{ type: "FORWARD_TSN_SUPPORTED" } as const],
      agreed: { partialReliability: true },
    },
    { says: "FORWARD TSN in the list", parameters: [listOf(0xc0)], agreed: { partialReliability: true } },
    { says: "I-DATA in the list", parameters: [listOf(0x40)], agreed: { interleaving: true } },
    { says: "RE-CONFIG in the list", parameters: [listOf(0x82)], agreed: { streamReconfiguration: true } },
    { says: "ASCONF without AUTH", parameters: [listOf(0xc1, 0x80, 0x0f)], agreed: {} },
    { says: "ECN Capable", parameters: [{ type: "ECN_CAPABLE" } as const], agreed: { ecn: true } },
    {
      says: "everything but AUTH",
      parameters: [both, { type: "ECN_CAPABLE" } as const],
      agreed: { partialReliability: true, interleaving: true, streamReconfiguration: true, ecn: true },
    },
  ])("is agreed on where the peer says: $says", ({ parameters, agreed }) => {
    const expected = { ...noExtensions, ...agreed };
    const bench = new Bench({ extensions: all });
    expect(bench.state(bench.accept({ parameters })).agreement.extensions).toEqual(expected);
    const caller = new Bench({ extensions: all });
    expect(caller.state(caller.established(peer, parameters)).agreement.extensions).toEqual(expected);
    const silent = new Bench();
    expect(silent.state(silent.accept({ parameters })).agreement.extensions).toEqual(noExtensions);
  });

  it("of ASCONF needs no AUTH where the user says so", () => {
    const bench = new Bench({ extensions: all, asconfWithoutAuthentication: true });
    const { extensions } = bench.state(bench.accept({ parameters: [listOf(0xc1, 0x80)] })).agreement;
    expect(extensions).toEqual({ ...noExtensions, addressReconfiguration: true });
  });

  it("of the adaptation layer is told to the user after comm-up, on both sides", () => {
    const indication: Parameter = { type: "ADAPTATION_LAYER_INDICATION", codePoint: 0xabcd };
    for (const open of [
      (bench: Bench) => bench.accept({ parameters: [indication] }),
      (bench: Bench) => bench.established(peer, [indication]),
    ]) {
      const bench = new Bench();
      const association = open(bench);
      expect(bench.notifications).toMatchObject([
        { association, notification: { type: "association-change", state: "comm-up" } },
        { association, notification: { type: "adaptation-indication", indication: 0xabcd } },
      ]);
    }
  });

  it("of streams is not more than the peer takes", () => {
    const bench = new Bench();
    const { initAck } = bench.handshake({ inboundStreams: 3, outboundStreams: 4000 });
    expect(initAck.outboundStreams).toBe(3);
    const tag = bench.accept({ inboundStreams: 3, outboundStreams: 4000 });
    expect(bench.state(tag).agreement).toMatchObject({ outboundStreams: 3, inboundStreams: 2048 });
  });
});

describe("INIT", () => {
  const invalid: Cause = { type: "INVALID_MANDATORY_PARAMETER", code: 7 };
  const hostName: Parameter = { type: "HOST_NAME_ADDRESS", hostName: new Uint8Array(8) };
  it.each([
    { fault: "no outbound streams", fields: { outboundStreams: 0 }, cause: invalid },
    { fault: "no inbound streams", fields: { inboundStreams: 0 }, cause: invalid },
    { fault: "a window of 1499", fields: { advertisedWindow: 1499 }, cause: invalid },
    {
      fault: "a host name",
      fields: { parameters: [hostName] },
      cause: { type: "UNRESOLVABLE_ADDRESS", code: 5, value: writeParameter(hostName) } as const,
    },
  ])(
    "with $fault is answered by ABORT with its tag, and an association is not touched",
    ({ fields, cause }) => {
      const bench = new Bench();
      const tag = bench.accept();
      for (const from of [peer, stranger]) {
        const [out, ...more] = bench.give([initOf({ initiateTag: 99, ...fields })], { from });
        expect(out).toMatchObject({ verificationTag: 99, to: from });
        expect(out?.chunks).toEqual([{ type: "ABORT", tagReflected: false, causes: [cause] }]);
        expect(more).toEqual([]);
      }
      expect(bench.state(tag).phase).toBe("established");
    },
  );

  it("with the tag 0 is discarded", () => {
    expect(new Bench().give([initOf({ initiateTag: 0 })])).toEqual([]);
  });

  it("that cannot be read is answered by ABORT with its tag", () => {
    const bench = new Bench();
    const [out] = bench.giveBytes(badInit());
    expect(out).toMatchObject({ verificationTag: peerTag, chunks: [{ type: "ABORT", tagReflected: false }] });
  });

  it.each([
    ["that does not listen", {}, { listening: false }, {}, []],
    ["of another port", {}, {}, { destinationPort: 7001 }, []],
    ["that is full", { maxAssociations: 0 }, {}, {}, [{ type: "OUT_OF_RESOURCE", code: 4 }]],
  ])("for an endpoint %s is refused with its tag", (_, parameters, config, envelope, causes) => {
    const [out] = new Bench(parameters, config).give([initOf()], envelope);
    expect(out).toMatchObject({
      verificationTag: peerTag,
      sourcePort: (envelope as { destinationPort?: number }).destinationPort ?? 7000,
    });
    expect(out?.chunks).toEqual([{ type: "ABORT", tagReflected: false, causes }]);
  });

  it("is welcome again as soon as the endpoint listens", () => {
    const bench = new Bench({}, { listening: false });
    bench.endpoint.listening = true;
    expect(types(bench.give([initOf()]))).toEqual(["INIT_ACK"]);
    bench.endpoint.listening = false;
    expect(bench.endpoint.listening).toBe(false);
    expect(types(bench.give([initOf()], { from: stranger }))).toEqual(["ABORT"]);
  });
});

describe("INIT ACK in COOKIE-WAIT", () => {
  it.each([
    ["no outbound streams", { outboundStreams: 0 }, "INVALID_MANDATORY_PARAMETER"],
    ["no inbound streams", { inboundStreams: 0 }, "INVALID_MANDATORY_PARAMETER"],
    ["no cookie", { parameters: [] }, "MISSING_MANDATORY_PARAMETER"],
    [
      "a host name",
      { parameters: [{ type: "HOST_NAME_ADDRESS", hostName: new Uint8Array(4) }, cookie] },
      "UNRESOLVABLE_ADDRESS",
    ],
  ] as const)("with %s ends the call with ABORT", (_, fields, cause) => {
    const bench = new Bench();
    const { handle } = bench.connect();
    const [out] = bench.give([initAckOf(fields)], { tag: handle });
    expect(out).toMatchObject({
      verificationTag: peerTag,
      chunks: [{ type: "ABORT", tagReflected: false, causes: [{ type: cause }] }],
    });
    expect(bench.changes(handle)).toEqual(["cant-start"]);
    expect(bench.endpoint.nextDeadlineMs()).toBeUndefined();
  });

  it("with a window below 1500 is answered by ABORT, and the call goes on", () => {
    const bench = new Bench();
    const { handle } = bench.connect();
    const out = bench.give([initAckOf({ advertisedWindow: 1499 })], { tag: handle });
    expect(types(out)).toEqual(["ABORT"]);
    expect(types(bench.give([initAckOf()], { tag: handle }))).toEqual(["COOKIE_ECHO"]);
  });

  it("with the tag 0 ends the call with ABORT that reflects", () => {
    const bench = new Bench();
    const { handle } = bench.connect();
    const [out] = bench.give([initAckOf({ initiateTag: 0 })], { tag: handle });
    expect(out).toMatchObject({ verificationTag: handle, chunks: [{ type: "ABORT", tagReflected: true }] });
    expect(bench.changes(handle)).toEqual(["cant-start"]);
  });

  it("from an address that nobody called and that is not listed with one that was is not for us", () => {
    const bench = new Bench();
    const { handle } = bench.connect();
    expect(bench.give([initAckOf()], { tag: handle, from: stranger })).toEqual([]);
    const listed = [ipv4(peer), cookie];
    const [echo] = bench.give([initAckOf({ parameters: listed })], { tag: handle, from: peerToo });
    expect(echo).toMatchObject({ to: peer, chunks: [{ type: "COOKIE_ECHO" }] });
  });
});

/** An INIT with one address parameter, whose length is not what it should be. */
function badInit(): Uint8Array {
  const init = new Uint8Array(40);
  const view = new DataView(init.buffer);
  view.setUint16(0, 7000);
  view.setUint16(2, 7000);
  init.set([1, 0, 0, 28], 12);
  view.setUint32(16, peerTag);
  view.setUint32(20, 100_000);
  view.setUint32(24, 0x000a000a);
  init.set([0, 5, 0, 200], 32);
  view.setUint32(8, crc32c(init), true);
  return init;
}
