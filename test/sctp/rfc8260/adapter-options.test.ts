import { describe, expect, it } from "vitest";
import type { Parameter } from "../../../agents/sctp/wire/index.ts";
import { Adapted, both, data, lists } from "./adapted.ts";
import { forwardTsnType, iDataType, iForwardTsnType } from "./kit.ts";

const I = iDataType;
const IF = iForwardTsnType;
const F = forwardTsnType;

const forwardTsnSupported: Parameter = { type: "FORWARD_TSN_SUPPORTED" };

type Step = readonly [name: string, value: unknown, answer: string];

const level = (value: number, answer = "ok"): Step => ["SCTP_FRAGMENT_INTERLEAVE", value, answer];
const interleaving = (value: number, answer = "ok"): Step => [
  "SCTP_INTERLEAVING_SUPPORTED",
  { assoc_value: value },
  answer,
];

/** What the user sets, and whether INIT and INIT ACK list I-DATA then. */
const combinations: readonly (readonly [string, readonly Step[], boolean])[] = [
  ["nothing", [], false],
  ["level 0 alone", [level(0)], false],
  ["level 1 alone", [level(1)], false],
  ["level 2 alone", [level(2)], false],
  ["interleaving alone", [interleaving(1, "EINVAL")], false],
  ["interleaving at level 0", [level(0), interleaving(1, "EINVAL")], false],
  ["interleaving at level 1", [level(1), interleaving(1, "EINVAL")], false],
  ["interleaving at level 2", [level(2), interleaving(1)], true],
  ["any number but 0 means on", [level(2), interleaving(7)], true],
  ["interleaving before level 2", [interleaving(1, "EINVAL"), level(2)], false],
  ["on and off again", [level(2), interleaving(1), interleaving(0)], false],
  ["off and on again", [level(2), interleaving(1), interleaving(0), interleaving(1)], true],
  ["off, which it is anyway, at any level", [interleaving(0), level(1), interleaving(0)], false],
  ["level 1 afterwards", [level(2), interleaving(1), level(1)], false],
  ["level 0 afterwards", [level(2), interleaving(1), level(0)], false],
  ["level 2 once more afterwards", [level(2), interleaving(1), level(2)], true],
  ["a level that does not exist", [level(2), interleaving(1), level(3, "EINVAL")], true],
];

const listsIn = (parameters: readonly Parameter[]): readonly number[] =>
  parameters.flatMap((each) => (each.type === "SUPPORTED_EXTENSIONS" ? each.chunkTypes : []));

describe("2.2.1 and 4.3.1 SCTP_FRAGMENT_INTERLEAVE and SCTP_INTERLEAVING_SUPPORTED", () => {
  it.each(combinations)("%s: what INIT and INIT ACK list", async (_, steps, expected) => {
    const calling = new Adapted();
    const fd = await calling.socket();
    for (const [name, value, answer] of steps) expect(await calling.set(fd, name, value)).toBe(answer);
    expect(await calling.option(fd, "SCTP_INTERLEAVING_SUPPORTED")).toEqual({
      assoc_value: expected ? 1 : 0,
    });
    await calling.request("connect", { fd, ip: "192.0.2.1", port: 8080 });
    const [call] = calling.chunks();
    const ofInit = call?.type === "INIT" ? listsIn(call.parameters) : [];
    expect([I, IF].map((type) => ofInit.includes(type))).toEqual([expected, expected]);
    expect(ofInit).toContain(F);

    const called = new Adapted();
    const listener = await called.socket();
    for (const [name, value] of steps) await called.set(listener, name, value);
    await called.call("listen", { fd: listener, backlog: 1 });
    await called.gives(called.peer.init({ parameters: [both] }));
    const [answer] = called.chunks();
    const ofInitAck = answer?.type === "INIT_ACK" ? listsIn(answer.parameters) : [];
    expect([I, IF].map((type) => ofInitAck.includes(type))).toEqual([expected, expected]);
  });

  it("without partial reliability only I-DATA is listed", async () => {
    const adapted = new Adapted();
    const fd = await adapted.socket({ pr: false });
    await adapted.interleaves(fd);
    await adapted.request("connect", { fd, ip: "192.0.2.1", port: 8080 });
    const [call] = adapted.chunks();
    const listed = call?.type === "INIT" ? listsIn(call.parameters) : [];
    expect([I, IF, F].map((type) => listed.includes(type))).toEqual([true, false, false]);
  });

  it.each([
    ["nothing", [], 0],
    ["I-DATA", [lists(I)], 1],
    ["I-FORWARD-TSN alone", [lists(IF)], 0],
    ["both", [both], 1],
    ["FORWARD TSN", [forwardTsnSupported, lists(F)], 0],
  ])("of an association it says what was agreed: a peer with %s", async (_, parameters, expected) => {
    const adapted = new Adapted();
    const fd = await adapted.connected(parameters);
    expect(await adapted.option(fd, "SCTP_INTERLEAVING_SUPPORTED")).toEqual({ assoc_value: expected });
    // And there it cannot be set.
    expect(await adapted.set(fd, "SCTP_INTERLEAVING_SUPPORTED", { assoc_value: 1 })).toBe("EINVAL");
    expect(await adapted.set(fd, "SCTP_INTERLEAVING_SUPPORTED", { assoc_value: 0 })).toBe("EINVAL");

    const called = new Adapted();
    const listener = await called.socket();
    await called.interleaves(listener);
    const accepted = await called.accepts(listener, parameters);
    expect(await called.option(accepted, "SCTP_INTERLEAVING_SUPPORTED")).toEqual({ assoc_value: expected });
    expect(await called.option(listener, "SCTP_INTERLEAVING_SUPPORTED")).toEqual({ assoc_value: 1 });
  });

  it("the level may change while the association lives, and I-DATA goes on", async () => {
    const adapted = new Adapted();
    const fd = await adapted.connected();
    expect(await adapted.set(fd, "SCTP_FRAGMENT_INTERLEAVE", 0)).toBe("ok");
    await adapted.givesData(1);
    expect(await adapted.reads(fd)).toEqual(["0o0:100"]);
    await adapted.call("write", { fd, len: 5 });
    expect(adapted.chunks().map(({ type }) => type)).toEqual(["SACK", "I_DATA"]);
  });

  it("a one-to-many socket has associations of both kinds", async () => {
    const adapted = new Adapted();
    const fd = await adapted.socket({}, "SOCK_SEQPACKET");
    await adapted.interleaves(fd);
    await adapted.connects(fd);
    await adapted.givesData(1);
    expect(await adapted.reads(fd)).toEqual(["0o0:100"]);
    expect(await adapted.set(fd, "SCTP_INTERLEAVING_SUPPORTED", { assoc_value: 0 })).toBe("ok");
    await adapted.gives(data(2, { messageId: 1 }));
    expect(await adapted.reads(fd)).toEqual(["0o1:100"]);
  });
});

describe("4.1 the SSN of a message is the lower half of its MID", () => {
  it.each([
    [0, 0],
    [65_535, 65_535],
    [65_536, 0],
    [0x12345678, 0x5678],
    [0x7fffffff, 0xffff],
  ])("MID %i is SSN %i", async (messageId, ssn) => {
    const adapted = new Adapted();
    const fd = await adapted.connected();
    await adapted.givesData(1, { messageId, unordered: true });
    expect(await adapted.reads(fd)).toEqual([`0u${ssn}:100`]);
  });
});

const scheduler = (name: unknown, answer = "ok"): Step => [
  "SCTP_STREAM_SCHEDULER",
  { assoc_value: name },
  answer,
];

describe("4.3.2 and 4.3.3 SCTP_STREAM_SCHEDULER and SCTP_STREAM_SCHEDULER_VALUE", () => {
  it.each([
    ["SCTP_SS_DEFAULT", "SCTP_SS_RR"],
    ["SCTP_SS_FCFS", "SCTP_SS_FCFS"],
    ["SCTP_SS_RR", "SCTP_SS_RR"],
    ["SCTP_SS_RR_PKT", "SCTP_SS_RR_PKT"],
    ["SCTP_SS_PRIO", "SCTP_SS_PRIO"],
    ["SCTP_SS_FB", "SCTP_SS_FB"],
    ["SCTP_SS_FC", "SCTP_SS_FB"],
    ["SCTP_SS_WFQ", "SCTP_SS_WFQ"],
  ])("%s can be chosen before and afterwards", async (name, read) => {
    const adapted = new Adapted();
    const fd = await adapted.socket();
    const [option, value] = scheduler(name);
    expect(await adapted.set(fd, option, value)).toBe("ok");
    expect(await adapted.option(fd, "SCTP_STREAM_SCHEDULER")).toEqual({ assoc_value: read });
    await adapted.connects(fd);
    expect(await adapted.set(fd, option, value)).toBe("ok");
    expect(await adapted.option(fd, "SCTP_STREAM_SCHEDULER")).toEqual({ assoc_value: read });
  });

  it("another one does not exist", async () => {
    const adapted = new Adapted();
    const fd = await adapted.socket();
    for (const name of ["SCTP_SS_NONE", 99, null, ""])
      expect(await adapted.set(fd, ...at(scheduler(name)))).toBe("EINVAL");
  });

  it("a value needs a stream that there is, and sixteen bits", async () => {
    const adapted = new Adapted();
    const fd = await adapted.connected();
    const value = (id: number, of: number): unknown => ({ stream_id: id, stream_value: of });
    expect(await adapted.set(fd, "SCTP_STREAM_SCHEDULER_VALUE", value(15, 9))).toBe("ok");
    expect(await adapted.set(fd, "SCTP_STREAM_SCHEDULER_VALUE", value(16, 9))).toBe("EINVAL");
    expect(await adapted.set(fd, "SCTP_STREAM_SCHEDULER_VALUE", value(0, 65_536))).toBe("EINVAL");
    expect(await adapted.set(fd, "SCTP_STREAM_SCHEDULER_VALUE", 3)).toBe("EINVAL");
  });

  const orders: readonly (readonly [string, Readonly<Record<number, number>>, readonly number[]])[] = [
    ["SCTP_SS_DEFAULT", {}, [0, 0, 0, 1, 2, 0, 1, 2, 0, 0, 0]],
    ["SCTP_SS_FCFS", {}, [0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 2]],
    ["SCTP_SS_RR_PKT", {}, [0, 0, 0, 1, 2, 0, 1, 2, 0, 0, 0]],
    ["SCTP_SS_PRIO", { 0: 9, 1: 5, 2: 1 }, [0, 0, 0, 2, 2, 1, 1, 0, 0, 0, 0]],
    ["SCTP_SS_WFQ", { 0: 1, 1: 1, 2: 2 }, [0, 0, 0, 1, 2, 0, 2, 0, 1, 0, 0]],
  ];

  it.each(orders)("the order of %s, set before the association", async (name, values, order) => {
    const adapted = new Adapted();
    const fd = await adapted.socket();
    await adapted.interleaves(fd);
    await adapted.set(fd, "SCTP_STREAM_SCHEDULER", { assoc_value: name });
    for (const [id, value] of Object.entries(values))
      expect(
        await adapted.set(fd, "SCTP_STREAM_SCHEDULER_VALUE", { stream_id: Number(id), stream_value: value }),
      ).toBe("ok");
    await adapted.connects(fd);
    expect((await streamsSent(adapted, fd)).slice(0, order.length)).toEqual(order);
  });

  it.each(orders)("the order of %s, set afterwards", async (name, values, order) => {
    const adapted = new Adapted();
    const fd = await adapted.connected();
    await adapted.set(fd, "SCTP_STREAM_SCHEDULER", { assoc_value: name });
    for (const [id, value] of Object.entries(values))
      expect(
        await adapted.set(fd, "SCTP_STREAM_SCHEDULER_VALUE", { stream_id: Number(id), stream_value: value }),
      ).toBe("ok");
    expect((await streamsSent(adapted, fd)).slice(0, order.length)).toEqual(order);
  });
});

const at = ([name, value]: Step): [string, unknown] => [name, value];

/** Seven fragments on stream 0, of which three leave at once; then two on stream 1 and two on stream 2. */
async function streamsSent(adapted: Adapted, fd: number): Promise<number[]> {
  for (const [sid, fragments] of [
    [0, 7],
    [1, 2],
    [2, 2],
  ])
    await adapted.call("sendmsg", { fd, len: fragments! * 1448, sid });
  const streams: number[] = [];
  for (let round = 0; round < 12; round += 1) {
    for (const chunk of adapted.chunks()) if (chunk.type === "I_DATA") streams.push(chunk.streamId);
    await adapted.gives(adapted.peer.sack(streams.length));
  }
  return streams;
}
