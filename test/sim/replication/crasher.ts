import type { KillPoint } from "./kill-points.ts";
import type { CrashPlan, PausePlan } from "./knobs.ts";

/** Says when a planned crash or pause is due: each plan waits for its point, one after the other. */
export class Crasher {
  readonly #plans: CrashPlan[];
  readonly #pauses: PausePlan[];
  #turnsPassed: number = 0;
  #passed: number = 0;
  #startMs: number;
  #isDisarmed: boolean = false;
  /** How often each point was reached. */
  readonly reached: Map<KillPoint, number> = new Map<KillPoint, number>();

  constructor(plans: readonly CrashPlan[], pauses: readonly PausePlan[], startMs: number) {
    this.#plans = [...plans];
    this.#pauses = [...pauses];
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

  /** For how long a host is to stand still before it sends what its member has decided to send. */
  pause(nowMs: number): number | undefined {
    const [plan] = this.#pauses;
    if (plan === undefined || nowMs - this.#startMs < plan.afterMs) return undefined;
    this.#turnsPassed += 1;
    if (this.#turnsPassed <= plan.skip) return undefined;
    this.#turnsPassed = 0;
    this.#pauses.shift();
    return plan.forMs;
  }

  get isDisarmed(): boolean {
    return this.#isDisarmed;
  }

  /** Nobody dies any more. */
  disarm(): void {
    this.#isDisarmed = true;
    this.#plans.length = 0;
    this.#pauses.length = 0;
  }
}
