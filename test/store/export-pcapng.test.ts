import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { judge } from "../../captures/verdict/index.ts";
import { exportPcapng, openRun } from "../../main/store/index.ts";
import { goodRun } from "../support/history-builder.ts";
import { realized, record, temporaryRuns } from "../support/recorded-run.ts";

const hasTshark = spawnSync("tshark", ["--version"]).status === 0;
const sctpOptions = [
  "-o",
  "sctp.association_index:TRUE",
  "-o",
  "sctp.checksum:CRC-32c",
  "-d",
  "udp.port==9899,sctp",
];

/** Runs tshark, which must have nothing to complain about; answers with its lines, split at tabs. */
function tshark(file: string, fields: readonly string[]): string[][] {
  const args = ["-r", file, ...sctpOptions, "-T", "fields", ...fields.flatMap((field) => ["-e", field])];
  const { stdout, stderr, status } = spawnSync("tshark", args, { encoding: "utf8" });
  expect(status).toBe(0);
  const complaints = stderr.split("\n").filter((line) => line !== "" && !line.startsWith("Running as user"));
  expect(complaints).toEqual([]);
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.split("\t"));
}

const skipped = hasTshark ? "" : " (skipped: tshark is not installed)";

describe.skipIf(!hasTshark)(`a pcapng that a colleague opens${skipped}`, () => {
  const history = realized(goodRun());
  const recorded = (runsDir: string): string => {
    // Captures of several hosts reach the store one after the other: rows are not in order of time.
    const packets = history.packets.toSorted((left, right) => left.host.localeCompare(right.host));
    const writer = record(runsDir, { ...history, packets }, "kill the primary");
    writer.setVerdict(judge(history));
    const { folder, pcapng } = writer.finish();
    expect(readdirSync(join(folder, "captures"))).toEqual([pcapng.slice(pcapng.lastIndexOf("/") + 1)]);
    return folder;
  };

  test("the wire view shows one association, good checksums, each transmission once, in order of time", () => {
    using runs = temporaryRuns();
    const reader = openRun(recorded(runs.path));
    const lines = tshark(reader.paths.pcapng, [
      "sctp.assoc_index",
      "sctp.checksum.status",
      "frame.time_epoch",
    ]);
    expect(lines).toHaveLength((history.packets.length + 1) / 2);
    expect(new Set(lines.map(([association]) => association))).toEqual(new Set(["0"]));
    expect(new Set(lines.map(([, status]) => status))).toEqual(new Set(["1"]));
    const times = lines.map(([, , time]) => Number(time));
    expect(times).toEqual(times.toSorted((left, right) => left - right));
    reader.close();
  });

  test("comments name fault, detection, first packet from the secondary, restoration and the first copy", () => {
    using runs = temporaryRuns();
    const reader = openRun(recorded(runs.path));
    const lines = tshark(reader.paths.pcapng, [
      "frame.number",
      "frame.comment",
      "sctp.data_tsn_raw",
      "frame.interface_name",
    ]);
    const commented = lines.filter(([, comment]) => comment !== "");
    const text = commented.map(([, comment]) => comment).join("\n");
    expect(text).toContain("FAULT: SIGKILL of the agent on a");
    expect(text).toContain("DETECTED: the primary instance is gone");
    expect(text).toContain("taking over in epoch 2");
    expect(text).toContain("first packet from b (192.0.2.12)");
    expect(text).toContain("RESTORED");
    const [, comment = "", tsn = "", name] =
      commented.find(([, line]) => line?.includes("Retransmission")) ?? [];
    expect(name).toBe("b:out");
    expect(comment).toContain(`Retransmission of TSN ${tsn} by b, reason takeover-retransmission`);
    const first = /first copy in frame (\d+)/.exec(comment)?.[1];
    expect(lines.find(([number]) => number === first)?.[2]).toBe(tsn);
    reader.close();
  });

  test("the view of all observations holds every packet of every host, and comments can be left out", () => {
    using runs = temporaryRuns();
    const reader = openRun(recorded(runs.path));
    const path = join(runs.path, "all.pcapng");
    exportPcapng(reader, path, { view: "all", comments: false });
    const lines = tshark(path, ["frame.interface_name", "frame.comment", "frame.time_epoch"]);
    expect(lines).toHaveLength(history.packets.length);
    const times = lines.map(([, , time]) => Number(time));
    expect(times).toEqual(times.toSorted((left, right) => left - right));
    expect(new Set(lines.map(([name]) => name))).toEqual(new Set(["a:out", "b:out", "peer:out"]));
    expect(lines.every(([, comment]) => comment === "" || comment === undefined)).toBe(true);
    reader.close();
  });

  test("the section comment says what the run was and how it ended", () => {
    using runs = temporaryRuns();
    const reader = openRun(recorded(runs.path));
    const { stdout } = spawnSync("capinfos", ["-k", reader.paths.pcapng], { encoding: "utf8" });
    expect(stdout).toContain("kill the primary");
    expect(stdout).toContain("The association survived");
    reader.close();
  });
});
