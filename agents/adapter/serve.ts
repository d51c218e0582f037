import { Adapter } from "./adapter.ts";
import { linesOf } from "./lines.ts";

/** `npm run -s sctp:adapter`: requests on standard input, answers on standard output, until either ends. */
export async function serve(): Promise<void> {
  const adapter = new Adapter();
  const write = (answer: unknown): void => {
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  };
  // The runner went away: nobody is left to answer.
  process.stdout.on("error", () => process.exit(0));
  for await (const line of linesOf(process.stdin)) {
    if ("tooLong" in line) write({ id: null, ret: -1, err: "EINVAL", message: "the line is too long" });
    else if (line.text.trim() !== "") write(await adapter.answer(line.text));
    if (adapter.finished) break;
  }
  adapter.close();
  process.stdin.destroy();
}
