import { app, dialog } from "electron";
import { join } from "node:path";
import { runApp } from "./app.ts";

/** Entry of the desktop app; bundled to `dist/electron/main.mjs`, beside what it needs. */
function runsDir(): string {
  // From a checkout the runs lie beside the sources; an installed app keeps them with its own data.
  const usual = join(app.isPackaged ? app.getPath("userData") : process.cwd(), "runs");
  return process.env["UNDERSTUDY_RUNS_DIR"] ?? usual;
}

runApp({
  rendererDir: join(import.meta.dirname, "../renderer"),
  preloadPath: join(import.meta.dirname, "preload.cjs"),
  servicePath: join(import.meta.dirname, "lab-service.mjs"),
  runsDir: runsDir(),
}).catch((error: unknown) => {
  dialog.showErrorBox("Understudy cannot start", error instanceof Error ? error.message : String(error));
  app.exit(70);
});
