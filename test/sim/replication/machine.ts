import type { Keeper, Member } from "../../../agents/replica/index.ts";
import type { ClockKnobs, MachineName } from "./knobs.ts";

/** What the world does with a member. Mutants stand here in its place. */
export type MemberPort = Pick<
  Member,
  | "epoch"
  | "role"
  | "active"
  | "standby"
  | "linkUp"
  | "linkDown"
  | "receiveFrame"
  | "receive"
  | "setPolicy"
  | "synchronise"
  | "failureImpends"
  | "handOver"
  | "advance"
  | "nextDeadlineMs"
  | "takeOutputs"
>;

/** The same for the keeper. */
export type KeeperPort = Pick<
  Keeper,
  "held" | "linkUp" | "linkDown" | "receiveFrame" | "advance" | "nextDeadlineMs" | "takeOutputs"
>;

/** A computer with its clock and at most one process that runs on it. */
export class Machine<Process> {
  readonly name: MachineName;
  readonly #rate: number;
  #aheadMs: number;
  #latestMs: number = -Infinity;
  process: Process | undefined;
  /** Counts the processes that ran here. */
  processNumber: number = 0;
  /** What came while it stood still. */
  waiting: (() => void)[] | undefined;
  /** What it was about to do when it came to stand still. */
  unfinished: (() => void) | undefined;

  constructor(name: MachineName, clock: ClockKnobs) {
    this.name = name;
    this.#rate = clock.rate;
    this.#aheadMs = clock.aheadMs;
  }

  get isFrozen(): boolean {
    return this.waiting !== undefined;
  }

  start(process: Process): void {
    this.process = process;
    this.processNumber += 1;
  }

  jump(byMs: number): void {
    this.#aheadMs += byMs;
  }

  /** The time here, when it is `nowMs` in the world; it never goes back, however it was rounded. */
  localMs(nowMs: number): number {
    this.#latestMs = Math.max(this.#latestMs, nowMs * this.#rate + this.#aheadMs);
    return this.#latestMs;
  }

  /** It is `localMs` here at least. */
  reached(localMs: number): void {
    this.#latestMs = Math.max(this.#latestMs, localMs);
  }

  /** When it will be `localMs` here, by the world's time. */
  worldMs(localMs: number): number {
    return (localMs - this.#aheadMs) / this.#rate;
  }
}
