import pc from "picocolors";

/** Whether a stream is for a person's eyes: colours go to a terminal, never into a file or a pipe. */
function wantsColour(stream: NodeJS.WriteStream): boolean {
  if (process.env["NO_COLOR"] !== undefined) return false;
  return process.env["FORCE_COLOR"] !== undefined || stream.isTTY;
}

export const outColours: ReturnType<typeof pc.createColors> = pc.createColors(wantsColour(process.stdout));
export const errColours: ReturnType<typeof pc.createColors> = pc.createColors(wantsColour(process.stderr));
