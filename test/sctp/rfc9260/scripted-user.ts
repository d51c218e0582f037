import { expect } from "vitest";
import type { Delivery, OutgoingMessage } from "../../../agents/sctp/index.ts";
import type { Peer } from "./scripted-peer.ts";
import { PEER_PORT } from "./scripted-peer.ts";

/** A message of the user; `size` is that of its payload, in bytes. */
type Message = Partial<OutgoingMessage> & {
  readonly size?: number;
  readonly immediate?: boolean;
  readonly context?: number;
};

/** The upper layer of the endpoint. */
export class User {
  readonly #peer: Peer;

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  connects(addresses: string | readonly string[] = this.#peer.addresses): void {
    const { endpoint, nowMs } = this.#peer;
    this.#peer.handle = this.#peer.step(() => endpoint.connect(addresses, PEER_PORT, nowMs));
  }

  /** Hands over messages, all before the endpoint gets to send: sizes in bytes, or more fields. */
  sends(...messages: readonly (number | Message)[]): void {
    this.#peer.step(() => {
      for (const message of messages) expect(this.#send(message)).toBe("accepted");
    });
  }

  /** The same for one message, with the answer. */
  tries(message: Message = {}): string {
    return this.#peer.step(() => this.#send(message));
  }

  #send(message: number | Message): string {
    const { size = 100, ...fields } = typeof message === "number" ? { size: message } : message;
    const whole = { streamId: 0, ppid: 0, unordered: false, payload: new Uint8Array(size), ...fields };
    return this.#peer.endpoint.send(this.#peer.handle, whole, this.#peer.nowMs);
  }

  /** Takes what was delivered off the endpoint's hands, with `holdsDeliveries`. */
  consumes(bytes: number): void {
    const { endpoint, handle, nowMs } = this.#peer;
    this.#peer.step(() => endpoint.consumed(handle, bytes, nowMs));
  }

  shutsDown(): void {
    const { endpoint, handle, nowMs } = this.#peer;
    this.#peer.step(() => endpoint.shutdown(handle, nowMs));
  }

  aborts(reason = "enough"): void {
    const { endpoint, handle, nowMs } = this.#peer;
    this.#peer.step(() => endpoint.abort(handle, reason, nowMs));
  }

  /** What was delivered since the last time. */
  takes(): Delivery[] {
    return this.#peer.deliveries.splice(0);
  }

  /** What was told since the last time: the state where there is one, else the type. */
  hears(): string[] {
    return this.#peer.notifications.splice(0).map((each) => {
      if (each.type === "peer-address-change") return `${each.address} ${each.state}`;
      return each.type === "association-change" ? each.state : each.type;
    });
  }

  get state(): string {
    return this.#peer.endpoint.state(this.#peer.handle)?.phase ?? "closed";
  }
}
