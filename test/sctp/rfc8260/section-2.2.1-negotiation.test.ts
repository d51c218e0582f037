import { describe, expect, it } from "vitest";
import type { Extensions } from "../../../agents/sctp/index.ts";
import { noExtensions } from "../../../agents/sctp/index.ts";
import { connected, established, start } from "../rfc9260/kit.ts";
import type { Setting } from "../rfc9260/kit.ts";
import { cookieEcho, data, error, init, initAck, sack } from "../rfc9260/sketches.ts";
import {
  forwardTsnType,
  iData,
  iDataType,
  iForwardTsnType,
  interleaved,
  interleaving,
  supports,
} from "./kit.ts";

const I = iDataType;
const IF = iForwardTsnType;
const F = forwardTsnType;
const forwardTsnSupported = { type: "FORWARD_TSN_SUPPORTED" } as const;

type Parameters = readonly Readonly<Record<string, unknown>>[];
type Ours = "nothing" | "interleaving" | "partial reliability" | "both";

const offers: Readonly<Record<Ours, Extensions>> = {
  nothing: noExtensions,
  interleaving: { ...noExtensions, interleaving: true },
  "partial reliability": { ...noExtensions, partialReliability: true },
  both: { ...noExtensions, interleaving: true, partialReliability: true },
};

const setting = (ours: Ours, peerParameters: Parameters = []): Setting => ({
  peerParameters,
  parameters: { extensions: offers[ours], fragmentInterleave: 2 },
});

const listed = (parameters: unknown): unknown =>
  (parameters as readonly { readonly type: string; readonly chunkTypes?: unknown }[]).find(
    ({ type }) => type === "SUPPORTED_EXTENSIONS",
  )?.chunkTypes;

describe("2.2.1 what is announced in Supported Extensions", () => {
  const cases: readonly (readonly [Ours, readonly number[] | undefined])[] = [
    ["nothing", undefined],
    ["interleaving", [I]],
    ["partial reliability", [F]],
    ["both", [F, IF, I]],
  ];

  it.each(cases)("INIT of an endpoint with %s", (ours, types) => {
    const { peer, user } = start({ ...setting(ours), listening: false });
    user.connects();
    const call = peer.takesInit();
    expect(listed(call["parameters"])).toEqual(types);
  });

  it.each(cases)("INIT ACK of an endpoint with %s, whatever the peer has", (ours, types) => {
    for (const theirs of [[], [supports(I)], [supports(I, IF)]]) {
      const { peer } = start(setting(ours, theirs));
      peer.calls();
      expect(listed(peer.takesInitAck()["parameters"])).toEqual(types);
    }
  });
});

/** What the association uses: its chunk for data, and the chunk that gives up a message which is lost once. */
interface Use {
  readonly data: "DATA" | "I_DATA";
  readonly gives: "FORWARD_TSN" | "I_FORWARD_TSN" | "nothing";
}
const plain: Use = { data: "DATA", gives: "nothing" };
const reliable: Use = { data: "I_DATA", gives: "nothing" };
const old: Use = { data: "DATA", gives: "FORWARD_TSN" };
const all: Use = { data: "I_DATA", gives: "I_FORWARD_TSN" };

const matrix: readonly (readonly [Ours, string, Parameters, Use])[] = [
  ["nothing", "everything", [forwardTsnSupported, supports(F, IF, I)], plain],
  ["interleaving", "nothing", [], plain],
  ["interleaving", "an empty list", [supports()], plain],
  ["interleaving", "I-DATA", [supports(I)], reliable],
  ["interleaving", "I-DATA and I-FORWARD-TSN", [supports(I, IF)], reliable],
  ["interleaving", "I-FORWARD-TSN alone", [supports(IF)], plain],
  ["interleaving", "FORWARD TSN", [forwardTsnSupported, supports(F)], plain],
  ["partial reliability", "I-DATA and I-FORWARD-TSN", [supports(I, IF)], plain],
  ["partial reliability", "I-FORWARD-TSN alone", [supports(IF)], plain],
  ["partial reliability", "everything", [forwardTsnSupported, supports(F, IF, I)], old],
  ["both", "nothing", [], plain],
  ["both", "I-DATA", [supports(I)], reliable],
  ["both", "I-FORWARD-TSN alone", [supports(IF)], plain],
  ["both", "I-DATA and I-FORWARD-TSN", [supports(I, IF)], all],
  ["both", "the same in the other order", [supports(IF, I)], all],
  ["both", "I-DATA twice", [supports(I, I, IF)], all],
  ["both", "two lists, of which the first counts", [supports(I), supports(IF)], reliable],
  ["both", "unknown types besides", [supports(0x3f, I, 0xfe, IF, 0x84)], all],
  ["both", "the parameter of RFC 3758", [forwardTsnSupported], old],
  ["both", "FORWARD TSN in the list", [supports(F)], old],
  ["both", "FORWARD TSN in both places", [forwardTsnSupported, supports(F)], old],
  ["both", "FORWARD TSN and I-FORWARD-TSN without I-DATA", [supports(F, IF)], old],
  ["both", "I-DATA and only FORWARD TSN of the two", [supports(I, F)], reliable],
  ["both", "I-DATA and the parameter of RFC 3758", [forwardTsnSupported, supports(I)], reliable],
  ["both", "everything", [forwardTsnSupported, supports(F, IF, I)], all],
];

describe.each([
  ["called", established],
  ["calling", connected],
] as const)("2.2.1 and 2.3.1 what is used by the endpoint %s", (_, begin) => {
  it.each(matrix)("with %s, and a peer with %s", (ours, theirs, parameters, use) => {
    expect(theirs).not.toBe("");
    const { peer, user } = begin(setting(ours, parameters));
    user.sends({ size: 100, reliability: { policy: "limited-retransmissions", maxRetransmits: 0 } });
    peer.gets({ type: use.data, tsn: 1, beginning: true, ending: true });
    peer.getsAfter(1000, { type: use.gives === "nothing" ? use.data : use.gives });
    // And of the peer the same is taken.
    peer.sends(sack(1), use.data === "DATA" ? data(1) : iData(1));
    expect(user.takes()).toHaveLength(1);
  });
});

describe("2.3.1 a peer that has I-FORWARD-TSN and does not list it, as Linux", () => {
  const linux = [forwardTsnSupported, supports(I, F)];
  const partialReliability = (tolerant: boolean, parameters: Parameters): boolean | undefined => {
    const { peer } = established({
      peerParameters: parameters,
      parameters: { extensions: offers.both, fragmentInterleave: 2, iForwardTsnUnlisted: tolerant },
    });
    return peer.endpoint.state(peer.handle)?.agreement.extensions.partialReliability;
  };

  it("has no partial reliability, unless the user tolerates that", () => {
    expect(partialReliability(false, linux)).toBe(false);
    expect(partialReliability(true, linux)).toBe(true);
  });

  it("and never where it has no FORWARD TSN either", () => {
    expect(partialReliability(true, [supports(I)])).toBe(false);
  });
});

describe("2.3.1 a peer that lists I-FORWARD-TSN and does not know Forward-TSN-Supported", () => {
  const unrecognized = Uint8Array.from([0xc0, 0, 0, 4]);
  const perishable = {
    size: 100,
    reliability: { policy: "limited-retransmissions", maxRetransmits: 0 },
  } as const;

  it("which it reports in INIT ACK", () => {
    const { peer, user } = connected(
      setting("both", [supports(I, IF), { type: "UNRECOGNIZED_PARAMETER", value: unrecognized }]),
    );
    user.sends(perishable);
    peer.gets(iData(1));
    peer.getsAfter(1000, { type: "I_FORWARD_TSN" });
  });

  it("which it reports behind COOKIE ECHO", () => {
    const { peer, user } = start(setting("both", [supports(I, IF)]));
    peer.calls();
    peer.takesInitAck();
    peer.sends(cookieEcho(), error({ type: "UNRECOGNIZED_PARAMETERS", code: 8, value: unrecognized }));
    peer.skips();
    user.sends(perishable);
    peer.gets(iData(1));
    peer.getsAfter(1000, { type: "I_FORWARD_TSN" });
  });
});

describe("2.2.1 when it is agreed", () => {
  it("I-DATA behind COOKIE ECHO is taken, and DATA there ends the association", () => {
    for (const chunk of [iData(1), data(1)]) {
      const { peer, user } = start(interleaving());
      peer.calls();
      peer.takesInitAck();
      peer.sends(cookieEcho(), chunk);
      expect(user.takes()).toHaveLength(chunk.type === "I_DATA" ? 1 : 0);
      expect(user.state).toBe(chunk.type === "I_DATA" ? "established" : "closed");
    }
  });

  it("what waits for COOKIE ACK goes in the kind that INIT ACK allows", () => {
    for (const [parameters, type] of [
      [[supports(I)], "I_DATA"],
      [[], "DATA"],
    ] as const) {
      const { peer, user } = start(interleaving({ peerParameters: parameters, listening: false }));
      user.connects();
      peer.takesInit();
      peer.sends(initAck());
      user.sends(100);
      peer.gets({ type: "COOKIE_ECHO" });
      peer.sends({ type: "COOKIE_ACK" });
      peer.gets({ type, tsn: 1 });
    }
  });

  it("the cookie keeps it: what the user changes meanwhile counts for later associations", () => {
    const { peer, user } = start(interleaving());
    peer.calls();
    peer.takesInitAck();
    peer.endpoint.configure({ extensions: noExtensions });
    peer.sends(cookieEcho());
    peer.skips();
    user.sends(10);
    peer.gets(iData(1));
  });

  it("associations with DATA and with I-DATA coexist at one endpoint", () => {
    const { peer, user } = interleaved();
    user.sends(10);
    peer.gets(iData(1));
    const { theirTag, theirInitialTsn, handle } = peer;
    peer.sendsPacket({ chunks: [init({ initiateTag: 99, parameters: [] })], tag: 0, sourcePort: 5001 });
    peer.takesInitAck();
    peer.sendsPacket({ chunks: [cookieEcho()], sourcePort: 5001 });
    peer.skips();
    user.sends(10);
    peer.gets(data(1));
    Object.assign(peer, { theirTag, theirInitialTsn, handle });
    user.sends(10);
    peer.gets(iData(2));
  });

  it.each([
    ["without I-DATA goes on with DATA", [], "DATA"],
    ["with I-DATA goes on with I-DATA", [supports(I)], "I_DATA"],
  ] as const)("a restart of the peer %s", (_, parameters, type) => {
    const { peer, user } = interleaved();
    user.sends(10);
    peer.skips();
    peer.calls({ initiateTag: 77, parameters });
    peer.takesInitAck();
    peer.tag = 77;
    peer.sends(cookieEcho());
    peer.skips();
    expect(user.hears()).toContain("restart");
    user.sends(10, 20);
    const chunks = peer.skips().flatMap(({ chunks: each }) => each);
    expect(chunks.map((each) => each.type)).toEqual([type, type]);
    expect(chunks.map((each) => each["messageId"] ?? each["ssn"])).toEqual([0, 1]);
  });

  it("the user hears with comm-up and restart what both support", () => {
    const { peer } = start(interleaving());
    peer.calls();
    peer.takesInitAck();
    peer.sends(cookieEcho());
    peer.skips();
    expect(peer.notifications).toContainEqual(
      expect.objectContaining({ state: "comm-up", extensions: offers.both }),
    );
    peer.calls({ initiateTag: 77, parameters: [supports(I)] });
    peer.takesInitAck();
    peer.sends(cookieEcho());
    expect(peer.notifications).toContainEqual(
      expect.objectContaining({ state: "restart", extensions: offers.interleaving }),
    );
  });
});
