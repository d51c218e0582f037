import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readTestMessage, writeTestMessage } from "../../agents/application/index.ts";

const sources = fileURLToPath(new URL("../../agents/usrsctp-peer", import.meta.url));

/** write FLOW STREAM NUMBER SIZE TIME: a message; read STREAM: checks the one on stdin; tally N...: its counts. */
const DRIVER = `
#include <stdio.h>
#include <stdlib.h>
#include "message.h"
#include "tally.h"
int main(int argc, char **argv) {
	static uint8_t bytes[MESSAGE_MAX + 1];
	static struct tally tally;
	struct message_header header;
	struct counts counts = {0};
	crc32c_prepare();
	if (strcmp(argv[1], "write") == 0) {
		header = (struct message_header){(enum flow)atoi(argv[2]), (uint16_t)atoi(argv[3]), (uint32_t)strtoul(argv[4], NULL, 10)};
		message_write(bytes, (size_t)atoi(argv[5]), header, strtoull(argv[6], NULL, 10));
		fwrite(bytes, 1, (size_t)atoi(argv[5]), stdout);
	} else if (strcmp(argv[1], "read") == 0) {
		size_t length = fread(bytes, 1, sizeof bytes, stdin);
		bool intact = message_read(bytes, length, (uint16_t)atoi(argv[2]), &header);
		printf("%d %s %u", intact, flow_names[header.flow % FLOW_COUNT], header.number);
	} else {
		for (int at = 2; at < argc; at++) tally_add(&tally, &counts, (uint32_t)strtoul(argv[at], NULL, 10));
		printf("%d lost, %d duplicated, %d reordered", (int)tally.missing, (int)counts.duplicated, (int)counts.reordered);
	}
	return 0;
}
`;

let folder: string;
let driver: string | undefined;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "understudy-parts-"));
  const program = join(folder, "driver");
  try {
    execFileSync("gcc", ["--version"], { stdio: "ignore" });
  } catch {
    return;
  }
  const argv = [
    "-x",
    "c",
    "-Wall",
    "-Wextra",
    "-fsanitize=address,undefined",
    "-I",
    sources,
    "-o",
    program,
    "-",
  ];
  execFileSync("gcc", argv, { input: DRIVER, stdio: "pipe" });
  driver = program;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const noCompiler = "gcc is not installed";

test.for<readonly [number, number, number, number]>([
  [0, 0, 0, 24],
  [1, 3, 4_294_967_295, 25],
  [2, 65_535, 300, 1400],
  [0, 7, 77, 65_536],
])(
  "flow %i, stream %i, number %i, %i bytes: C and TypeScript write the same",
  ([flow, streamId, number, sizeBytes], ctx) => {
    if (driver === undefined) return ctx.skip(noCompiler);
    const sentAtUs = 1_795_000_000_123_456;
    const name = (["up", "down", "echo"] as const)[flow] ?? "up";
    const ours = writeTestMessage({ flow: name, streamId, number, sizeBytes, sentAtUs });
    const argv = ["write", flow, streamId, number, sizeBytes, sentAtUs].map(String);
    const theirs = execFileSync(driver, argv, { maxBuffer: 1 << 20 });
    expect(new Uint8Array(theirs)).toEqual(ours);
    expect(readTestMessage(theirs)?.intact).toBe(true);
    expect(execFileSync(driver, ["read", `${streamId}`], { input: ours }).toString()).toBe(
      `1 ${name} ${number}`,
    );
  },
);

test("any flipped bit is noticed, and so is a message on the wrong stream", (ctx) => {
  if (driver === undefined) return ctx.skip(noCompiler);
  const whole = writeTestMessage({ flow: "down", streamId: 2, number: 9, sizeBytes: 30, sentAtUs: 1 });
  for (let at = 0; at < whole.length; at++) {
    const damaged = whole.map((byte, index) => (index === at ? byte ^ 4 : byte));
    expect(execFileSync(driver, ["read", "2"], { input: damaged }).toString()).toMatch(/^0 /);
  }
  expect(execFileSync(driver, ["read", "3"], { input: whole }).toString()).toMatch(/^0 /);
  expect(execFileSync(driver, ["read", "2"], { input: whole.subarray(0, 20) }).toString()).toMatch(/^0 /);
});

test.for<readonly [readonly number[], string]>([
  [[0, 1, 2], "0 lost, 0 duplicated, 0 reordered"],
  [[0, 1, 4], "2 lost, 0 duplicated, 0 reordered"],
  [[0, 2, 1, 3], "0 lost, 0 duplicated, 1 reordered"],
  [[0, 1, 1, 2, 0], "0 lost, 2 duplicated, 0 reordered"],
  [[0, 3, 2, 2], "1 lost, 1 duplicated, 1 reordered"],
  [[5000, 4999, 4999], "4999 lost, 1 duplicated, 1 reordered"],
  [[0, 4096, 8192, 8191], "8189 lost, 0 duplicated, 1 reordered"],
])("numbers %j: %s", ([numbers, counts], ctx) => {
  if (driver === undefined) return ctx.skip(noCompiler);
  expect(execFileSync(driver, ["tally", ...numbers.map(String)]).toString()).toBe(counts);
});
