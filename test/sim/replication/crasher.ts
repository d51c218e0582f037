import type { KillPoint } from "./kill-points.ts";
import type { CrashPlan } from "./knobs.ts";

/** Says when a planned crash is due: each plan waits for its point, one after the other. */
export class Crasher {
  readonly #plans: CrashPlan[];
  #passed: number = 0;
  #startMs: number;
  #isDisarmed: boolean = false;
  /** How often each point was reached. */
  readonly reached: Map<KillPoint, number> = new Map<KillPoint, number>();

  constructor(plans: readonly CrashPlan[], startMs: number) {
    this.#plans = [...plans];
    this.#startMs = startMs;
  }

  /** The plan that is to be carried out now that a member is at this point. */
  reach(point: KillPoint, nowMs: number): CrashPlan | undefined {
    this.reached.set(point, (this.reached.get(point) ?? 0) + 1);
    const [plan] = this.#plans;
    if (plan === undefined || plan.point !== point || nowMs - this.#startMs < plan.afterMs) return undefined;
    this.#passed += 1;
    if (this.#passed <= plan.skip) return undefined;
    this.#passed = 0;
    this.#plans.shift();
    return plan;
  }

  get isDisarmed(): boolean {
    return this.#isDisarmed;
  }

  /** Nobody dies any more. */
  disarm(): void {
    this.#isDisarmed = true;
    this.#plans.length = 0;
  }
}
