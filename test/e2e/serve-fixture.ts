import { join } from "node:path";
import { fixtureDesk } from "../../renderer/link/fixture.ts";
import { serveDesk } from "../../main/serve/index.ts";

/** Serves the synthetic run, for work on the interface: `node test/e2e/serve-fixture.ts [seed]`. */
const seed = Number(process.argv[2] ?? 1);
const rendererDir = join(import.meta.dirname, "../../dist/renderer");
const served = await serveDesk({ desk: fixtureDesk({ seed }), rendererDir, host: "127.0.0.1", port: 0 });
process.stdout.write(`${served.url}\n`);
