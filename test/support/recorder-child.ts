import { goodRun } from "./history-builder.ts";
import { realized, record } from "./recorded-run.ts";

/** Records a run and stays in the middle of it until it is killed; prints the run's folder. */
const writer = record(process.argv[2] ?? "", realized(goodRun()), "a run that is killed");
process.stdout.write(`${writer.paths.folder}\n`);
setInterval(() => undefined, 1000);
