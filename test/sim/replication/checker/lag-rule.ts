import { hold } from "../../sctp/checker/violation.ts";
import type { HistoryEvent, ProcessName } from "./history.ts";
import { processText } from "./history.ts";

/** How long an update may take to its holder; none where the policy sets no time. */
export interface LagBound {
  /** From when it was made until it is held, with both ends awake and a link that carries. */
  readonly heldAfterMs: number;
  /** So long after a disturbance was seen everything goes its way again. */
  readonly calmAfterMs: number;
}

interface Made {
  readonly sequence: number;
  readonly atMs: number;
}

/**
 * Interval: what is older than that, and had its way over the link in peace, is held by whoever goes on. So no more is
 * lost than what passed in one interval and one trip over the link before things went wrong.
 */
export class LagRule {
  readonly #bound: LagBound | undefined;
  #primary: string = "";
  /** Updates of the present primary that took a message in or sent one, oldest first. */
  #made: Made[] = [];
  /** Times in which something else than the policy may have kept an update back. */
  readonly #disturbances: { readonly fromMs: number; readonly toMs: number }[] = [];
  /** How many updates had to be held at a takeover. */
  judged: number = 0;

  constructor(bound: LagBound | undefined) {
    this.#bound = bound;
  }

  /** Somebody died or stood still, a clock was set, or a link did not carry. */
  disturbed(sinceMs: number, atMs: number): void {
    if (this.#bound !== undefined)
      this.#disturbances.push({ fromMs: sinceMs, toMs: atMs + this.#bound.calmAfterMs });
  }

  makes(event: ProcessName & Made): void {
    if (this.#bound !== undefined && processText(event) === this.#primary)
      this.#made.push({ sequence: event.sequence, atMs: event.atMs });
  }

  primary(event: Extract<HistoryEvent, { kind: "primary" }>): void {
    const { from, by, atMs } = event;
    if (by === "takeover" && from !== undefined) this.#judge(from, atMs);
    this.#primary = processText(event);
    this.#made = [];
  }

  #judge(from: number, nowMs: number): void {
    const due = this.#made.filter((each) => this.#hadTime(each.atMs, nowMs));
    this.judged += due.length;
    const lost = due.find(({ sequence }) => sequence > from);
    hold(lost === undefined, "what is older than the interval is held", () => {
      const ageMs = nowMs - (lost?.atMs ?? nowMs);
      return `update ${lost?.sequence} was made ${ageMs} ms before a takeover from ${from}, and nothing stood in its way`;
    });
  }

  #hadTime(madeAtMs: number, nowMs: number): boolean {
    if (this.#bound === undefined) return false;
    const endMs = madeAtMs + this.#bound.heldAfterMs;
    return (
      endMs <= nowMs && !this.#disturbances.some(({ fromMs, toMs }) => fromMs <= endMs && toMs >= madeAtMs)
    );
  }
}
