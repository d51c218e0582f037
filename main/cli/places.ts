import envPaths from "env-paths";
import { globSync } from "node:fs";
import { join, resolve } from "node:path";

/** Where recorded runs lie: `UNDERSTUDY_RUNS_DIR`, or `runs` in the folder that the program was started in. */
export const runsFolder = (): string => resolve(process.env["UNDERSTUDY_RUNS_DIR"] ?? "runs");

/** Where labs keep their lock and their journal: `UNDERSTUDY_STATE_DIR`, or the user's folder for such things. */
export const stateFolder = (): string =>
  resolve(process.env["UNDERSTUDY_STATE_DIR"] ?? envPaths("understudy", { suffix: "" }).data);

const project: string = join(import.meta.dirname, "../..");

/** The bundled agent and interface, made by the build. */
export const agentBundlePath: string = join(project, "dist/agent.mjs");
/** The packet addons that were built for agents, one for each architecture; none where the set-up had no compiler. */
export const agentAddonPaths = (): string[] =>
  globSync(join(project, "dist/native/linux-*/understudy-io.node"));
export const rendererFolder: string = join(project, "dist/renderer");
/** Electron's executable, where it could be fetched. */
export const electronPath: string = join(project, "node_modules/electron/dist/electron");
export const electronMain: string = join(project, "dist/electron/main.mjs");
