import { spawn } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Adapter } from "../../agents/adapter/adapter.ts";
import type { Chunk } from "../../agents/sctp/wire/index.ts";
import type { Caught, Envelope, ExpectedPacket } from "../support/sctp-script.ts";
import { ScriptPeer, catchPacket, cookieAck, expectPackets } from "../support/sctp-script.ts";

export const US = "192.168.0.1";
export const PEER = "192.0.2.1";
export const PEER_TOO = "192.0.2.2";

const entry = fileURLToPath(new URL("../../agents/adapter/entry.ts", import.meta.url));
const answerLimitMs = 10_000;

export interface Answer {
  readonly id: number | null;
  readonly ret: number;
  readonly err?: string;
  readonly now?: number;
  readonly packets?: readonly { t: number; src: string; dst: string; hex: string }[];
  readonly value?: unknown;
  readonly message?: string;
  readonly [field: string]: unknown;
}

type Fields = Readonly<Record<string, unknown>>;

/** Where the lines go. */
interface Conversation {
  /** The answer to a line. */
  say(text: string): Promise<string>;
  /** The end of the input ends the adapter. */
  end(): Promise<void>;
  kill(): void;
}

/** The adapter as a process, as runners start it. */
class Process implements Conversation {
  readonly closed: Promise<number | null>;
  #child: ChildProcessWithoutNullStreams = spawn(process.execPath, [entry], { stdio: "pipe" });
  #waiting: ((line: string) => void)[] = [];
  #stderr: string = "";

  constructor() {
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
    });
    createInterface({ input: this.#child.stdout }).on("line", (line) => this.#waiting.shift()?.(line));
    this.closed = new Promise((resolve) => this.#child.once("close", resolve));
  }

  say(text: string): Promise<string> {
    const answered = new Promise<string>((resolve) => this.#waiting.push(resolve));
    this.#child.stdin.write(`${text}\n`);
    const late = new Promise<never>((_, reject) => {
      setTimeout(
        () => reject(new Error(`no answer to ${text.slice(0, 200)}\n${this.#stderr}`)),
        answerLimitMs,
      ).unref();
    });
    const gone = this.closed.then((code): never => {
      throw new Error(`the adapter ended with ${code} at ${text.slice(0, 200)}\n${this.#stderr}`);
    });
    return Promise.race([answered, late, gone]);
  }

  async end(): Promise<void> {
    this.#child.stdin.end();
    await this.closed;
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }
}

/** The adapter in this process: for many short scripts. */
export class InThisProcess implements Conversation {
  readonly #adapter: Adapter = new Adapter();

  async say(text: string): Promise<string> {
    return JSON.stringify(await this.#adapter.answer(text));
  }

  async end(): Promise<void> {
    this.kill();
  }

  kill(): void {
    this.#adapter.close();
  }
}

/** A conversation with the adapter, and the peer that the test plays to it. */
export class Run {
  readonly peer: ScriptPeer;
  readonly #conversation: Conversation;
  #ids: number = 0;
  #caught: Caught[] = [];
  /** Virtual time, in milliseconds. */
  nowMs: number = 0;

  constructor(peer: ScriptPeer = new ScriptPeer(), conversation: Conversation = new Process()) {
    this.peer = peer;
    this.#conversation = conversation;
  }

  /** Exit code, once the adapter's process has ended. */
  get closed(): Promise<number | null> {
    if (!(this.#conversation instanceof Process)) throw new Error("the adapter is no process");
    return this.#conversation.closed;
  }

  /** Writes a line as it is, and waits for the answer. */
  async line(text: string): Promise<Answer> {
    const answer = JSON.parse(await this.#conversation.say(text)) as Answer;
    if (answer.now !== undefined) this.nowMs = answer.now / 1000;
    for (const { t, src, dst, hex } of answer.packets ?? []) {
      const caught = catchPacket(t / 1000, src, dst, Uint8Array.from(Buffer.from(hex, "hex")));
      this.peer.learn(caught.packet);
      this.#caught.push(caught);
    }
    return answer;
  }

  async request(op: string, fields: Fields = {}): Promise<Answer> {
    this.#ids += 1;
    const answer = await this.line(JSON.stringify({ id: this.#ids, op, ...fields }));
    if (answer.id !== this.#ids) throw new Error(`answer ${answer.id} to request ${this.#ids}`);
    return answer;
  }

  /** The value of a call that must succeed. */
  async call(op: string, fields: Fields = {}): Promise<number> {
    const { ret, err, message = "" } = await this.request(op, fields);
    if (ret < 0) throw new Error(`${op} failed: ${err} ${message}`);
    return ret;
  }

  /** The errno of a call that must fail. */
  async failure(op: string, fields: Fields = {}): Promise<string> {
    const { ret, err } = await this.request(op, fields);
    if (ret >= 0 || err === undefined) throw new Error(`${op} did not fail but answered ${ret}`);
    return err;
  }

  async hello(fields: Fields = {}): Promise<void> {
    await this.call("hello", {
      contract: 1,
      transport: "json",
      clock: "virtual",
      mtu: 1500,
      local_ip: US,
      peer_ip: PEER,
      local_ips: [US],
      peer_ips: [PEER, PEER_TOO],
      ...fields,
    });
  }

  /** A packet of the peer arrives. */
  async gives(chunks: readonly Chunk[], envelope: Envelope & { from?: string } = {}): Promise<void> {
    await this.givesBytes(this.peer.write(chunks, envelope), envelope.from);
  }

  async givesBytes(bytes: Uint8Array, from: string = PEER): Promise<void> {
    await this.call("packet", { src: from, dst: US, hex: Buffer.from(bytes).toString("hex") });
  }

  /** Time passes. */
  async waits(ms: number, stopOnPacket: boolean = false): Promise<void> {
    await this.call("advance", { us: ms * 1000, stop_on_packet: stopOnPacket });
  }

  /** What came since the last time. */
  takes(): Caught[] {
    return this.#caught.splice(0);
  }

  /** Exactly these packets came since the last time. */
  expect(...expected: readonly ExpectedPacket[]): Caught[] {
    const caught = this.takes();
    expectPackets(caught, expected);
    return caught;
  }

  /** A socket of this type, bound to port 8080. */
  async socket(type: "SOCK_STREAM" | "SOCK_SEQPACKET" = "SOCK_STREAM"): Promise<number> {
    const fd = await this.call("socket", { type, family: "AF_INET" });
    await this.call("bind", { fd, ip: "0.0.0.0", port: 8080 });
    return fd;
  }

  /** An association that the adapter starts. */
  async connected(addresses: readonly string[] = []): Promise<number> {
    const fd = await this.socket();
    await this.failure("connect", { fd, ip: PEER, port: 8080 });
    this.expect({ chunks: [{ type: "INIT" }] });
    await this.gives([this.peer.initAck({}, addresses)]);
    this.expect({ chunks: [{ type: "COOKIE_ECHO" }] });
    await this.gives([cookieAck]);
    return fd;
  }

  /** An association that the peer starts; answers the descriptors of the listener and of the association. */
  async accepted(backlog: number = 1): Promise<{ listener: number; fd: number }> {
    const listener = await this.socket();
    await this.call("listen", { fd: listener, backlog });
    await this.calls();
    return { listener, fd: await this.call("accept", { fd: listener }) };
  }

  /** The peer does its half of the handshake. */
  async calls(): Promise<void> {
    await this.gives([this.peer.init()]);
    this.expect({ chunks: [{ type: "INIT_ACK" }], tag: this.peer.tag });
    await this.gives([this.peer.cookieEcho()]);
    this.expect({ chunks: [{ type: "COOKIE_ACK" }] });
  }

  async error(fd: number): Promise<unknown> {
    return this.#option(fd, "SOL_SOCKET", "SO_ERROR");
  }

  async status(fd: number): Promise<Fields> {
    return (await this.#option(fd, "IPPROTO_SCTP", "SCTP_STATUS")) as Fields;
  }

  async option(fd: number, name: string): Promise<unknown> {
    return this.#option(fd, "IPPROTO_SCTP", name);
  }

  async #option(fd: number, level: string, name: string): Promise<unknown> {
    const { ret, value, err } = await this.request("getsockopt", { fd, level, name });
    if (ret !== 0) throw new Error(`getsockopt ${name} failed: ${err}`);
    return value;
  }

  set(fd: number, name: string, value: unknown): Promise<Answer> {
    return this.request("setsockopt", { fd, level: "IPPROTO_SCTP", name, value });
  }

  /** The end of its input ends the adapter. */
  async end(): Promise<void> {
    await this.#conversation.end();
  }

  /** For a test that failed in between. */
  kill(): void {
    this.#conversation.kill();
  }
}
