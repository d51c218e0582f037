import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { stateAt } from "../replay/index.ts";
import { serveDesk } from "../serve/index.ts";
import { createDesk, openRun } from "../store/index.ts";
import { LabError } from "../lab/hosts.ts";
import { UsageError } from "./exit-codes.ts";
import { electronMain, electronPath, rendererFolder, runsFolder } from "./places.ts";

export interface OpenOptions {
  readonly browser: boolean;
  readonly port: number;
  readonly host: string;
}

/**
 * Opens the interface: Electron where its binary is, else a browser on this machine. Ends with the
 * signal. `run` names a recorded run to begin with: its folder or its `run.sqlite`.
 */
export async function open(
  run: string | undefined,
  options: OpenOptions,
  signal: AbortSignal,
): Promise<number> {
  const place = run === undefined ? { runsDir: runsFolder() } : placeOf(run);
  if (!options.browser && existsSync(electronPath) && hasDisplay())
    return await openElectron(place.runsDir, signal);
  const desk = createDesk({ runsDir: place.runsDir, stateAt });
  let served: Awaited<ReturnType<typeof serveDesk>>;
  try {
    served = await serveDesk({
      desk,
      rendererDir: rendererFolder,
      host: options.host,
      port: options.port,
      onError: (error) => process.stderr.write(`${String(error)}\n`),
    });
  } catch (error) {
    throw new LabError(error instanceof Error ? error.message : String(error), { cause: error });
  }
  // A server never sees what comes after "#", and a browser keeps it over the redirection (RFC 9110 section 10.2.2).
  const url = place.runId === undefined ? served.url : `${served.url}#/run/${place.runId}`;
  process.stdout.write(`Understudy is at ${url}\nThe address works once, in one browser. Ctrl-C ends it.\n`);
  openBrowser(url);
  await new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  await served.close();
  return 0;
}

/** Looks at the run before anything is opened: its damage is told here, not in a window. */
function placeOf(run: string): { readonly runsDir: string; readonly runId?: string } {
  if (!existsSync(run))
    throw new UsageError(`"${run}" is neither a command nor a run: see understudy --help.`);
  const reader = openRun(run);
  reader.close();
  return { runsDir: resolve(reader.paths.folder, "../.."), runId: reader.paths.id };
}

const hasDisplay = (): boolean =>
  process.platform !== "linux" ||
  process.env["DISPLAY"] !== undefined ||
  process.env["WAYLAND_DISPLAY"] !== undefined;

function openElectron(runsDir: string, signal: AbortSignal): Promise<number> {
  const env = { ...process.env, UNDERSTUDY_RUNS_DIR: runsDir };
  const child = spawn(electronPath, [electronMain], { stdio: "inherit", env });
  signal.addEventListener("abort", () => child.kill("SIGTERM"), { once: true });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 0));
  });
}

/** A browser where there is one; without, the printed address is enough. */
function openBrowser(url: string): void {
  if (!hasDisplay()) return;
  const [command, ...args] =
    process.platform === "darwin"
      ? ["open", url]
      : process.platform === "win32"
        ? ["cmd", "/c", "start", "", url]
        : ["xdg-open", url];
  if (command === undefined) return;
  const child = spawn(command, args, { stdio: "ignore", detached: true });
  child.on("error", () => undefined);
  child.unref();
}
