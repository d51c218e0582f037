import { localRunner } from "../../../captures/live/index.ts";

/** `hang-owner.ts SCRIPT`: runs a shell script, passes on what it prints, and waits to be killed. */
const program = await localRunner().spawn(["sh", "-c", process.argv[2] ?? ""]);
program.stdout.pipe(process.stdout);
setInterval(() => undefined, 60_000);
