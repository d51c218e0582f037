import { unreachable } from "../../sctp/index.ts";
import type { EventExpression } from "./event-expression.ts";
import { describeExpression } from "./event-expression.ts";
import { parseEventExpression } from "./parse-expression.ts";

/** When updates go to the holder, and whether packets wait for it. */
export type ReplicationPolicy =
  /** Output commit: at once, and what depends on them waits. */
  | { readonly kind: "every-update" }
  /** So long after the first one that waits. */
  | { readonly kind: "interval"; readonly intervalMs: number }
  /** When the expression becomes true. */
  | { readonly kind: "event"; readonly when: EventExpression }
  /** Not until a failure is announced or detected: then once, or from then on every update. */
  | { readonly kind: "impending-failure"; readonly afterwards: "once" | "every-update" };

export interface Replication {
  readonly policy: ReplicationPolicy;
  /** Who the holder is: the second computer, or a store on a third. */
  readonly placement: "standby" | "store";
}

/** `reason` is one sentence for the operator. */
export type ParsedReplication =
  | { readonly ok: true; readonly replication: Replication }
  | { readonly ok: false; readonly reason: string };

type ParsedPolicy =
  | { readonly ok: true; readonly policy: ReplicationPolicy }
  | { readonly ok: false; readonly reason: string };

const maxIntervalMs = 3_600_000;

const forms =
  "every-update, interval:50ms, event:'updates>=20', impending-failure, impending-failure:from-then-on or shared";

/**
 * Reads the text form of command line, testbed and control channel. `shared` alone is every update with a
 * store; `shared:` before another policy puts that one's state on a store. Never throws.
 */
export function parseReplication(text: string): ParsedReplication {
  const shared = text === "shared" || text.startsWith("shared:");
  const policyText = text === "shared" ? "every-update" : shared ? text.slice("shared:".length) : text;
  const parsed = parsePolicy(policyText);
  if (!parsed.ok) return parsed;
  return { ok: true, replication: { policy: parsed.policy, placement: shared ? "store" : "standby" } };
}

function parsePolicy(text: string): ParsedPolicy {
  if (text === "every-update") return { ok: true, policy: { kind: "every-update" } };
  const colon = text.indexOf(":");
  const name = colon < 0 ? text : text.slice(0, colon);
  const rest = colon < 0 ? undefined : text.slice(colon + 1);
  if (name === "interval") return parseInterval(rest ?? "");
  if (name === "event") return parseEvent(rest ?? "");
  if (name === "impending-failure") return parseImpendingFailure(rest ?? "once");
  return { ok: false, reason: `There is no replication policy ${quoted(text)}: write ${forms}.` };
}

function parseInterval(text: string): ParsedPolicy {
  const found = /^([0-9]{1,9})(ms|s)$/.exec(text);
  if (found === null) {
    return { ok: false, reason: `${quoted(text)} is no interval: write interval:50ms or interval:1s.` };
  }
  const intervalMs = Number(found[1]) * (found[2] === "s" ? 1000 : 1);
  if (intervalMs < 1 || intervalMs > maxIntervalMs) {
    return { ok: false, reason: `The interval ${text} is not between 1ms and ${maxIntervalMs / 1000}s.` };
  }
  return { ok: true, policy: { kind: "interval", intervalMs } };
}

/** A shell takes the quotes away, a testbed file may have kept them. */
function parseEvent(text: string): ParsedPolicy {
  const bare = /^'.*'$|^".*"$/s.test(text) && text.length > 1 ? text.slice(1, -1) : text;
  const parsed = parseEventExpression(bare);
  if (parsed.ok) return { ok: true, policy: { kind: "event", when: parsed.expression } };
  return { ok: false, reason: `The event ${quoted(bare)} cannot be read: ${parsed.reason}.` };
}

function parseImpendingFailure(text: string): ParsedPolicy {
  const afterwards = { once: "once", "from-then-on": "every-update" } as const;
  if (text === "once" || text === "from-then-on") {
    return { ok: true, policy: { kind: "impending-failure", afterwards: afterwards[text] } };
  }
  const reason = `impending-failure knows no ${quoted(text)}: write impending-failure:once or impending-failure:from-then-on.`;
  return { ok: false, reason };
}

/** What an operator wrote, short enough for a sentence. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}...` : text);
}

/** The text form; `parseReplication` reads it back. */
export function describeReplication({ policy, placement }: Replication): string {
  const text = describePolicy(policy);
  if (placement === "standby") return text;
  return policy.kind === "every-update" ? "shared" : `shared:${text}`;
}

function describePolicy(policy: ReplicationPolicy): string {
  switch (policy.kind) {
    case "every-update":
      return "every-update";
    case "interval": {
      const { intervalMs } = policy;
      return intervalMs % 1000 === 0 ? `interval:${intervalMs / 1000}s` : `interval:${intervalMs}ms`;
    }
    case "event":
      return `event:'${describeExpression(policy.when)}'`;
    case "impending-failure":
      return `impending-failure:${policy.afterwards === "once" ? "once" : "from-then-on"}`;
    default:
      return unreachable(policy);
  }
}
