import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { stateAt } from "../replay/index.ts";
import { serveDesk } from "../serve/index.ts";
import { createDesk } from "../store/index.ts";
import { LabError } from "../lab/hosts.ts";
import { electronMain, electronPath, rendererFolder, runsFolder } from "./places.ts";

export interface OpenOptions {
  readonly browser: boolean;
  readonly port: number;
  readonly host: string;
}

/** Opens the interface: Electron where its binary is, else a browser on this machine. Ends with the signal. */
export async function open(options: OpenOptions, signal: AbortSignal): Promise<number> {
  if (!options.browser && existsSync(electronPath) && hasDisplay()) return await openElectron(signal);
  const desk = createDesk({ runsDir: runsFolder(), stateAt });
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
  process.stdout.write(
    `Understudy is at ${served.url}\nThe address works once, in one browser. Ctrl-C ends it.\n`,
  );
  openBrowser(served.url);
  await new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  await served.close();
  return 0;
}

const hasDisplay = (): boolean =>
  process.platform !== "linux" ||
  process.env["DISPLAY"] !== undefined ||
  process.env["WAYLAND_DISPLAY"] !== undefined;

function openElectron(signal: AbortSignal): Promise<number> {
  const env = { ...process.env, UNDERSTUDY_RUNS_DIR: runsFolder() };
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
