import { HostError, type SshHost } from "../../deploy/index.ts";

/** KILL ends a process at once, STOP freezes it, CONT wakes it, TERM asks it to end. */
export type ProcessSignal = "KILL" | "STOP" | "CONT" | "TERM";

const verbs: Readonly<Record<ProcessSignal, string>> = {
  KILL: "killed",
  STOP: "frozen",
  CONT: "woken",
  TERM: "told to end",
};

/**
 * Signals a process. One that is gone already is an error: the fault did not happen. Answers the instant just
 * before, in microseconds since the Unix epoch, by the host's clock.
 */
export async function signalProcess(host: SshHost, pid: number, signal: ProcessSignal): Promise<number> {
  const script = 'date +%s%6N; kill -s "$2" "$1" 2>/dev/null || sudo -n kill -s "$2" "$1"';
  const { code, stdout, stderr } = await host.script(script, [String(pid), signal]);
  const atUs = Number(stdout.trim());
  if (code === 0 && Number.isSafeInteger(atUs)) return atUs;
  const reason = code === 0 ? `its date command answered "${stdout.trim()}"` : stderr.trim();
  throw new HostError(
    "remote",
    host.name,
    `Process ${pid} on ${host.where} could not be ${verbs[signal]} at a known instant: ${reason || "it is not there or belongs to another user"}.`,
  );
}
