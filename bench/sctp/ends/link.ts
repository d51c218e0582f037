/** One association as a speed test sees it, whichever stack is below. */
export interface Link {
  /** False when the stack takes no more for the time being. */
  trySend(payload: Uint8Array): boolean;
  /** Calls once when there may be room again, in a later turn of the event loop. */
  awaitRoom(call: () => void): void;
}

/** What a stack needs to know to open its end of the association over UDP on loopback. */
export interface LinkOptions {
  /** The one that opens the association; the other one waits for it. */
  readonly connects: boolean;
  readonly ownPort: number;
  readonly peerPort: number;
  /** For each whole message that arrives. */
  readonly onMessage: (lengthBytes: number) => void;
}

/** Resolves when the association is up (who connects), or when it can be connected to (who waits). */
export type OpenLink = (options: LinkOptions) => Promise<{ readonly link: Link; readonly up: Promise<void> }>;

export const loopback = "127.0.0.1";
/** 1500 less IPv4 (20) and UDP (8). */
export const packetBytes = 1472;
/** The SCTP port of all ends that have one. */
export const sctpPort = 5000;
