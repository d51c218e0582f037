import { Socket } from "node:net";
import type { AgentMessage, DeskMessage } from "../control/index.ts";
import { deskSilenceMs, maxLineBytes, parseDeskMessage } from "../control/index.ts";
import type { AgentRecord } from "../control/records.ts";
import type { InstanceRecord } from "../replica/index.ts";
import { Presence } from "./presence.ts";

/** Short, because a killed agent takes with it what it has not handed over. */
const flushMs = 4;
const tickMs = 1000;
/** With more than this unread by the desk, records are dropped and counted rather than memory filled. */
const maxUnsentBytes = 64 * 1024 * 1024;

/** Lines in, lines out. Writing never blocks the agent: its output is a socket or pipe in asynchronous mode. */
export class ControlChannel {
  readonly #output: Socket = new Socket({ fd: 1, readable: false });
  #records: AgentRecord[] = [];
  #dropped: number = 0;
  #flushing: NodeJS.Timeout | undefined;

  /** `onEnd`: the desk is gone, whatever the reason. */
  constructor(onMessage: (message: DeskMessage) => void, onEnd: () => void) {
    this.#output.on("error", onEnd);
    const presence = new Presence(deskSilenceMs, tickMs);
    setInterval(() => {
      if (presence.tick()) onEnd();
    }, tickMs).unref();
    let rest = "";
    process.stdin.setEncoding("utf8");
    process.stdin.on("data", (text: string) => {
      presence.heard();
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line.trim() === "") continue;
        const parsed = parseDeskMessage(line);
        if (parsed.ok) onMessage(parsed.message);
        else
          this.send({ type: "error", message: `the agent cannot read a control message (${parsed.reason})` });
      }
      if (rest.length > maxLineBytes) onEnd();
    });
    process.stdin.on("end", onEnd);
    process.stdin.on("error", onEnd);
  }

  /** Nothing is said after the end: a word too many would break off what is still on its way. */
  send(message: AgentMessage): void {
    if (this.#output.writableEnded) return;
    this.#output.write(`${JSON.stringify(message)}\n`);
  }

  record(records: readonly InstanceRecord[]): void {
    for (const record of records) {
      this.#records.push(
        record.kind === "update"
          ? { ...record, bytes: Buffer.from(record.bytes).toString("base64") }
          : record,
      );
    }
    if (this.#records.length > 0) this.#flushing ??= setTimeout(() => this.flush(), flushMs);
  }

  flush(): void {
    clearTimeout(this.#flushing);
    this.#flushing = undefined;
    const records = this.#records.splice(0);
    if (records.length === 0) return;
    if (this.#output.writableLength > maxUnsentBytes) {
      this.#dropped += records.length;
      return;
    }
    if (this.#dropped > 0) {
      this.send({
        type: "error",
        message: `the desk did not read fast enough and ${this.#dropped} records are lost: choose a lower --rate or --size`,
      });
      this.#dropped = 0;
    }
    this.send({ type: "records", records });
  }

  /** Resolves when everything was handed over. */
  end(): Promise<void> {
    this.flush();
    return new Promise((resolve) => this.#output.end(resolve));
  }
}
