import type { Delivery } from "../association/outputs.ts";
import { Fifo } from "../base/fifo.ts";
import type { AssociationId, ReceiveInfo, Received, SocketNotification } from "./messages.ts";

/** Beyond so many unread ones notifications are dropped: nobody reads, and a peer can cause them. */
const maxNotifications = 256;

/** A message, or what has come of it, less what was read. */
interface Message {
  readonly kind: "data";
  readonly association: AssociationId;
  readonly info: Omit<ReceiveInfo, "context">;
  readonly parts: Fifo<Uint8Array>;
  unreadBytes: number;
  complete: boolean;
}

interface Event {
  readonly kind: "notification";
  readonly association: AssociationId;
  readonly notification: SocketNotification;
}

const nameOf = (association: AssociationId, { streamId, unordered, ssn }: Delivery): string =>
  `${association} ${streamId} ${unordered ? "u" : "o"} ${ssn}`;

/** What waits at a socket to be read, in order: messages, parts of messages, and notifications. */
export class ReceiveQueue {
  #items: Fifo<Message | Event> = new Fifo<Message | Event>();
  /** Messages of which the end is still to come, by association, stream and number. */
  readonly #open: Map<string, Message> = new Map<string, Message>();
  #notifications: number = 0;

  get isEmpty(): boolean {
    return this.#items.length === 0;
  }

  push(association: AssociationId, delivery: Delivery): void {
    const name = nameOf(association, delivery);
    const { payload, beginning, ending } = delivery;
    let message = beginning ? undefined : this.#open.get(name);
    if (message === undefined) {
      const { streamId, ssn, unordered, ppid, tsn, cumulativeTsn } = delivery;
      // RFC 8260 section 4.1: of a message identifier the user sees the lower half.
      const info = { streamId, ssn: ssn & 0xffff, unordered, ppid, tsn, cumulativeTsn };
      message = {
        kind: "data",
        association,
        info,
        parts: new Fifo<Uint8Array>(),
        unreadBytes: 0,
        complete: false,
      };
      this.#items.push(message);
    }
    message.parts.push(payload);
    message.unreadBytes += payload.length;
    message.complete = ending;
    if (ending) this.#open.delete(name);
    else this.#open.set(name, message);
  }

  pushNotification(association: AssociationId, notification: SocketNotification): void {
    if (this.#notifications > maxNotifications) return;
    this.#notifications += 1;
    const full = this.#notifications > maxNotifications;
    const told = full ? ({ type: "notifications-stopped" } as const) : notification;
    this.#items.push({ kind: "notification", association, notification: told });
  }

  /** The next notification, or up to `maxBytes` of the next message; undefined where nothing waits. */
  take(maxBytes: number, context: number): Exclude<Received, { kind: "end" }> | undefined {
    const first = this.#items.first;
    if (first === undefined) return undefined;
    if (first.kind === "notification") {
      this.#items.shift();
      this.#notifications -= 1;
      return first;
    }
    const bytes = takeBytes(first, maxBytes);
    const endOfRecord = first.complete && first.unreadBytes === 0;
    if (first.unreadBytes === 0) {
      this.#items.shift();
      // Should more of it come, it stands behind what has come since.
      for (const [name, message] of this.#open) if (message === first) this.#open.delete(name);
    }
    const { association, info } = first;
    return { kind: "data", association, bytes, endOfRecord, info: { ...info, context } };
  }

  /** Unread bytes of an association. */
  unreadBytes(association: AssociationId): number {
    let sum = 0;
    for (const item of this.#items) {
      if (item.kind === "data" && item.association === association) sum += item.unreadBytes;
    }
    return sum;
  }

  /** Moves what waits for one association to another queue (RFC 6458 section 9.2). */
  move(association: AssociationId, to: ReceiveQueue): void {
    const stays = new Fifo<Message | Event>();
    for (const item of this.#items) {
      if (item.association !== association) stays.push(item);
      else {
        to.#items.push(item);
        if (item.kind === "notification") {
          this.#notifications -= 1;
          to.#notifications += 1;
        }
      }
    }
    this.#items = stays;
    for (const [name, message] of this.#open) {
      if (message.association !== association) continue;
      this.#open.delete(name);
      to.#open.set(name, message);
    }
  }

  clear(): void {
    this.#items.clear();
    this.#open.clear();
    this.#notifications = 0;
  }
}

function takeBytes(message: Message, maxBytes: number): Uint8Array {
  const { parts } = message;
  const first = parts.first;
  const length = Math.min(maxBytes, message.unreadBytes);
  message.unreadBytes -= length;
  if (first !== undefined && first.length === length) {
    parts.shift();
    return first;
  }
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const part = parts.first;
    if (part === undefined) break;
    const taken = part.subarray(0, length - at);
    bytes.set(taken, at);
    at += taken.length;
    if (taken.length === part.length) parts.shift();
    else parts.set(0, part.subarray(taken.length));
  }
  return bytes;
}
