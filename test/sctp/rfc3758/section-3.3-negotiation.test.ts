import { describe, expect, it } from "vitest";
import { noExtensions } from "../../../agents/sctp/index.ts";
import type { Script, Setting } from "../rfc9260/kit.ts";
import { connected, established, start } from "../rfc9260/kit.ts";
import type { Sketch } from "../rfc9260/sketches.ts";
import { data, initAck, sack } from "../rfc9260/sketches.ts";
import { agreed, forward, partiallyReliable, retransmitted } from "./kit.ts";

const parameter = { type: "FORWARD_TSN_SUPPORTED" } as const;
const list = { type: "SUPPORTED_EXTENSIONS", chunkTypes: [0xc0] } as const;
const otherList = { type: "SUPPORTED_EXTENSIONS", chunkTypes: [0x82] } as const;
const never = retransmitted(0);

type Parameters = readonly { readonly type: string; readonly chunkTypes?: readonly number[] }[];
const parametersOf = (chunk: Sketch): Parameters => chunk["parameters"] as Parameters;
const announces = (chunk: Sketch): boolean =>
  parametersOf(chunk).some(({ type }) => type === "FORWARD_TSN_SUPPORTED");
const lists = (chunk: Sketch): boolean =>
  parametersOf(chunk).some(({ chunkTypes = [] }) => chunkTypes.includes(0xc0));

/** What the peer says, whether we offer it, and whether it is agreed then. */
const combinations = [
  { says: "nothing", parameters: [], ours: true, agreed: false },
  { says: "the parameter", parameters: [parameter], ours: true, agreed: true },
  { says: "the chunk type in Supported Extensions", parameters: [list], ours: true, agreed: true },
  { says: "both", parameters: [parameter, list], ours: true, agreed: true },
  { says: "Supported Extensions with another type", parameters: [otherList], ours: true, agreed: false },
  {
    says: "the parameter, and a list without it",
    parameters: [parameter, otherList],
    ours: true,
    agreed: true,
  },
  { says: "nothing, nor do we", parameters: [], ours: false, agreed: false },
  { says: "the parameter, and we do not", parameters: [parameter], ours: false, agreed: false },
  { says: "the chunk type, and we do not", parameters: [list], ours: false, agreed: false },
  { says: "both, and we do not", parameters: [parameter, list], ours: false, agreed: false },
] as const;

const setting = ({ parameters, ours }: (typeof combinations)[number]): Setting => ({
  peerParameters: parameters,
  parameters: { extensions: { ...noExtensions, partialReliability: ours } },
});

/** FORWARD TSN in both directions: taken in and sent, or unknown and never sent. */
function checkAgreement({ peer, user }: Script, isAgreed: boolean): void {
  peer.sends(forward(1, [0, 0]));
  if (isAgreed) peer.gets(sack(1));
  else peer.gets({ type: "ERROR", causes: [{ type: "UNRECOGNIZED_CHUNK_TYPE" }] });
  user.sends({ size: 100, ...never });
  peer.gets(data(1));
  peer.getsAfter(1000, isAgreed ? forward(1, [0, 0]) : data(1));
  expect(user.state).toBe("established");
}

describe("3.3.1, 3.3.2: FORWARD TSN is used where both sides have said so", () => {
  it.each(combinations)("the peer calls and says $says", (each) => {
    checkAgreement(established(setting(each)), each.agreed);
  });

  it.each(combinations)("the peer is called and says $says", (each) => {
    checkAgreement(connected(setting(each)), each.agreed);
  });
});

describe("3.3.1: INIT", () => {
  const call = (offers: boolean): Sketch => {
    const { peer, user } = start({
      parameters: { extensions: { ...noExtensions, partialReliability: offers } },
    });
    user.connects();
    return peer.takesInit();
  };

  it("has Forward-TSN-Supported, and the chunk type in Supported Extensions", () => {
    expect([announces(call(true)), lists(call(true))]).toEqual([true, true]);
  });

  it("has neither where the user does not want it", () => {
    expect([announces(call(false)), lists(call(false))]).toEqual([false, false]);
  });

  it("has it each time that it is sent", () => {
    const { peer, user } = start(partiallyReliable());
    user.connects();
    peer.skips();
    for (const waitMs of [1000, 2000, 4000]) {
      const [packet] = peer.skips(waitMs);
      expect(packet?.chunks.map(announces)).toEqual([true]);
    }
  });

  it("has a parameter of type 0xC000 and length 4", () => {
    const { peer, user } = start(partiallyReliable());
    user.connects();
    const [packet] = peer.skips();
    expect(Buffer.from(packet!.bytes).toString("hex")).toContain("c0000004");
  });
});

describe("3.3.2: INIT ACK", () => {
  const answer = (peerParameters: Parameters, offers = true): Sketch => {
    const { peer } = start({
      peerParameters,
      parameters: { extensions: { ...noExtensions, partialReliability: offers } },
    });
    peer.calls();
    return peer.takesInitAck();
  };

  it("has Forward-TSN-Supported where INIT has it", () => {
    expect(announces(answer([parameter]))).toBe(true);
  });

  it("has it where INIT does not", () => {
    expect(announces(answer([]))).toBe(true);
  });

  it("has it not where the user does not want it", () => {
    expect([announces(answer([parameter], false)), lists(answer([parameter], false))]).toEqual([
      false,
      false,
    ]);
  });

  it("reports the parameter where it is not supported", () => {
    const [report] = parametersOf(answer([parameter], false)).filter(
      ({ type }) => type === "UNRECOGNIZED_PARAMETER",
    );
    expect(report).toMatchObject({ value: Uint8Array.from([0xc0, 0, 0, 4]) });
  });

  it("reports it not where it is supported", () => {
    const types = parametersOf(answer([parameter])).map(({ type }) => type);
    expect(types).not.toContain("UNRECOGNIZED_PARAMETER");
  });

  it("with the parameter where it is not supported: ERROR behind COOKIE ECHO", () => {
    const { peer, user } = start({
      peerParameters: [parameter],
      parameters: { extensions: noExtensions },
    });
    user.connects();
    peer.takesInit();
    peer.sends(initAck());
    const value = Uint8Array.from([0xc0, 0, 0, 4]);
    const report = { type: "ERROR", causes: [{ type: "UNRECOGNIZED_PARAMETERS", value }] } as const;
    peer.gets([{ type: "COOKIE_ECHO" }, report]);
  });
});

describe("3.3.2: what was agreed is told to the user", () => {
  it.each([
    ["with FORWARD TSN", [parameter], true],
    ["without", [], false],
  ] as const)("%s, when the association is up", (_, peerParameters, isAgreed) => {
    const { peer } = start(partiallyReliable({ peerParameters }));
    peer.calls();
    peer.takesInitAck();
    peer.sends({ type: "COOKIE_ECHO" });
    const up = peer.notifications.find((each) => each.type === "association-change");
    expect(up).toMatchObject({ state: "comm-up", extensions: { partialReliability: isAgreed } });
  });
});

describe("3.3.3: the peer reports that it does not know Forward-TSN-Supported", () => {
  /** Type 0xC000, length 4. */
  const unknownParameter = {
    type: "UNRECOGNIZED_PARAMETERS",
    code: 8,
    value: Uint8Array.from([0xc0, 0, 0, 4]),
  };
  const otherParameter = {
    type: "UNRECOGNIZED_PARAMETERS",
    code: 8,
    value: Uint8Array.from([0x80, 0x08, 0, 4]),
  };
  const error = (cause: Readonly<Record<string, unknown>>): Sketch => ({ type: "ERROR", causes: [cause] });

  it("in ERROR: the association goes on, and no FORWARD TSN is ever sent", () => {
    const { peer, user } = agreed();
    peer.sends(error(unknownParameter));
    user.sends({ size: 100, ...never });
    peer.gets(data(1));
    peer.getsAfter(1000, data(1));
    peer.getsAfter(2000, data(1));
    expect(user.state).toBe("established");
  });

  it("in ERROR: FORWARD TSN of the peer is unknown from then on", () => {
    const { peer } = agreed();
    peer.sends(error(unknownParameter));
    peer.sends(forward(1, [0, 0]));
    peer.gets({ type: "ERROR", causes: [{ type: "UNRECOGNIZED_CHUNK_TYPE" }] });
  });

  it("in ERROR, among others", () => {
    const { peer, user } = agreed();
    const value = Uint8Array.from([0x80, 0x08, 0, 5, 1, 0, 0, 0, 0xc0, 0, 0, 4]);
    peer.sends(error({ type: "UNRECOGNIZED_PARAMETERS", code: 8, value }));
    user.sends({ size: 100, ...never });
    peer.skips();
    peer.getsAfter(1000, data(1));
  });

  it("in ERROR for another parameter: nothing changes", () => {
    const { peer, user } = agreed();
    peer.sends(error(otherParameter));
    user.sends({ size: 100, ...never });
    peer.skips();
    peer.getsAfter(1000, forward(1, [0, 0]));
  });

  it("behind COOKIE ECHO", () => {
    const { peer, user } = start(partiallyReliable());
    peer.calls();
    peer.takesInitAck();
    peer.sends({ type: "COOKIE_ECHO" }, error(unknownParameter));
    peer.gets({ type: "COOKIE_ACK" });
    user.sends({ size: 100, ...never });
    peer.skips();
    peer.getsAfter(1000, data(1));
  });

  it("in INIT ACK", () => {
    const { peer, user } = start(partiallyReliable());
    user.connects();
    peer.takesInit();
    const value = Uint8Array.from([0xc0, 0, 0, 4]);
    peer.sends(
      initAck({
        parameters: [
          { type: "STATE_COOKIE", cookie: new Uint8Array(8) },
          { type: "UNRECOGNIZED_PARAMETER", value },
          list,
        ],
      }),
    );
    peer.gets({ type: "COOKIE_ECHO" });
    peer.sends({ type: "COOKIE_ACK" });
    user.sends({ size: 100, ...never });
    peer.gets(data(1));
    peer.getsAfter(1000, data(1));
  });

  it("when a message was given up already: it can be neither skipped nor sent, and the association ends", () => {
    const { peer, user } = agreed();
    user.sends({ size: 100, ...never });
    peer.skips();
    peer.getsAfter(1000, forward(1, [0, 0]));
    peer.sends(error(unknownParameter));
    peer.gets({ type: "ABORT" });
    expect(user.hears()).toContain("comm-lost");
  });
});
