import { describe, expect, it } from "vitest";
import type { Parameter } from "../../../agents/sctp/wire/index.ts";
import { writePacket } from "../../../agents/sctp/wire/index.ts";
import { ScriptPeer } from "../../support/sctp-script.ts";
import { InThisProcess, PEER, Run } from "../../adapter/runner.ts";
import type { Caught } from "../../support/sctp-script.ts";
import { client, play, server, supported } from "./script.ts";

const lists = (...chunkTypes: readonly number[]): Parameter => ({ type: "SUPPORTED_EXTENSIONS", chunkTypes });

interface Case {
  readonly says: string;
  readonly parameters: readonly Parameter[];
  readonly pr: boolean;
  readonly agreed: boolean;
}

const cases: readonly Case[] = [true, false].flatMap((pr) =>
  [
    { says: "nothing", parameters: [], known: false },
    { says: "Forward-TSN-Supported", parameters: [supported], known: true },
    { says: "FORWARD TSN in Supported Extensions", parameters: [lists(0xc0)], known: true },
    { says: "both", parameters: [supported, lists(0xc0)], known: true },
    { says: "both, the list first", parameters: [lists(0xc0, 0x82), supported], known: true },
    { says: "a list without FORWARD TSN", parameters: [lists(0x82, 0x0f)], known: false },
    { says: "an empty list", parameters: [lists()], known: false },
    { says: "Forward-TSN-Supported twice", parameters: [supported, supported], known: true },
  ].map(({ known, ...each }) => ({ ...each, pr, agreed: pr && known })),
);

/** FORWARD TSN is taken in and sent, or is unknown. */
const agreement = `
  < FORWARD_TSN 1 0:0
  now SACK 1
  send 100 rtx 0
  now DATA 1 0:0 100
  at 1000 FORWARD_TSN 1 0:0
  < SACK 1
  silent 100000`;
const none = `
  < FORWARD_TSN 1 0:0
  now ERROR UNRECOGNIZED_CHUNK_TYPE
  send 100 rtx 0
  now DATA 1 0:0 100
  at 1000 DATA 1 0:0 100
  < SACK 1
  silent 100000`;

const parametersOf = ({ packet }: Caught): readonly Parameter[] => {
  const [chunk] = packet.chunks;
  return chunk?.type === "INIT" || chunk?.type === "INIT_ACK" ? chunk.parameters : [];
};

/** How often a set-up chunk names FORWARD TSN: as a parameter, and in Supported Extensions. */
const named = (caught: Caught): readonly [number, number] => {
  const parameters = parametersOf(caught);
  const listed = parameters.flatMap((each) => (each.type === "SUPPORTED_EXTENSIONS" ? each.chunkTypes : []));
  return [
    parameters.filter(({ type }) => type === "FORWARD_TSN_SUPPORTED").length,
    listed.filter((type) => type === 0xc0).length,
  ];
};

describe.each(cases)("pr $pr, and the peer says $says", ({ parameters, pr, agreed }) => {
  it("to a client", async () => {
    const { run, fd, init } = await client({ hello: { pr }, parameters });
    expect(named(init)).toEqual(pr ? [1, 1] : [0, 0]);
    await play(run, fd, agreed ? agreement : none);
    await run.end();
  });

  it("to a server", async () => {
    const { run, fd, initAck } = await server({ hello: { pr }, parameters });
    expect(named(initAck)).toEqual(pr ? [1, 1] : [0, 0]);
    await play(run, fd, agreed ? agreement : none);
    await run.end();
  });
});

describe("the parameter that is not supported (RFC 9260 section 3.2.1: bits 11)", () => {
  it("is reported in INIT ACK, whole", async () => {
    const { run, initAck } = await server({ hello: { pr: false } });
    const reports = parametersOf(initAck).filter(({ type }) => type === "UNRECOGNIZED_PARAMETER");
    expect(reports).toEqual([{ type: "UNRECOGNIZED_PARAMETER", value: Uint8Array.from([0xc0, 0, 0, 4]) }]);
    await run.end();
  });

  it("and what is behind it counts", async () => {
    const { run, initAck } = await server({ hello: { pr: false }, parameters: [supported, lists(0x82)] });
    const types = parametersOf(initAck).map(({ type }) => type);
    expect(types).toContain("UNRECOGNIZED_PARAMETER");
    expect(types).toContain("STATE_COOKIE");
    await run.end();
  });

  it("in INIT ACK is reported by ERROR behind COOKIE ECHO", async () => {
    const run = new Run(new ScriptPeer(), new InThisProcess());
    await run.hello({ pr: false });
    const fd = await run.socket();
    await run.request("connect", { fd, ip: PEER, port: 8080 });
    run.takes();
    const cookie = { type: "STATE_COOKIE", cookie: Uint8Array.from([1, 2, 3, 4]) } as const;
    await run.gives([run.peer.initAck({ parameters: [supported, cookie] })]);
    const value = Uint8Array.from([0xc0, 0, 0, 4]);
    const cause = { type: "UNRECOGNIZED_PARAMETERS", value };
    run.expect({ chunks: [{ type: "COOKIE_ECHO" }, { type: "ERROR", causes: [cause] }] });
    await run.end();
  });
});

describe("the bytes", () => {
  const bytesOf = ({ packet }: Caught): string => Buffer.from(writePacket(packet)).toString("hex");

  it("INIT has c0000004", async () => {
    const { run, init } = await client();
    expect(bytesOf(init)).toContain("c0000004");
    await run.end();
  });

  it("INIT ACK has c0000004", async () => {
    const { run, initAck } = await server();
    expect(bytesOf(initAck)).toContain("c0000004");
    await run.end();
  });

  it("FORWARD TSN is type 192, flags 0, length 8 and 4 for each stream, TSN, stream, SSN", async () => {
    const { run, fd } = await client();
    await play(run, fd, "send 10 rtx 0 sid 5\nforget");
    const { packets = [] } = await run.request("advance", { us: 1_000_000 });
    const tsn = run.peer.theirFirstTsn.toString(16).padStart(8, "0");
    expect(packets.map(({ hex }) => hex.slice(24))).toEqual([`c000000c${tsn}00050000`]);
    expect(packets.map(({ t }) => t)).toEqual([run.nowMs * 1000]);
    await run.end();
  });

  it("without streams its length is 8", async () => {
    const { run, fd } = await client();
    await play(run, fd, "send 10 rtx 0 u\nforget");
    const { packets = [] } = await run.request("advance", { us: 1_000_000 });
    const tsn = run.peer.theirFirstTsn.toString(16).padStart(8, "0");
    expect(packets.map(({ hex }) => hex.slice(24))).toEqual([`c0000008${tsn}`]);
    await run.end();
  });
});

describe("ERROR of the peer (3.3.3)", () => {
  const value = Uint8Array.from([0xc0, 0, 0, 4]);
  const report = { type: "ERROR", causes: [{ type: "UNRECOGNIZED_PARAMETERS", code: 8, value }] } as const;

  it("for the parameter: a message with a policy is sent until it is acknowledged", async () => {
    const { run, fd } = await client();
    await run.gives([report]);
    await play(run, fd, none);
    await run.end();
  });

  it("for the parameter, to a server, likewise", async () => {
    const { run, fd } = await server();
    await run.gives([report]);
    await play(run, fd, none);
    await run.end();
  });
});
