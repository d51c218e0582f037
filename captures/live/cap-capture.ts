import { setTimeout as pause } from "node:timers/promises";
import type { CaptureInfo } from "../verdict/history.ts";
import type { CaptureOptions, RunningCapture } from "./capture-options.ts";
import { lastWords, startProgram, type CaptureProgram } from "./capture-program.ts";
import { stampQuality } from "./engines.ts";
import { after } from "./packet-stream.ts";

/**
 * Capture by the engine cap, whose process aborts when its interface goes down. It is started again
 * until the capture is stopped; what passed in between is missing, and the capture says so.
 */

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1000;
/** About five minutes without the interface. */
const MAX_FAILED_STARTS = 300;
const END_TIMEOUT_MS = 10_000;

export async function keepCapCapturing(options: CaptureOptions): Promise<RunningCapture> {
  const { host, interfaceName, engine, onNote } = options;
  const subject = `The capture on ${interfaceName} of host ${host}`;
  const stopped = new AbortController();
  let packets = 0;
  let complete = false;
  let gaps = 0;

  const launch = (): Promise<CaptureProgram> =>
    startProgram({
      ...options,
      onPacket: (packet) => {
        packets++;
        options.onPacket(packet);
      },
    });
  let program = await launch();

  /** Starts the engine again; false when the capture was stopped meanwhile or it is hopeless. */
  const relaunch = async (): Promise<boolean> => {
    let pauseMs = FIRST_PAUSE_MS;
    for (let failed = 0; failed < MAX_FAILED_STARTS; failed++) {
      await pause(pauseMs, undefined, { signal: stopped.signal }).catch(() => undefined);
      if (stopped.signal.aborted) return false;
      try {
        program = await launch();
        return true;
      } catch (error) {
        // The interface is most likely still down. One note is enough for a person.
        if (failed === 0)
          onNote(`${subject} is paused: ${error instanceof Error ? error.message : String(error)}`);
      }
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
    onNote(`${subject} is given up after ${MAX_FAILED_STARTS} attempts to start it again.`);
    return false;
  };

  const keep = async (): Promise<void> => {
    for (;;) {
      const end = await program.ended;
      if (stopped.signal.aborted) {
        complete = gaps === 0 && end.code === 0 && end.flaw === undefined && !end.cut;
        return;
      }
      gaps++;
      onNote(`${subject} was interrupted: ${lastWords(end)} Until it resumes, packets are missing.`);
      if (!(await relaunch())) return;
      if (stopped.signal.aborted) program.finish();
      else onNote(`${subject} has resumed.`);
    }
  };
  const kept = keep().catch((error: unknown) =>
    onNote(`${subject} is incomplete: the way to the host broke (${String(error)}).`),
  );

  const info = (): CaptureInfo => ({
    host,
    interfaceName,
    engine,
    stampQuality: stampQuality(engine),
    packets,
    complete,
  });
  const stop = async (): Promise<CaptureInfo> => {
    stopped.abort();
    program.finish();
    if ((await Promise.race([kept, after(END_TIMEOUT_MS)])) === "late") await program.kill();
    await kept;
    return info();
  };
  let stopping: Promise<CaptureInfo> | undefined;
  return {
    get info() {
      return info();
    },
    stop: () => (stopping ??= stop()),
  };
}
