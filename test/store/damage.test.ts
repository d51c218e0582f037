import Database from "better-sqlite3";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, test } from "vitest";
import { createDesk, createRun, openRun, RunStoreError } from "../../main/store/index.ts";
import { goodRun } from "../support/history-builder.ts";
import { realized, record, temporaryRuns } from "../support/recorded-run.ts";

const refusal = (open: () => unknown): string => {
  try {
    open();
  } catch (error) {
    if (error instanceof RunStoreError) return error.message;
    throw error;
  }
  throw new Error("it was opened");
};

/** One sentence, or two where the second says what to do. */
const isClear = (message: string): void => {
  expect(message).not.toContain("\n");
  expect(message).toMatch(/\.$/);
  expect(message.length).toBeLessThan(300);
};

describe("a run that was cut off", () => {
  test("opens after its recorder was killed, says so, and shows what was recorded", async () => {
    using runs = temporaryRuns();
    const script = join(import.meta.dirname, "../support/recorder-child.ts");
    const child = spawn(process.execPath, [script, runs.path], { stdio: ["ignore", "pipe", "inherit"] });
    const [folder] = (await once(createInterface(child.stdout), "line")) as [string];
    const stateAt = (): never => {
      throw new Error("not asked for here");
    };
    const desk = createDesk({ runsDir: runs.path, stateAt });
    const [alive] = await desk.send("runs.list", {});
    expect(alive).toMatchObject({ outcome: "not-judged", headline: "This run is being recorded now." });

    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
    const [dead] = await desk.send("runs.list", {});
    expect(dead).toMatchObject({ outcome: "cut-off", title: "a run that is killed" });
    expect(dead?.headline).toContain("cut off");
    const reader = openRun(folder);
    expect(reader.cutOff).toBe(true);
    expect(reader.history()).toEqual(realized(goodRun()));
    reader.close();
    const runId = dead?.id ?? "";
    const ladder = await desk.send("run.ladder", { runId, fromUs: 0, toUs: 2e15, limit: 20_000 });
    expect(ladder.transmissions.length).toBeGreaterThan(50);
    expect((await desk.send("run.open", { runId })).marks.map(({ kind }) => kind)).toContain("first-packet");
  });

  test("opens when it was let go of before anything was recorded", () => {
    using runs = temporaryRuns();
    const writer = createRun({
      runsDir: runs.path,
      scenario: "empty",
      title: "nothing",
      meta: { peer: "none" },
    });
    writer.close();
    const reader = openRun(writer.paths.folder);
    expect(reader.cutOff).toBe(true);
    expect(reader.history().packets).toEqual([]);
    reader.close();
  });
});

describe("a file that is no good ends in one clear sentence", () => {
  const finished = (runsDir: string): string => record(runsDir, realized(goodRun())).finish().sqlite;

  test("missing, or a folder without a run", () => {
    using runs = temporaryRuns();
    const missing = refusal(() => openRun(join(runs.path, "nowhere")));
    expect(missing).toContain("There is no run at");
    isClear(missing);
    isClear(refusal(() => openRun(runs.path)));
  });

  test("not SQLite, cut short, overwritten in the middle, empty", () => {
    using runs = temporaryRuns();
    const path = finished(runs.path);
    const good = readFileSync(path);
    // A page in the middle of the data: the file opens, and only a check of all pages finds it.
    const pageOfPackets = Math.floor(good.length / 2 / 4096) * 4096;
    const spoil: readonly ((bytes: Buffer) => void)[] = [
      () => writeFileSync(path, "hello".repeat(400)),
      () => truncateSync(path, Math.floor(good.length / 3)),
      (bytes) => writeFileSync(path, bytes.fill(0x5a, 8192, bytes.length - 4096)),
      (bytes) => writeFileSync(path, bytes.fill(0x5a, pageOfPackets, pageOfPackets + 4096)),
      () => truncateSync(path, 0),
    ];
    for (const change of spoil) {
      writeFileSync(path, good);
      change(Buffer.from(good));
      isClear(refusal(() => openRun(path)));
    }
  });

  test("a SQLite file of another program, and one of a newer Understudy", () => {
    using runs = temporaryRuns();
    const foreign = join(runs.path, "foreign.sqlite");
    const database = new Database(foreign);
    database.exec("CREATE TABLE note (text TEXT)");
    database.close();
    expect(refusal(() => openRun(foreign))).toContain("not a run of Understudy");
    const path = finished(runs.path);
    const newer = new Database(path);
    newer.pragma("user_version = 99");
    newer.close();
    expect(refusal(() => openRun(path))).toContain("use a newer one");
  });

  test("a folder that cannot be made, and a scenario name that does not fit", () => {
    using runs = temporaryRuns();
    writeFileSync(join(runs.path, "file"), "");
    const create = (runsDir: string, scenario: string) => (): unknown =>
      createRun({ runsDir, scenario, title: "x", meta: { peer: "none" } });
    isClear(refusal(create(join(runs.path, "file"), "demo")));
    isClear(refusal(create(runs.path, "../demo")));
  });
});
