import { expect, test } from "vitest";
import { judge } from "../../../captures/verdict/index.ts";
import type { HistoryBuilder } from "../../support/history-builder.ts";
import { goodRun } from "../../support/history-builder.ts";

/** Before its end the member had so much unread by the desk. */
const unreadMicros = 30_000;

/** A member is killed whose last records nobody has; the state lay in a store. Answers when its records end. */
function killedUnread(placement: "store" | "standby"): {
  readonly run: HistoryBuilder;
  readonly endUs: number;
} {
  const run = goodRun(100);
  const policy = placement === "store" ? "shared" : "every-update";
  run.terms = { policy, placement, fencing: "witness", fault: "crash" };
  const endUs = (run.faults[0]?.at ?? 0) - unreadMicros;
  const isUnread = ({ host, at }: { host: string; at: number }): boolean => host === "a" && at > endUs;
  run.sent = run.sent.filter((record) => !isUnread(record));
  // The other member holds nothing, so it has no word of what was delivered.
  const isHeldOnly = ({ host, at }: { host: string; at: number }): boolean =>
    host === "b" && at <= endUs + unreadMicros;
  run.messages = run.messages.filter((record) => !isUnread(record) && !isHeldOnly(record));
  return { run, endUs };
}

const lost = (run: HistoryBuilder) => judge(run.history()).checks.find(({ id }) => id === "messages-lost");

test("what came to a member that was killed before it could tell is neither delivered nor lost", () => {
  const { outcome, summary } = lost(killedUnread("store").run) ?? {};
  expect(outcome).toBe("unknown");
  expect(summary).toMatch(/^0 of \d+, but [1-9]\d* could not be decided$/);
});

test("what it had time to tell and did not is lost", () => {
  const { run, endUs } = killedUnread("store");
  const told = run.messages.findLastIndex(
    ({ act, flow, at }) => act === "delivered" && flow === "up" && at < endUs - 25_000,
  );
  run.messages.splice(told, 1);
  const { outcome, summary } = lost(run) ?? {};
  expect(outcome).toBe("fail");
  expect(summary).toMatch(/^1 of /);
});

test("where the other member keeps books of what is held, what they do not say was delivered is lost", () => {
  expect(lost(killedUnread("standby").run)?.outcome).toBe("fail");
});
