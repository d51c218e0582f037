import { afterEach, beforeEach, expect, test } from "vitest";
import { nowMicros } from "../../main/lab/job/now.ts";
import { Recording } from "../../main/lab/job/recording.ts";
import type { RunWriter } from "../../main/store/index.ts";
import { createRun } from "../../main/store/index.ts";
import { temporaryRuns } from "../support/recorded-run.ts";

/** What a run says when something does not come, with the real clock and a real run file. */
let runs: ReturnType<typeof temporaryRuns>;
let writer: RunWriter;
let recording: Recording;

beforeEach(() => {
  runs = temporaryRuns();
  writer = createRun({ runsDir: runs.path, scenario: "main-job", title: "a run", meta: { peer: "agent" } });
  recording = new Recording(writer, (error) => {
    throw error;
  });
  const host = { outsideAddress: "192.0.2.1", clockErrorMicros: 0 };
  const members = [
    { ...host, name: "a", role: "primary" },
    { ...host, name: "b", role: "secondary" },
  ] as const;
  recording.setHosts(members, new Map());
});

afterEach(() => {
  recording.close();
  writer.close();
  runs[Symbol.dispose]();
});

const stall = (agoMicros: number) =>
  ({ kind: "event", at: nowMicros() - agoMicros, name: "stall", text: "", detail: {} }) as const;

test("a desk that reads a host's records late says that the computer is too busy", () => {
  recording.records("a", [stall(5000)]);
  recording.records("b", [stall(61_000_000), stall(60_000_000)]);
  expect(recording.whyLost()).toBe(
    "this computer is too busy to follow, what b reports is read 60 s late; choose a lower --rate, or end other programs",
  );
});

test("one that has caught up asks to look at the networks", () => {
  recording.records("b", [stall(60_000_000)]);
  recording.records("b", [stall(5000)]);
  expect(recording.whyLost()).toContain("check the networks");
});

test("what the hosts reported of a lost association comes before both", () => {
  const lost = { ...stall(60_000_000), name: "association-lost", text: "the peer sent ABORT" } as const;
  recording.records("b", [lost]);
  expect(recording.whyLost()).toBe("b: the peer sent ABORT");
});
