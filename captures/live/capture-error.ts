/** Something the operator can put right; the message is one sentence that says what, where, and what to do. */
export class CaptureError extends Error {
  override readonly name = "CaptureError";
}
