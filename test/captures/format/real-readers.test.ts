import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  createCaptureReader,
  interfaceBlock,
  interfaceStatisticsBlock,
  packetBlock,
  pcapngHeader,
  type PacketItem,
} from "../../../captures/format/index.ts";

const run = promisify(execFile);

/** Resolves with stdout; what a reader says on stderr counts as a warning, but for root's notice. */
async function ask(program: string, args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await run(program, args, {
    env: { ...process.env, LC_ALL: "C.UTF-8", TZ: "UTC" },
  });
  const warnings = stderr
    .split("\n")
    .filter(
      (line) => line !== "" && !line.startsWith("Running as user") && !line.startsWith("reading from file"),
    );
  expect(warnings).toEqual([]);
  return stdout;
}

/** For `ctx.skip`: true where a program is missing, with the reason. */
async function missing(program: string): Promise<[condition: boolean, note: string]> {
  const present = await run(program, ["--version"]).then(
    () => true,
    () => false,
  );
  return [!present, `${program} is not installed`];
}

/** Ethernet, IPv4 and UDP with a good header checksum; the payload holds `number`. */
function frame(number: number): Uint8Array {
  const ethernet = "020000000001020000000002" + "0800";
  const ip = "4500" + "0020" + "0000" + "4000" + "4011" + "b6c9" + "c0000201" + "c0000202";
  const udp = "1388" + "1389" + "000c" + "0000";
  return Uint8Array.from([...Buffer.from(ethernet + ip + udp, "hex"), 0, 0, 0, number]);
}

const AT_NANOS = 1_763_800_000_123_456_789n;
const stamps = [AT_NANOS, AT_NANOS + 1n, AT_NANOS + 1_000_000_000n];
const COMMENT = "released by update 17 → B held it";

let folder: string;
let file: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "understudy-format-"));
  file = join(folder, "ours.pcapng");
  await writeFile(
    file,
    Buffer.concat([
      pcapngHeader({ comment: "section comment äöü", application: "Understudy", os: "Linux 6" }),
      interfaceBlock({ linkType: 1, name: "a: out0", description: "host a", filter: "udp", os: "Linux 6" }),
      interfaceBlock({ linkType: 1, name: "peer: out0" }),
      packetBlock({
        interfaceIndex: 0,
        atNanos: stamps[0] ?? 0n,
        bytes: frame(1),
        comments: [COMMENT, "second"],
      }),
      packetBlock({ interfaceIndex: 1, atNanos: stamps[1] ?? 0n, bytes: frame(2) }),
      packetBlock({
        interfaceIndex: 0,
        atNanos: stamps[2] ?? 0n,
        bytes: frame(3).slice(0, 44),
        originalLength: 46,
      }),
      interfaceStatisticsBlock({ interfaceIndex: 0, atNanos: AT_NANOS, received: 2, dropped: 0 }),
    ]),
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function readPackets(path: string): Promise<PacketItem[]> {
  const reader = createCaptureReader();
  const items = [...reader.push(await readFile(path)), ...reader.end()];
  expect(items.filter((item) => item.kind === "flaw")).toEqual([]);
  return items.filter((item) => item.kind === "packet");
}

describe("readers that others wrote", () => {
  test("tshark", async (context) => {
    context.skip(...(await missing("tshark")));
    const fields = [
      "frame.time_epoch",
      "frame.interface_name",
      "frame.comment",
      "udp.dstport",
      "frame.cap_len",
      "frame.len",
    ];
    const args = [
      "-r",
      file,
      "-T",
      "fields",
      "-E",
      "separator=;",
      ...fields.flatMap((field) => ["-e", field]),
    ];
    const lines = (await ask("tshark", args)).trimEnd().split("\n");
    expect(lines).toEqual([
      `1763800000.123456789;a: out0;${COMMENT},second;5001;46;46`,
      "1763800000.123456790;peer: out0;;5001;46;46",
      "1763800001.123456789;a: out0;;5001;44;46",
    ]);
  });

  test("capinfos", async (context) => {
    context.skip(...(await missing("capinfos")));
    const text = await ask("capinfos", [file]);
    expect(text).toContain("section comment äöü");
    expect(text).toMatch(/Number of packets: +3/);
    expect(text).toMatch(/Capture application: +Understudy/);
    expect(text).toMatch(/Name = a: out0/);
    expect(text).toMatch(/Description = host a/);
    expect(text).toMatch(/Filter string = udp/);
    expect(text).toMatch(/Time precision = nanoseconds \(9\)/);
    expect(text).toMatch(/Number of packets = 1/);
  });

  test("tcpdump", async (context) => {
    context.skip(...(await missing("tcpdump")));
    const text = await ask("tcpdump", ["-r", file, "-n", "-tt", "--time-stamp-precision=nano"]);
    expect(
      text
        .trimEnd()
        .split("\n")
        .map((line) => line.split(" ").slice(0, 5).join(" ")),
    ).toEqual([
      "1763800000.123456789 IP 192.0.2.1.5000 > 192.0.2.2.5001:",
      "1763800000.123456790 IP 192.0.2.1.5000 > 192.0.2.2.5001:",
      "1763800001.123456789 IP 192.0.2.1.5000 > 192.0.2.2.5001:",
    ]);
  });

  test.for(["pcap", "nsecpcap", "pcapng"])(
    "editcap turns it into %s, which we read back",
    async (format, context) => {
      context.skip(...(await missing("editcap")));
      const copy = join(folder, `copy.${format}`);
      await ask("editcap", ["-F", format, file, copy]);
      const ours = await readPackets(file);
      const copied = await readPackets(copy);
      const unit = format === "pcap" ? 1000n : 1n;
      expect(copied.map((packet) => packet.atNanos)).toEqual(stamps.map((nanos) => (nanos / unit) * unit));
      expect(copied.map((packet) => packet.bytes)).toEqual(ours.map((packet) => packet.bytes));
      expect(copied.map((packet) => packet.originalLength)).toEqual([46, 46, 46]);
      expect(copied[0]?.comments).toEqual(format === "pcapng" ? [COMMENT, "second"] : []);
    },
  );
});
