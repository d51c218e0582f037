import { keepCapCapturing } from "./cap-capture.ts";
import { CaptureError } from "./capture-error.ts";
import type { CaptureOptions, RunningCapture } from "./capture-options.ts";
import { streamCapture } from "./streamed-capture.ts";

/** Linux allows 15 bytes; anything with a slash would be a pipe or a remote address to dumpcap. */
const INTERFACE_NAME = /^[A-Za-z0-9][A-Za-z0-9_.:@-]{0,14}$/;

/**
 * Begins to capture; resolves when packets are really being captured. Throws CaptureError when the
 * engine, the interface or the filter does not allow it.
 */
export async function startCapture(options: CaptureOptions): Promise<RunningCapture> {
  if (!INTERFACE_NAME.test(options.interfaceName)) {
    throw new CaptureError(
      `"${options.interfaceName}" is no name of a network interface (host ${options.host}).`,
    );
  }
  return options.engine === "cap" ? keepCapCapturing(options) : streamCapture(options);
}
