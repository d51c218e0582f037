/** The labelled steps of the commit, of synchronisation, claim and handover: at each of them a process may die. */
export const killPoints = [
  /** The state has changed; nothing of that has left the process. */
  "made",
  /** The updates were written to the cluster link; the rest of the turn is not done. */
  "frame-written",
  "frame-on-link",
  /** The holder has applied them and has not said so. */
  "held",
  "ack-on-link",
  /** The primary has read that they are held; nothing was released yet. */
  "acknowledged",
  /** What waited was released, and its frames are written, but no packet has left. */
  "released",
  /** Some packets of the turn have left. */
  "on-the-wire",
  "state-sent",
  "synced-sent",
  "claim-sent",
  "claimed-read",
  "handover-sent",
  "handover-read",
  "proved",
] as const;

export type KillPoint = (typeof killPoints)[number];

/** Whether the frame that a member writes is one of the labelled ones. */
export function pointOfFrame(kind: string): KillPoint | undefined {
  switch (kind) {
    case "updates":
      return "frame-written";
    case "state":
      return "state-sent";
    case "synced":
      return "synced-sent";
    case "claim":
      return "claim-sent";
    case "handover":
      return "handover-sent";
    default:
      return undefined;
  }
}

/** The same for a frame that a member has read and not acted on yet. */
export function pointOfReading(kind: string, role: string): KillPoint | undefined {
  switch (kind) {
    case "updates":
      return "held";
    case "held":
      return "acknowledged";
    case "claimed":
      return "claimed-read";
    case "handover":
      return "handover-read";
    case "beat":
      return role === "arriving" ? "proved" : undefined;
    default:
      return undefined;
  }
}
