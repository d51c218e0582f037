import { setTimeout as sleep } from "node:timers/promises";
import type { RemoteProcess } from "../../deploy/index.ts";

const graceMs = 3000;

/**
 * Waits for a program that was told to end, and ends one that does not. How it ended is told to those
 * who watch it; here only that it did counts. What cannot be ended goes with its connection.
 */
export async function endProcess(process: RemoteProcess): Promise<void> {
  const exited = process.exited.then(
    () => "gone",
    () => "gone",
  );
  const late = (): Promise<string> => sleep(graceMs, "late", { ref: false });
  if ((await Promise.race([exited, late()])) === "gone") return;
  const killed = process.kill("SIGKILL").then(() => exited);
  await Promise.race([killed, late()]);
}
