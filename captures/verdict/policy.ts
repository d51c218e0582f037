import type { History, RunTerms } from "./history.ts";
import type { Tenure } from "./tenures.ts";
import { tenureAt } from "./tenures.ts";

/** At most so many of `what` may be waiting for the next synchronisation. */
export interface EventBound {
  readonly what: "updates" | "bytes" | "tsns" | "messages";
  readonly count: number;
}

/** What a policy promises, as far as the checkers judge it. */
export interface PolicyPromise {
  /** The text form. */
  readonly text: string;
  readonly kind: "every-update" | "interval" | "event" | "impending-failure";
  readonly placement: "standby" | "store";
  readonly intervalMs?: number;
  /** Policy `event`: all of these hold; empty where the expression bounds nothing. */
  readonly bounds?: readonly EventBound[];
  /** Policy `impending-failure`: every update once a failure was announced or seen coming. */
  readonly thenEveryUpdate?: boolean;
}

const comparison = /^(updates|bytes|tsns|messages)(>=|>)([0-9]{1,12})$/;

/** In `a || b` each of the two bounds what waits; `&&` bounds nothing by itself. */
function readBounds(expression: string): EventBound[] {
  const bare = expression.replaceAll(/['"()\s]/g, "");
  if (bare.includes("&&")) return [];
  return bare.split("||").flatMap((term) => {
    const [, what, operator, count] = comparison.exec(term) ?? [];
    if (what === undefined) return [];
    return [{ what: what as EventBound["what"], count: Number(count) + (operator === ">" ? 1 : 0) }];
  });
}

/**
 * Reads the text form of a policy. One that is not known here is judged by the strictest rule.
 *
 * @param placement what the record says beside the policy; `shared` and `shared:` name it themselves
 */
function readPolicy(text: string, placement: string | undefined): PolicyPromise {
  const shared = text === "shared" || text.startsWith("shared:");
  const bare = text === "shared" ? "every-update" : shared ? text.slice("shared:".length) : text;
  const place = shared || placement === "store" ? "store" : "standby";
  const [, number, unit] = /^interval:([0-9]{1,9})(ms|s)$/.exec(bare) ?? [];
  if (number !== undefined) {
    const intervalMs = Number(number) * (unit === "s" ? 1000 : 1);
    return { text, kind: "interval", placement: place, intervalMs };
  }
  if (bare.startsWith("event:")) {
    return { text, kind: "event", placement: place, bounds: readBounds(bare.slice("event:".length)) };
  }
  if (bare === "impending-failure" || bare.startsWith("impending-failure:")) {
    const thenEveryUpdate = bare.endsWith(":from-then-on");
    return { text, kind: "impending-failure", placement: place, thenEveryUpdate };
  }
  return { text, kind: "every-update", placement: place };
}

export const isAsynchronous = (policy: PolicyPromise): boolean => policy.kind !== "every-update";

interface Change {
  readonly atUs: number;
  readonly policy: PolicyPromise;
}

/** When everything that a member had made by `atUs` was held, by its own books; never: `Infinity`. */
function allHeldAfter({ updates, acked }: History, host: string, atUs: number): number {
  let last = 0;
  for (const update of updates) {
    if (update.at > atUs) break;
    if (update.act === "made" && update.host === host) last = update.sequence;
  }
  const known = acked.find((record) => record.host === host && record.at >= atUs && record.sequence >= last);
  return known?.at ?? Number.POSITIVE_INFINITY;
}

/** What the policy was changed to, by the events of the member that served. */
function changesIn(history: History, tenures: readonly Tenure[]): Change[] {
  const changes: Change[] = [];
  for (const { name, host, at, detail } of history.events) {
    const { policy, placement } = detail;
    if (name !== "policy" || typeof policy !== "string") continue;
    if (tenures.length > 0 && tenureAt(tenures, at)?.host !== host) continue;
    const place = typeof placement === "string" ? placement : history.terms?.placement;
    const promise = readPolicy(policy, place);
    const before = changes.at(-1)?.policy;
    // A stricter policy is kept from when the holder has what had left before it came.
    const stricter = before !== undefined && isAsynchronous(before) && !isAsynchronous(promise);
    changes.push({ atUs: stricter ? allHeldAfter(history, host, at) : at, policy: promise });
  }
  return changes;
}

/** Which policy was in force when: the run's own, and what the serving member changed it to. */
export class PolicyTimeline {
  readonly #changes: readonly [Change, ...Change[]];

  constructor(history: History, tenures: readonly Tenure[]) {
    const changes = changesIn(history, tenures);
    const { policy, placement } = history.terms ?? {};
    const atStart =
      policy === undefined && changes[0] !== undefined
        ? changes[0].policy
        : readPolicy(policy ?? "every-update", placement);
    this.#changes = [{ atUs: Number.NEGATIVE_INFINITY, policy: atStart }, ...changes];
  }

  at(us: number): PolicyPromise {
    return (this.#changes.findLast(({ atUs }) => atUs <= us) ?? this.#changes[0]).policy;
  }

  /** Every policy of the run, in order. */
  get all(): readonly PolicyPromise[] {
    return this.#changes.map(({ policy }) => policy);
  }
}

const lossWords: Readonly<Record<PolicyPromise["kind"], (policy: PolicyPromise) => string>> = {
  "every-update": () => "nothing lost, duplicated or out of order",
  interval: ({ intervalMs }) => `every loss reported, and none older than ${intervalMs} ms`,
  event: ({ bounds = [] }) => {
    const most = bounds.map(({ what, count }) => `${count} ${what}`).join(" or ");
    return most === "" ? "every loss reported" : `every loss reported, at most what waits: ${most}`;
  },
  "impending-failure": ({ thenEveryUpdate }) =>
    thenEveryUpdate === true
      ? "every loss reported, and none once the failure was announced and all was held"
      : "every loss reported",
};

/** What was delivered in this time before a death may be delivered again; the policies that lose nothing have none. */
const windowWords: Readonly<Record<PolicyPromise["kind"], (policy: PolicyPromise) => string | undefined>> = {
  "every-update": () => undefined,
  interval: ({ intervalMs }) => `the last ${intervalMs} ms and a replication round trip`,
  event: ({ bounds = [] }) =>
    bounds.length === 0
      ? "since the last synchronisation"
      : `the last ${bounds.map(({ what, count }) => `${count} ${what}`).join(" or ")}`,
  "impending-failure": () => "since the last synchronisation",
};

/** How often a message reaches the application, as far as its snapshot knows, and what is outside of that. */
function applicationPromise(application: string, policy: PolicyPromise): string {
  const window = windowWords[policy.kind](policy);
  const marked =
    window === undefined
      ? "each message is delivered exactly once as its snapshot has it"
      : `each message is delivered at least once or reported lost, again only of ${window}`;
  return `Application ${application}: ${marked}; what it does outside of the association, at least once, again only of ${window ?? "the last replication round trip"}.`;
}

/** What the run's policy and fencing promise, and how its application gets its messages; one sentence each. */
export function promiseOf(terms: RunTerms): string {
  const policy = readPolicy(terms.policy ?? "every-update", terms.placement);
  const where = policy.placement === "store" ? "on the store" : "on the standby";
  const fencing = terms.fencing === undefined ? "" : `, fencing ${terms.fencing}`;
  const address = terms.addressTakeover
    ? " Who takes over has the outside address of the one that is gone, too, where nobody answers for it."
    : "";
  const promise = `Policy ${policy.text} ${where}${fencing}: ${lossWords[policy.kind](policy)}.${address}`;
  return terms.application === undefined
    ? promise
    : `${promise} ${applicationPromise(terms.application, policy)}`;
}
