import { readFileSync } from "node:fs";

/** A frame of one of the old-format captures under test/fixtures/captures. */
export interface FixtureFrame {
  readonly linkType: number;
  readonly bytes: Uint8Array;
}

/** Reads a pcap file of either byte order; enough for the fixtures, and independent of the code under test. */
export function readFixture(name: string): FixtureFrame[] {
  const file = new Uint8Array(readFileSync(new URL(`../../fixtures/captures/${name}`, import.meta.url)));
  const view = new DataView(file.buffer);
  const little = view.getUint32(0, true) === 0xa1b2c3d4;
  const linkType = view.getUint32(20, little);
  const frames: FixtureFrame[] = [];
  for (let at = 24; at < file.length;) {
    const length = view.getUint32(at + 8, little);
    frames.push({ linkType, bytes: file.slice(at + 16, at + 16 + length) });
    at += 16 + length;
  }
  return frames;
}

/** The SCTP packets of a fixture that holds only SCTP in IPv4, or in UDP in IPv4, without the headers below. */
export function sctpPackets(name: string): Uint8Array[] {
  return readFixture(name).map(({ linkType, bytes }) => {
    const ip = linkType === 113 ? 16 : 14;
    const udpBytes = bytes[ip + 9] === 17 ? 8 : 0;
    const start = ip + ((bytes[ip] ?? 0) & 0x0f) * 4 + udpBytes;
    const end = ip + new DataView(bytes.buffer).getUint16(ip + 2);
    return bytes.subarray(start, end);
  });
}

export const CAPTURES: readonly string[] = [
  "community-id/sctp.pcap",
  "tcpdump/forces1.pcap",
  "tcpdump/forces2.pcap",
  "tcpdump/forces3.pcap",
  "usrsctp/abort.pcap",
  "usrsctp/shutdown.pcap",
];
