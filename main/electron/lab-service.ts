import type { ParentPort } from "electron";
import { stateAt } from "../replay/index.ts";
import { createDesk } from "../store/index.ts";
import { hostDesk } from "./desk-ports.ts";

/**
 * Entry of the utility process: hosts the desk, so that SQLite and the lab never stall a window. Its
 * one argument is the folder with the runs.
 */
const [runsDir] = process.argv.slice(2);
if (runsDir === undefined) throw new Error("The lab service was started without the folder of the runs");

// Electron puts the port on `process` in a utility process only; its types say so for none.
const { parentPort } = process as unknown as { readonly parentPort: ParentPort };

hostDesk(parentPort, createDesk({ runsDir, stateAt }), (error) => {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
});
