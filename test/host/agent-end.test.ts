import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";

const entry: string = new URL("../../agents/host/entry.ts", import.meta.url).pathname;
/** More than a pipe and the buffers of both ends take. */
const questions = 20_000;

test("an agent that is told to end waits until a slow desk has read all that it has to say", async () => {
  const agent = spawn(process.execPath, [entry], { stdio: ["pipe", "pipe", "inherit"] });
  const closed = once(agent, "close");
  const lines = Array.from({ length: questions }, (_, id) => `${JSON.stringify({ type: "clock", id })}\n`);
  agent.stdin.write(`${lines.join("")}${JSON.stringify({ type: "quit" })}\n`);
  await sleep(2500);
  const read: string[] = [];
  agent.stdout.setEncoding("utf8").on("data", (text: string) => read.push(text));
  await closed;
  const said = read.join("").trim().split("\n");
  const answers = said.filter((line) => line.startsWith('{"type":"clock"'));
  expect(answers.length).toBe(questions);
  expect(said.at(-1)).toBe('{"type":"bye"}');
}, 30_000);
