import { connectSsh } from "../../../main/deploy/index.ts";
import { createVirtualLab } from "../../../main/lab/virtual/index.ts";

/** A desk for the tests to kill: `node lab-owner.ts STATE_DIR KIND` prints the lab's id and stays. */
const [stateDir, kind] = process.argv.slice(2);
if (stateDir === undefined) throw new Error("which state folder?");
const lab = await createVirtualLab({
  stateDir,
  kind: kind === "loopback" || kind === "netns" ? kind : "auto",
  log: () => {},
});
const host = await connectSsh(lab.hosts.a.ssh, { timeoutMs: 8000 });
// One program with a lab path in its command line, so that the tests can see whether it ended.
const program = await host.spawn(["sh", "-c", "sleep 600", `${stateDir}/labs/${lab.id}`]);
program.stdout.resume();
program.stderr.resume();
process.stdout.write(`${lab.id}\n`);
setInterval(() => {}, 60_000);
