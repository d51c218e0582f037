import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import type { AgentMessage, DeskMessage } from "../../../agents/control/index.ts";
import type { AgentRecord } from "../../../agents/control/records.ts";
import { parseAgentMessage } from "../../../agents/control/index.ts";
import { readLines } from "../../../main/lab/job/lines.ts";

const entry: string = new URL("../../../agents/host/entry.ts", import.meta.url).pathname;

/** A real agent process, spoken to as the desk does. */
export class AgentTalk {
  readonly child: ChildProcess;
  readonly messages: AgentMessage[] = [];
  #changed: () => void = () => undefined;

  constructor(args: readonly string[] = [], environment: Readonly<Record<string, string>> = {}) {
    const env = { ...process.env, ...environment };
    this.child = spawn(process.execPath, [entry, ...args], { env, stdio: ["pipe", "pipe", "inherit"] });
    readLines(this.child.stdout!, 1_000_000, (line) => {
      const parsed = parseAgentMessage(line);
      if (!parsed.ok) throw new Error(parsed.reason);
      this.messages.push(parsed.message);
      this.#changed();
    });
  }

  say(message: DeskMessage | string): void {
    this.child.stdin!.write(typeof message === "string" ? message : `${JSON.stringify(message)}\n`);
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => (this.#changed = resolve));
  }

  /** The first message of a type, as soon as it has come. */
  async hear(type: AgentMessage["type"]): Promise<AgentMessage> {
    let found: AgentMessage | undefined;
    await this.until(() => {
      found = this.messages.find((message) => message.type === type);
      return found !== undefined;
    });
    if (found === undefined) throw new Error(`no message ${type}`);
    return found;
  }

  /** Everything that it has recorded so far. */
  records(): readonly AgentRecord[] {
    return this.messages.flatMap((message) => (message.type === "records" ? message.records : []));
  }
}
