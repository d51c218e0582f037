import { afterEach, expect, test } from "vitest";
import type { CaptureInfo } from "../../../captures/verdict/history.ts";
import {
  CaptureError,
  startCapture,
  type EngineName,
  type RunningCapture,
} from "../../../captures/live/index.ts";
import { toolFolder, type ToolFolder } from "./tool-folder.ts";

/** Capture programs that misbehave, played by shell scripts. */

let folder: ToolFolder | undefined;
afterEach(async () => folder?.remove());

const octal = (bytes: readonly number[]): string => bytes.map((byte) => `\\0${byte.toString(8)}`).join("");
/** Header of a pcap file of Ethernet frames, and a record with one byte captured of 60. */
const HEADER = octal([0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0]);
const PACKET = octal([0, 0, 0, 1, 5, 0, 0, 0, 1, 0, 0, 0, 60, 0, 0, 0, 0xab]);
const counts = (captured: number, dropped: number): string =>
  `echo "${captured} packets captured, ${captured + dropped} packets received by filter, ${dropped} packets dropped by kernel" >&2`;
/** What tcpdump says once its signals are set up. */
const LISTENING = 'echo "tcpdump: listening on eth0, link-type EN10MB" >&2';
const UNTIL_SIGNAL = "while :; do sleep 0.02; done";

const script = (captured: number, dropped: number, output: string): string =>
  [
    `trap '${counts(captured, dropped)}' USR1`,
    `trap '${counts(captured, dropped)}; exit 0' INT`,
    LISTENING,
    `printf '%b' '${output}'`,
    UNTIL_SIGNAL,
  ].join("\n");

async function begin(
  tcpdump: string,
  engine: EngineName = "tcpdump",
  interfaceName = "eth0",
): Promise<{ capture: RunningCapture; notes: string[]; lengths: number[]; firstNote: Promise<void> }> {
  folder = await toolFolder({ tcpdump }, false);
  const notes: string[] = [];
  const lengths: number[] = [];
  let resolveNote = (): void => undefined;
  const firstNote = new Promise<void>((resolve) => (resolveNote = resolve));
  const capture = await startCapture({
    runner: folder.runner,
    host: "t",
    interfaceName,
    filter: "",
    engine,
    onPacket: (packet) => lengths.push(packet.bytes.length, packet.originalLength),
    onNote: (text) => {
      notes.push(text);
      resolveNote();
    },
  });
  return { capture, notes, lengths, firstNote };
}

test("all is well", async () => {
  const { capture, notes, lengths } = await begin(script(2, 0, HEADER + PACKET + PACKET));
  const info: CaptureInfo = await capture.stop();
  expect(info).toMatchObject({ packets: 2, drops: 0, complete: true });
  expect(lengths).toEqual([1, 60, 1, 60]);
  expect(notes).toEqual([]);
});

test("drops are counted and noted", async () => {
  const { capture, notes } = await begin(script(1, 7, HEADER + PACKET));
  expect(await capture.stop()).toMatchObject({ packets: 1, drops: 7, complete: true });
  expect(notes).toEqual(["The capture on eth0 of host t lost 7 packets: tcpdump was too slow."]);
});

test("a packet that was captured but never arrived makes the capture incomplete", async () => {
  const { capture, notes } = await begin(script(3, 0, HEADER + PACKET));
  expect(await capture.stop()).toMatchObject({ packets: 1, complete: false });
  expect(notes).toEqual([
    "The capture on eth0 of host t is incomplete: tcpdump says it captured 3 packets, but 1 arrived.",
  ]);
});

test("a damaged stream ends the capture with the reason", async () => {
  const { capture, notes, firstNote } = await begin(
    script(1, 0, HEADER + PACKET + octal(Array(16).fill(255))),
  );
  await firstNote;
  expect(await capture.stop()).toMatchObject({ packets: 1, complete: false });
  expect(notes).toEqual([
    expect.stringMatching(/is incomplete: tcpdump sent a damaged stream: a packet record claims 0xffffffff/),
  ]);
});

test("a program that ends by itself says why", async () => {
  const { capture, notes, firstNote } = await begin(
    `${LISTENING}; printf '%b' '${HEADER}'; echo "the disk is full" >&2; exit 1`,
  );
  await firstNote;
  expect(await capture.stop()).toMatchObject({ packets: 0, complete: false });
  expect(notes).toEqual([
    "The capture on eth0 of host t is incomplete: tcpdump ended by itself: the disk is full",
  ]);
});

const failure = (work: Promise<unknown>): Promise<unknown> => work.catch((error: unknown) => error);

test.each<[string, string, EngineName, string, RegExp]>([
  [
    "is not installed",
    "exit 0",
    "dumpcap",
    "eth0",
    /dumpcap could not begin .*eth0 \(host t\): dumpcap is not installed/,
  ],
  [
    "may not capture",
    "echo 'You do not have permission' >&2; exit 1",
    "tcpdump",
    "eth0",
    /needs root or the capability/,
  ],
  ["ends without a word", "exit 9", "tcpdump", "eth0", /eth0 \(host t\): it ended with exit code 9/],
  ["speaks no pcap", "echo what; exit 0", "tcpdump", "eth0", /its output is damaged: this is neither a pcap/],
  ["would read a pipe", "exit 0", "tcpdump", "/tmp/pipe", /"\/tmp\/pipe" is no name of a network interface/],
])("a program that %s is refused in one sentence", async (_, body, engine, interfaceName, sentence) => {
  const error = await failure(begin(body, engine, interfaceName));
  expect(error).toBeInstanceOf(CaptureError);
  expect(String(error)).toMatch(sentence);
});
