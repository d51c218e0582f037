import type { Dice } from "../sctp/dice.ts";
import type { ProcessName } from "./checker/history.ts";
import type { ClusterLinkKnobs, MachineName } from "./knobs.ts";

/** A frame as it is on the link, and the process that wrote it. */
export interface WrittenFrame {
  readonly bytes: Uint8Array;
  readonly writer: ProcessName;
}

/** What a process reads of its end of a link, in order. */
export type LinkItem =
  | { readonly kind: "up"; readonly connection: number }
  | ({ readonly kind: "frame" } & WrittenFrame)
  /** The other computer closed the connection. */
  | { readonly kind: "closed" }
  /** A newer connection of the same partner takes its place. */
  | { readonly kind: "replaced" };

interface Direction {
  readonly queue: { readonly item: LinkItem; readonly atMs: number }[];
  isCut: boolean;
  stalledUntilMs: number;
  lastAtMs: number;
  /** What the reader believes once it has read everything that is under way. */
  willBeOpen: boolean;
  /** What it believes now, and of which connection. */
  isOpen: boolean;
  connection: number;
}

/**
 * A cluster link as TCP gives it: an ordered byte stream each way between two computers. A direction can
 * stall, or be cut, which is a stall until it is healed: what was written arrives afterwards, in order.
 * A connection that one end gave up, or whose computer is gone, can be half open for as long as one likes.
 */
export class StreamLink {
  readonly ends: readonly [MachineName, MachineName];
  readonly #knobs: ClusterLinkKnobs;
  readonly #dice: Dice;
  readonly #to: ReadonlyMap<MachineName, Direction>;
  /** When the connection may be made again; Infinity while it is there. */
  connectAtMs: number;
  /** How many there were so far. */
  connections: number = 0;

  constructor(ends: readonly [MachineName, MachineName], knobs: ClusterLinkKnobs, dice: Dice, nowMs: number) {
    this.ends = ends;
    this.#knobs = knobs;
    this.#dice = dice;
    const direction = (): Direction => {
      return {
        queue: [],
        isCut: false,
        stalledUntilMs: 0,
        lastAtMs: 0,
        willBeOpen: false,
        isOpen: false,
        connection: 0,
      };
    };
    this.#to = new Map(ends.map((end) => [end, direction()]));
    this.connectAtMs = nowMs;
  }

  other(end: MachineName): MachineName {
    return this.ends[0] === end ? this.ends[1] : this.ends[0];
  }

  #direction(to: MachineName): Direction {
    const direction = this.#to.get(to);
    if (direction === undefined) throw new Error(`this link does not end at ${to}`);
    return direction;
  }

  isOpen(end: MachineName): boolean {
    return this.#direction(end).isOpen;
  }

  /** Everything is as it should be: connected both ways. */
  get isWhole(): boolean {
    return this.ends.every((end) => this.#direction(end).willBeOpen);
  }

  get isCut(): boolean {
    return this.ends.some((end) => this.#direction(end).isCut);
  }

  /** A new connection; whoever still has an older one learns first that it is gone. */
  connect(nowMs: number): void {
    this.connections += 1;
    for (const end of this.ends) {
      const direction = this.#direction(end);
      if (direction.willBeOpen) this.#push(direction, { kind: "replaced" }, nowMs);
      this.#push(direction, { kind: "up", connection: this.connections }, nowMs);
      direction.willBeOpen = true;
    }
    this.connectAtMs = Infinity;
  }

  write(from: MachineName, frame: WrittenFrame, nowMs: number): boolean {
    if (!this.isOpen(from)) return false;
    const direction = this.#direction(this.other(from));
    // Nobody reads what was written to a connection that the other end has given up.
    const isLatest = this.#direction(from).connection === this.connections;
    if (direction.willBeOpen && isLatest) this.#push(direction, { kind: "frame", ...frame }, nowMs);
    return true;
  }

  #push(direction: Direction, item: LinkItem, nowMs: number): void {
    const { latencyMs, jitterMs } = this.#knobs;
    const atMs = Math.max(direction.lastAtMs, nowMs + latencyMs + this.#dice.real(0, jitterMs));
    direction.lastAtMs = atMs;
    direction.queue.push({ item, atMs });
  }

  /**
   * The connection ends at this end: its process died, or gave it up. `lost`: the share of what is under
   * way that does not arrive any more, the last of it. `silent`: nobody tells the other end.
   */
  end(end: MachineName, how: { readonly lost: number; readonly silent: boolean }, nowMs: number): void {
    const own = this.#direction(end);
    own.queue.length = 0;
    own.isOpen = false;
    own.willBeOpen = false;
    const other = this.#direction(this.other(end));
    if (other.willBeOpen) {
      const first = other.queue.findLastIndex(({ item }) => item.kind === "up") + 1;
      const kept = Math.round((other.queue.length - first) * (1 - how.lost));
      other.queue.splice(first + kept);
      if (!how.silent) this.#close(other, nowMs);
    }
    this.connectAtMs = nowMs + this.#knobs.reconnectMs;
  }

  /** The computer at this end is there again and knows nothing of the connection that the other end still has. */
  reset(end: MachineName, nowMs: number): void {
    const other = this.#direction(this.other(end));
    if (other.willBeOpen) this.#close(other, nowMs);
    this.connectAtMs = nowMs + this.#knobs.reconnectMs;
  }

  #close(direction: Direction, nowMs: number): void {
    this.#push(direction, { kind: "closed" }, nowMs);
    direction.willBeOpen = false;
  }

  /** What is written at the other end now is read at this one soon, on the same connection. */
  carries(to: MachineName, nowMs: number): boolean {
    const [own, other] = [this.#direction(to), this.#direction(this.other(to))];
    const isSame = own.isOpen && other.isOpen && own.connection === other.connection;
    return isSame && own.willBeOpen && !own.isCut && own.stalledUntilMs <= nowMs;
  }

  cut(to: MachineName | "both"): void {
    for (const end of this.ends) if (to === "both" || to === end) this.#direction(end).isCut = true;
  }

  /** TCP sends again what did not arrive, at its own pace. */
  heal(to: MachineName | "both", nowMs: number): void {
    for (const end of this.ends) {
      const direction = this.#direction(end);
      if (!direction.isCut || (to !== "both" && to !== end)) continue;
      direction.isCut = false;
      this.stall(end, nowMs + this.#knobs.latencyMs + this.#dice.real(0, 60));
    }
  }

  stall(to: MachineName, untilMs: number): void {
    const direction = this.#direction(to);
    direction.stalledUntilMs = Math.max(direction.stalledUntilMs, untilMs);
  }

  get nextMs(): number {
    let next = Infinity;
    for (const { queue, isCut, stalledUntilMs } of this.#to.values()) {
      const [first] = queue;
      if (first !== undefined && !isCut) next = Math.min(next, Math.max(first.atMs, stalledUntilMs));
    }
    return next;
  }

  /** The next thing that has arrived, and where. */
  take(nowMs: number): { readonly to: MachineName; readonly item: LinkItem } | undefined {
    for (const [to, direction] of this.#to) {
      const [first] = direction.queue;
      if (first === undefined || direction.isCut) continue;
      if (Math.max(first.atMs, direction.stalledUntilMs) > nowMs) continue;
      direction.queue.shift();
      if (first.item.kind === "up") {
        direction.isOpen = true;
        direction.connection = first.item.connection;
      } else if (first.item.kind !== "frame") direction.isOpen = false;
      return { to, item: first.item };
    }
    return undefined;
  }
}
