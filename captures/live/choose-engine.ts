import { CaptureError } from "./capture-error.ts";
import { collectOutput } from "./collect-output.ts";
import { CAP_CHILD, type EngineName } from "./engines.ts";
import type { ProcessRunner } from "./process-runner.ts";

export interface EngineChoice {
  readonly engine: EngineName;
  /** In words, for the record of the run. */
  readonly reason: string;
}

const FIND_TOOLS = `
for tool in dumpcap tcpdump; do
  path=$(command -v "$tool") && [ -x "$path" ] && echo "$tool $path"
done
exit 0
`;

/**
 * Which engine a host has: dumpcap before tcpdump before cap. With a wish, that one or none. Throws
 * CaptureError when there is none.
 */
export async function chooseEngine(runner: ProcessRunner, wish?: EngineName): Promise<EngineChoice> {
  const { code, stdout, stderr } = await collectOutput(runner, ["sh", "-c", FIND_TOOLS]);
  if (code !== 0) {
    throw new CaptureError(
      `Looking for capture tools on ${runner.where} failed (exit code ${code}): ${stderr.trim()}`,
    );
  }
  const found = new Map(stdout.split("\n").flatMap((line) => parseTool(line)));

  const missing: string[] = [];
  for (const tool of ["dumpcap", "tcpdump"] as const) {
    const path = found.get(tool);
    if (path !== undefined && (wish ?? tool) === tool) {
      const why =
        wish === tool
          ? ", as asked for"
          : missing.length > 0
            ? `, as ${missing.join(" and ")} is missing`
            : "";
      return { engine: tool, reason: `${tool} at ${path}${why}: kernel time stamps and a drop count` };
    }
    if (path === undefined) missing.push(tool);
  }
  if (wish === "dumpcap" || wish === "tcpdump") {
    throw new CaptureError(
      `${runner.where} has no ${wish}: install it there, or choose another capture engine.`,
    );
  }
  const obstacle = await capObstacle(runner);
  if (obstacle === undefined) {
    const why = wish === "cap" ? "as asked for" : "as dumpcap and tcpdump are missing";
    return {
      engine: "cap",
      reason: `cap (libpcap in a process of ours), ${why}: arrival time stamps, no drop count`,
    };
  }
  if (wish === "cap")
    throw new CaptureError(`The capture engine cap cannot run on ${runner.where}: ${obstacle}.`);
  throw new CaptureError(
    `${runner.where} has neither dumpcap nor tcpdump (and cap cannot run there: ${obstacle}): install one of the two.`,
  );
}

function parseTool(line: string): [tool: string, path: string][] {
  const space = line.indexOf(" ");
  return space < 0 ? [] : [[line.slice(0, space), line.slice(space + 1)]];
}

/** Why cap cannot be used, or undefined where its binding loads. */
async function capObstacle(runner: ProcessRunner): Promise<string | undefined> {
  if (!runner.sharesFiles) return "it works only where this program's own files are";
  const { code, stderr } = await collectOutput(runner, [process.execPath, CAP_CHILD, "--probe"]);
  if (code === 0) return undefined;
  // The line that names the error, not the source text that Node prints around it.
  const cause = /^\w*Error: (.*)$/m.exec(stderr)?.[1] ?? `exit code ${code}`;
  return `its native part does not load (${cause.trim()})`;
}
