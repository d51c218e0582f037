import type { CaptureInfo } from "../verdict/history.ts";
import type { CaptureOptions, RunningCapture } from "./capture-options.ts";
import { lastWords, startProgram, type CaptureProgram, type ProgramEnd } from "./capture-program.ts";
import { stampQuality } from "./engines.ts";
import { after } from "./packet-stream.ts";

/** Capture by dumpcap or tcpdump, which survive their interface going down and up. */

/**
 * libpcap hands a block of its ring over when it is full or its time is up: 250 ms for dumpcap, a
 * second for tcpdump. At SIGINT both leave the rest of the ring unread. dumpcap cannot be asked how
 * much that is, so it gets several times what it needs. A SIGINT that finds either of them blocked in a
 * write, because we read too slowly, costs the packet in hand: it waits for a moment of silence.
 */
const DUMPCAP_DRAIN_MS = 1500;
const TCPDUMP_DRAIN_MS = 3000;
const ARRIVAL_CHECK_MS = 20;
const QUIET_LIMIT_MS = 5000;
const END_TIMEOUT_MS = 10_000;

export async function streamCapture(options: CaptureOptions): Promise<RunningCapture> {
  const { host, interfaceName, engine, onNote } = options;
  const subject = `The capture on ${interfaceName} of host ${host}`;
  let packets = 0;
  let drops: number | undefined;
  let complete = false;
  const program = await startProgram({
    ...options,
    onPacket: (packet) => {
      packets++;
      options.onPacket(packet);
    },
  });

  let stopping: Promise<CaptureInfo> | undefined;
  const ended = program.ended.then(
    (end) => {
      drops = end.counts.dropped;
      if (drops !== undefined && drops > 0)
        onNote(`${subject} lost ${drops} packets: ${engine} was too slow.`);
      const early = stopping === undefined && end.flaw === undefined;
      const fault = early ? `ended by itself: ${lastWords(end)}` : endFault(end);
      if (fault === undefined) complete = true;
      else onNote(`${subject} is incomplete: ${engine} ${fault}`);
    },
    (error: unknown) => onNote(`${subject} is incomplete: the way to the host broke (${String(error)}).`),
  );

  const info = (): CaptureInfo => ({
    host,
    interfaceName,
    engine,
    stampQuality: stampQuality(engine),
    packets,
    ...(drops === undefined ? {} : { drops }),
    complete,
  });
  const stop = async (): Promise<CaptureInfo> => {
    const drained = engine === "tcpdump" ? drainTcpdump(program) : after(DUMPCAP_DRAIN_MS);
    await Promise.race([drained.then(() => program.output.untilQuiet(QUIET_LIMIT_MS)), ended]);
    program.finish();
    if ((await Promise.race([ended, after(END_TIMEOUT_MS)])) === "late") await program.kill();
    await ended;
    return info();
  };
  return {
    get info() {
      return info();
    },
    stop: () => (stopping ??= stop()),
  };
}

/**
 * Waits until all packets have arrived that had passed tcpdump's filter when it was asked. On the
 * loopback interface it counts each of them twice, and the wait goes on to its limit.
 */
async function drainTcpdump(program: CaptureProgram): Promise<void> {
  const { received, dropped } = (await program.askCounts(TCPDUMP_DRAIN_MS)) ?? {};
  if (received === undefined) return;
  const goal = received - (dropped ?? 0);
  const endMs = performance.now() + TCPDUMP_DRAIN_MS;
  while (program.output.packets < goal && performance.now() < endMs) await after(ARRIVAL_CHECK_MS);
}

/** What makes a capture incomplete although it ended when it was told to. */
function endFault({ code, signal, flaw, cut, counts, packets }: ProgramEnd): string | undefined {
  if (flaw !== undefined) return `sent a damaged stream: ${flaw}.`;
  if (code !== 0) return `ended with ${signal ?? `exit code ${code}`}.`;
  if (cut) return "ended within a packet.";
  if (counts.captured !== undefined && counts.captured !== packets) {
    return `says it captured ${counts.captured} packets, but ${packets} arrived.`;
  }
  return undefined;
}
