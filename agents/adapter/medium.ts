import type { RandomSource, SocketStack } from "../sctp/index.ts";

/** A packet in an answer: virtual microseconds, both ends, and the packet from the common header on. */
export interface SentPacket {
  readonly t: number;
  readonly src: string;
  readonly dst: string;
  readonly hex: string;
}

/** The network and the clock of a stack. */
export interface Medium {
  readonly random: RandomSource;
  readonly cookieKey: Uint8Array;
  /** From now on it works for this stack. */
  attach(stack: SocketStack): void;
  nowMs(): number;
  /** Sends what the stack has to send, and does what is due at this instant. */
  settle(): void;
  close(): void;
}
