import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Why tshark cannot be asked, or undefined where it can. */
export const tsharkMissing: string | undefined =
  spawnSync("tshark", ["--version"]).status === 0 ? undefined : "tshark is not installed";

/** One answer per frame and field; a field that comes several times has several values. */
export function askTshark(
  file: string,
  fields: readonly string[],
  preferences: readonly string[] = [],
): Map<string, string[]>[] {
  const output = execFileSync(
    "tshark",
    [
      ...["-n", "-r", file, "-T", "fields", "-E", "separator=/t", "-E", "aggregator=;"],
      ...["-o", "sctp.checksum:CRC-32c", "-o", "sctp.relative_tsns:FALSE", "-o", "sctp.reassembly:FALSE"],
      ...["-o", "sctp.ulp_dissection:FALSE", "-d", "udp.port==9899,sctp"],
      ...preferences.flatMap((preference) => ["-o", preference]),
      ...fields.flatMap((name) => ["-e", name]),
    ],
    { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], maxBuffer: 64 * 1024 * 1024 },
  );
  const lines = output.endsWith("\n") ? output.slice(0, -1).split("\n") : [];
  return lines.map((line) => {
    const columns = line.split("\t");
    return new Map(
      fields.map((name, index) => {
        const text = columns[index] ?? "";
        return [name, text === "" ? [] : text.split(";")];
      }),
    );
  });
}

/** Writes frames as a pcap file, gives its path to `use`, and removes it. */
export function withPcap<T>(linkType: number, frames: readonly Uint8Array[], use: (file: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "understudy-dissect-"));
  try {
    const parts = [words(0xa1b2c3d4, 0x0004_0002, 0, 0, 262_144, linkType)];
    for (const [index, frame] of frames.entries()) {
      parts.push(words(1_700_000_000 + index, 0, frame.length, frame.length), frame);
    }
    const file = join(folder, "frames.pcap");
    writeFileSync(file, Buffer.concat(parts));
    return use(file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function words(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  values.forEach((value, index) => view.setUint32(4 * index, value, true));
  return bytes;
}
