import { expect } from "vitest";
import { ssn, tsn } from "../../../agents/sctp/index.ts";
import type { Chunk, DataChunk, Parameter } from "../../../agents/sctp/wire/index.ts";
import { InThisProcess, PEER, Run } from "../../adapter/runner.ts";
import type { Answer } from "../../adapter/runner.ts";
import type { Caught } from "../../support/sctp-script.ts";
import { ScriptPeer, cookieAck } from "../../support/sctp-script.ts";

/**
 * Short scripts for the conformance adapter, one step a line, played in its JSON on the virtual clock. TSNs of
 * both sides count from 1, instants in milliseconds from the end of the handshake.
 *
 *   send 100 rtx 0 sid 2 u        sendmsg: length, policy and its value, stream, unordered; `= EAGAIN`: it fails
 *   < DATA 2 0:1 + SACK 0 2-3     a packet of the peer, as below
 *   now SACK 2                    exactly these packets have come since the last look, at this instant
 *   at 1000 FORWARD_TSN 1 0:0     nothing comes before, and exactly these at this instant; packets stand apart by `;`
 *   silent 5000                   nothing comes for so long
 *   read 0:1 100                  recvmsg: stream, SSN (`u`: unordered) and bytes, `..` behind it: not the end
 *   read EAGAIN
 *   state SCTP_ESTABLISHED
 *   shutdown, close, forget (what has come)
 *   option NAME VALUE
 *
 * Chunks: `DATA tsn stream:ssn|u length` with `b`, `m` or `e` where it is a fragment; `FORWARD_TSN tsn
 * stream:ssn ...`; `SACK tsn first-last ... dup tsn ...`; `SHUTDOWN tsn`; others by name.
 */
export async function play(run: Run, fd: number, script: string): Promise<void> {
  const startMs = run.nowMs;
  for (const line of script.split("\n").map((each) => each.trim())) {
    if (line === "") continue;
    const [verb = "", ...words] = line.split(" ");
    await step({ run, fd, startMs, line }, verb, words);
  }
}

interface Stage {
  readonly run: Run;
  readonly fd: number;
  readonly startMs: number;
  readonly line: string;
}

async function step(
  { run, fd, startMs, line }: Stage,
  verb: string,
  words: readonly string[],
): Promise<void> {
  const rest = words.join(" ");
  const look = (): string => {
    const packets = run.takes().map((caught) => `${caught.atMs - startMs} ${inWords(run.peer, caught)}`);
    return packets.join("; ");
  };
  const wanted = (atMs: number, packets: string): string =>
    packets === ""
      ? ""
      : packets
          .split("; ")
          .map((packet) => `${atMs} ${packet}`)
          .join("; ");
  switch (verb) {
    case "send":
      expect(outcome(await run.request("sendmsg", { fd, ...messageOf(words) })), line).toBe(
        words.includes("=") ? words.at(-1) : words[0],
      );
      break;
    case "<":
      await run.gives(rest.split(" + ").map((chunk) => chunkOf(run.peer, chunk.split(" "))));
      break;
    case "now":
      expect(look(), line).toBe(wanted(run.nowMs - startMs, rest));
      break;
    case "at": {
      const atMs = Number(words[0]);
      expect(look(), `in front of: ${line}`).toBe("");
      await run.waits(startMs + atMs - run.nowMs);
      expect(look(), line).toBe(wanted(atMs, words.slice(1).join(" ")));
      break;
    }
    case "silent":
      expect(look(), `in front of: ${line}`).toBe("");
      await run.waits(Number(words[0]));
      expect(look(), line).toBe("");
      break;
    case "wait":
      await run.waits(Number(words[0]));
      break;
    case "read":
      expect(await reading(run, fd), line).toBe(rest);
      break;
    case "state":
      expect((await run.status(fd))["sstat_state"], line).toBe(rest);
      break;
    case "shutdown":
      await run.call("shutdown", { fd, how: "SHUT_WR" });
      break;
    case "close":
      await run.call("close", { fd });
      break;
    case "forget":
      run.takes();
      break;
    case "option":
      expect((await setOption(run, fd, words[0] ?? "", JSON.parse(words.slice(1).join(" ")))).ret, line).toBe(
        0,
      );
      break;
    default:
      throw new Error(`there is no step "${line}"`);
  }
}

const setOption = (run: Run, fd: number, name: string, value: unknown): Promise<Answer> => {
  const level = name.startsWith("SO_") ? "SOL_SOCKET" : "IPPROTO_SCTP";
  return run.request("setsockopt", { fd, level, name, value });
};

const outcome = ({ ret, err }: { readonly ret: number; readonly err?: string }): string | undefined =>
  ret < 0 ? err : String(ret);

function messageOf(words: readonly string[]): Readonly<Record<string, unknown>> {
  const policy = words.find((word) => word === "ttl" || word === "rtx" || word === "prio");
  const behind = (word: string): number => Number(words[words.indexOf(word) + 1]);
  return {
    len: Number(words[0]),
    unordered: words.includes("u"),
    ...(words.includes("sid") ? { sid: behind("sid") } : undefined),
    ...(policy === undefined ? undefined : { pr_policy: policy, pr_value: behind(policy) }),
  };
}

async function reading(run: Run, fd: number): Promise<string> {
  const { ret, err, eor, info } = await run.request("recvmsg", { fd, max: 1_000_000 });
  if (ret < 0) return String(err);
  if (info === undefined) return String(ret);
  const { sid, ssn: number, unordered } = info as Readonly<Record<string, unknown>>;
  return `${String(sid)}:${unordered === true ? "u" : String(number)} ${ret}${eor === true ? "" : ".."}`;
}

const pairOf = (word: string): readonly [number, number] => {
  const [left, right] = word.split(/[:-]/u);
  return [Number(left), Number(right)];
};

/** A chunk of the peer. */
function chunkOf(peer: ScriptPeer, [type = "", first = "", ...others]: readonly string[]): Chunk {
  const number = Number(first);
  switch (type) {
    case "DATA":
      return dataOf(number, others);
    case "FORWARD_TSN":
      return {
        type,
        newCumulativeTsn: tsn(number >>> 0),
        streams: others.map(pairOf).map(([streamId, each]) => ({ streamId, ssn: ssn(each) })),
      };
    case "SACK": {
      const gaps = others.map(pairOf).map(([start, end]) => ({ start: start - number, end: end - number }));
      return peer.sack(number, { gaps });
    }
    case "SHUTDOWN":
      return peer.shutdown(number);
    case "SHUTDOWN_ACK":
    case "COOKIE_ACK":
      return { type };
    default:
      throw new Error(`the peer sends no ${type}`);
  }
}

function dataOf(number: number, [place = "0:0", length = "100", part]: readonly string[]): DataChunk {
  const [streamId, order = ""] = place.split(":");
  return {
    type: "DATA",
    tsn: tsn(number >>> 0),
    streamId: Number(streamId),
    ssn: ssn(order === "u" ? 0 : Number(order)),
    ppid: 0,
    unordered: order === "u",
    beginning: part === undefined || part === "b",
    ending: part === undefined || part === "e",
    immediate: false,
    payload: new Uint8Array(Number(length)),
  };
}

const inWords = (peer: ScriptPeer, { packet }: Caught): string =>
  packet.chunks.map((chunk) => chunkInWords(peer, chunk)).join(" + ");

function chunkInWords(peer: ScriptPeer, chunk: Chunk): string {
  const relative = (number: number): number => (number - peer.theirFirstTsn + 1) >>> 0;
  switch (chunk.type) {
    case "DATA": {
      const { streamId, unordered, payload, beginning, ending } = chunk;
      const part = beginning ? (ending ? "" : " b") : ending ? " e" : " m";
      const order = unordered ? "u" : chunk.ssn;
      return `DATA ${relative(chunk.tsn)} ${streamId}:${order} ${payload.length}${part}`;
    }
    case "FORWARD_TSN": {
      const streams = chunk.streams.map((each) => `${each.streamId}:${each.ssn}`);
      return ["FORWARD_TSN", relative(chunk.newCumulativeTsn), ...streams].join(" ");
    }
    case "SACK": {
      const { cumulativeTsn, gaps, duplicates } = chunk;
      const blocks = gaps.map(({ start, end }) => `${cumulativeTsn + start}-${cumulativeTsn + end}`);
      const repeated = duplicates.length === 0 ? [] : ["dup", ...duplicates];
      return ["SACK", cumulativeTsn, ...blocks, ...repeated].join(" ");
    }
    case "SHUTDOWN":
      return `SHUTDOWN ${chunk.cumulativeTsn}`;
    case "ERROR":
    case "ABORT":
      return [chunk.type, ...chunk.causes.map(({ type }) => type)].join(" ");
    default:
      return chunk.type;
  }
}

export const supported: Parameter = { type: "FORWARD_TSN_SUPPORTED" };

export interface HandshakeSetting {
  /** Fields of `hello`. */
  readonly hello?: Readonly<Record<string, unknown>>;
  /** What the peer says beside the cookie. */
  readonly parameters?: readonly Parameter[];
  readonly windowBytes?: number;
  /** Options before the handshake, by name. */
  readonly options?: Readonly<Record<string, unknown>>;
}

async function prepared(setting: HandshakeSetting): Promise<{ run: Run; fd: number }> {
  const peer = new ScriptPeer();
  peer.windowBytes = setting.windowBytes ?? peer.windowBytes;
  const run = new Run(peer, new InThisProcess());
  await run.hello(setting.hello);
  const fd = await run.socket();
  const quiet = { SCTP_NODELAY: 1, SCTP_PEER_ADDR_PARAMS: { spp_flags: ["SPP_HB_DISABLE"] } };
  for (const [name, value] of Object.entries({ ...quiet, ...setting.options }))
    expect((await run.set(fd, name, value)).ret, name).toBe(0);
  return { run, fd };
}

/** The adapter calls: an association, with SCTP_NODELAY and without HEARTBEATs; answers its INIT as well. */
export async function client(
  setting: HandshakeSetting = {},
): Promise<{ run: Run; fd: number; init: Caught }> {
  const { run, fd } = await prepared(setting);
  await run.request("connect", { fd, ip: PEER, port: 8080 });
  const [init] = run.takes();
  const cookie = { type: "STATE_COOKIE", cookie: Uint8Array.from([1, 2, 3, 4]) } as const;
  await run.gives([run.peer.initAck({ parameters: [...(setting.parameters ?? [supported]), cookie] })]);
  await run.gives([cookieAck]);
  run.takes();
  return { run, fd, init: init! };
}

/** The adapter is called: the same, and its INIT ACK. */
export async function server(
  setting: HandshakeSetting = {},
): Promise<{ run: Run; fd: number; initAck: Caught }> {
  const { run, fd: listener } = await prepared(setting);
  await run.call("listen", { fd: listener, backlog: 1 });
  await run.gives([run.peer.init({ parameters: setting.parameters ?? [supported] })]);
  const [initAck] = run.takes();
  await run.gives([run.peer.cookieEcho()]);
  run.takes();
  return { run, fd: await run.call("accept", { fd: listener }), initAck: initAck! };
}
