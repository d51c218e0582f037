import { expect } from "vitest";
import { Adapter } from "../../../agents/adapter/adapter.ts";
import type { Answer } from "../../../agents/adapter/adapter.ts";
import type { Chunk, IDataChunk, Parameter } from "../../../agents/sctp/wire/index.ts";
import type { Caught, ExpectedPacket } from "../../support/sctp-script.ts";
import { ScriptPeer, catchPacket, cookieAck, expectPackets } from "../../support/sctp-script.ts";
import { iData } from "../rx/chunks.ts";
import { iDataType, iForwardTsnType } from "./kit.ts";

const us = "192.168.0.1";
const them = "192.0.2.1";

type Fields = Readonly<Record<string, unknown>>;

/** Supported Extensions as a peer lists them. */
export const lists = (...chunkTypes: readonly number[]): Parameter => ({
  type: "SUPPORTED_EXTENSIONS",
  chunkTypes,
});

export const both: Parameter = lists(iDataType, iForwardTsnType);

/**
 * A conversation with the conformance adapter in its JSON, on the virtual clock, and the peer that the test
 * plays to it. Instants count from `hello`, in milliseconds.
 */
export class Adapted {
  readonly peer: ScriptPeer = new ScriptPeer();
  readonly #adapter: Adapter = new Adapter();
  #ids: number = 0;
  #caught: Caught[] = [];
  nowMs: number = 0;

  async request(op: string, fields: Fields = {}): Promise<Answer> {
    this.#ids += 1;
    const answered = await this.#adapter.answer(JSON.stringify({ id: this.#ids, op, ...fields }));
    const answer = JSON.parse(JSON.stringify(answered)) as Answer;
    expect(answer.id).toBe(this.#ids);
    this.nowMs = (answer.now ?? 0) / 1000;
    for (const { t, src, dst, hex } of answer.packets ?? []) {
      const caught = catchPacket(t / 1000, src, dst, Uint8Array.from(Buffer.from(hex, "hex")));
      this.peer.learn(caught.packet);
      this.#caught.push(caught);
    }
    return answer;
  }

  async call(op: string, fields: Fields = {}): Promise<number> {
    const { ret, err } = await this.request(op, fields);
    if (ret < 0) throw new Error(`${op} failed: ${err}`);
    return ret;
  }

  async set(fd: number, name: string, value: unknown): Promise<string> {
    const { ret, err = "" } = await this.request("setsockopt", { fd, level: "IPPROTO_SCTP", name, value });
    return ret === 0 ? "ok" : err;
  }

  async option(fd: number, name: string): Promise<unknown> {
    return (await this.request("getsockopt", { fd, level: "IPPROTO_SCTP", name }))["value"];
  }

  async error(fd: number): Promise<unknown> {
    return (await this.request("getsockopt", { fd, level: "SOL_SOCKET", name: "SO_ERROR" }))["value"];
  }

  async state(fd: number): Promise<unknown> {
    return ((await this.option(fd, "SCTP_STATUS")) as Fields)["sstat_state"];
  }

  /** A bound socket of an adapter that was greeted; `features` are switches of `hello`. */
  async socket(features: Fields = {}, type: string = "SOCK_STREAM"): Promise<number> {
    await this.call("hello", {
      ...{ contract: 1, transport: "json", clock: "virtual", mtu: 1500 },
      ...{ local_ip: us, peer_ip: them, ...features },
    });
    const fd = await this.call("socket", { type, family: "AF_INET" });
    await this.call("bind", { fd, ip: "0.0.0.0", port: 8080 });
    return fd;
  }

  /** Asks for interleaving as RFC 8260 section 4.3.1 says: level 2 first. */
  async interleaves(fd: number): Promise<void> {
    expect(await this.set(fd, "SCTP_FRAGMENT_INTERLEAVE", 2)).toBe("ok");
    expect(await this.set(fd, "SCTP_INTERLEAVING_SUPPORTED", { assoc_value: 1 })).toBe("ok");
    expect(await this.set(fd, "SCTP_NODELAY", 1)).toBe("ok");
  }

  /** The adapter calls, the peer answers with these parameters; all packets of the handshake are forgotten. */
  async connects(fd: number, parameters: readonly Parameter[] = [both]): Promise<void> {
    await this.request("connect", { fd, ip: them, port: 8080 });
    const cookie = { type: "STATE_COOKIE", cookie: Uint8Array.from([1, 2, 3, 4]) } as const;
    await this.gives(this.peer.initAck({ parameters: [...parameters, cookie] }));
    await this.gives(cookieAck);
    this.#caught = [];
  }

  /** A socket with interleaving in an association that the adapter started. */
  async connected(parameters?: readonly Parameter[]): Promise<number> {
    const fd = await this.socket();
    await this.interleaves(fd);
    await this.connects(fd, parameters);
    return fd;
  }

  /** The peer calls a listener, with these parameters; answers the descriptor of the association. */
  async accepts(listener: number, parameters: readonly Parameter[] = [both]): Promise<number> {
    await this.call("listen", { fd: listener, backlog: 1 });
    await this.gives(this.peer.init({ parameters }));
    await this.gives(this.peer.cookieEcho());
    this.#caught = [];
    return this.call("accept", { fd: listener });
  }

  async gives(...chunks: readonly Chunk[]): Promise<void> {
    await this.givesBytes(this.peer.write(chunks));
  }

  async givesBytes(bytes: Uint8Array): Promise<void> {
    await this.call("packet", { src: them, dst: us, hex: Buffer.from(bytes).toString("hex") });
  }

  /** I-DATA with this TSN: message 0 of stream 0, in one chunk of 100 bytes, unless the fields say otherwise. */
  async givesData(number: number, fields: Partial<IDataChunk> = {}): Promise<void> {
    await this.gives(data(number, fields));
  }

  async waits(ms: number, stopOnPacket: boolean = false): Promise<void> {
    await this.call("advance", { us: ms * 1000, stop_on_packet: stopOnPacket });
  }

  /** Exactly these packets came since the last time, at instants counted from `sinceMs`. */
  expects(...expected: readonly ExpectedPacket[]): Caught[] {
    const caught = this.takes();
    expectPackets(caught, expected);
    return caught;
  }

  takes(): Caught[] {
    return this.#caught.splice(0);
  }

  /** All chunks that came since the last time. */
  chunks(): Chunk[] {
    return this.takes().flatMap(({ packet }) => packet.chunks);
  }

  /** What can be read, one message or part a line: stream, `u` or `o`, SSN, bytes, and `..` where it goes on. */
  async reads(fd: number): Promise<string[]> {
    const read: string[] = [];
    for (;;) {
      const { ret, info, eor } = await this.request("recvmsg", { fd, max: 100_000 });
      if (ret <= 0 || info === undefined) return read;
      const { sid, unordered, ssn } = info as Fields;
      read.push(
        `${String(sid)}${unordered === true ? "u" : "o"}${String(ssn)}:${ret}${eor === true ? "" : ".."}`,
      );
    }
  }
}

export const data = (number: number, fields: Partial<IDataChunk> = {}): IDataChunk =>
  iData(number >>> 0, { ppid: 0, payload: new Uint8Array(100), ...fields });
