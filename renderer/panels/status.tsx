import type { ReactElement } from "react";
import type { Loaded } from "../hooks/use-request.ts";

/** Says in one line that something takes long or failed; nothing at all while all is well. */
export function Status({
  request,
  what,
}: {
  readonly request: Loaded<unknown>;
  readonly what: string;
}): ReactElement | null {
  if (request.failure !== undefined) {
    return (
      <div className="status status-failed" role="alert">
        <span aria-hidden="true">✕</span>
        <span>{request.failure}</span>
        <button type="button" onClick={request.retry}>
          Retry
        </button>
      </div>
    );
  }
  if (!request.slow) return null;
  return (
    <div className="status" role="status">
      <progress aria-label={`Loading ${what}`} />
      <span>Loading {what} …</span>
    </div>
  );
}
