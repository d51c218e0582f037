import type { ReceiveState } from "./receive-state.ts";

/**
 * What a buffered chunk counts beside its payload: a peer must not fill the memory with chunks of one byte.
 * Its objects take about 300 bytes, and at most `2 * bufferBytes / 64` of them can wait.
 */
const chunkOverheadBytes = 64;

/** Snapshot shape of the window. */
export interface ReceiveWindowState {
  readonly holdsDeliveries: boolean;
  readonly heldBytes: number;
  readonly advertisedBytes: number;
}

/** The receive window (RFC 9260 section 6.2): what fits into the buffer, and what the peer was told of it. */
export class ReceiveWindow {
  readonly bufferBytes: number;
  /** Whether what was delivered counts until the user says that it was consumed. */
  holdsDeliveries: boolean = false;
  #heldBytes: number = 0;
  #advertisedBytes: number;

  constructor(bufferBytes: number) {
    this.bufferBytes = bufferBytes;
    this.#advertisedBytes = bufferBytes;
  }

  /** Delivered and not consumed. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Bytes in use. */
  useBytes(receive: ReceiveState): number {
    return receive.bufferedBytes + chunkOverheadBytes * receive.buffered.size + this.#heldBytes;
  }

  /** Room for new data; negative when a gap was filled beyond the window. */
  roomBytes(receive: ReceiveState): number {
    return this.bufferBytes - this.useBytes(receive);
  }

  delivered(bytes: number): void {
    if (this.holdsDeliveries) this.#heldBytes += bytes;
  }

  consumed(bytes: number): void {
    this.#heldBytes = Math.max(0, this.#heldBytes - bytes);
  }

  /** The window for a SACK: a sliver is not worth mentioning (RFC 1122 section 4.2.3.3, silly windows). */
  advertise(receive: ReceiveState, packetBytes: number): number {
    const room = this.roomBytes(receive);
    this.#advertisedBytes = room < Math.min(packetBytes, this.bufferBytes / 2) ? 0 : room;
    return this.#advertisedBytes;
  }

  /**
   * The peer may be waiting for room that there is again: a window update is worth a SACK of its own. That is
   * so when it knew of less than two packets, or when the window grew by half of the buffer.
   */
  hasReopened(receive: ReceiveState, packetBytes: number): boolean {
    const enough = Math.min(2 * packetBytes, this.bufferBytes / 2);
    const room = this.roomBytes(receive);
    if (this.#advertisedBytes < enough) return room >= enough;
    return room - this.#advertisedBytes >= this.bufferBytes / 2;
  }

  snapshot(): ReceiveWindowState {
    return {
      holdsDeliveries: this.holdsDeliveries,
      heldBytes: this.#heldBytes,
      advertisedBytes: this.#advertisedBytes,
    };
  }

  restore(state: ReceiveWindowState): void {
    this.holdsDeliveries = state.holdsDeliveries;
    this.#heldBytes = state.heldBytes;
    this.#advertisedBytes = state.advertisedBytes;
  }
}
