import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EventExpression, Replication } from "../../agents/replica/policy/index.ts";
import { describeReplication, parseReplication } from "../../agents/replica/policy/index.ts";

function reasonOf(text: string): string {
  const parsed = parseReplication(text);
  return parsed.ok ? "it was taken" : parsed.reason;
}

function replicationOf(text: string): Replication {
  const parsed = parseReplication(text);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.replication;
}

const policyOf = (text: string): Replication["policy"] => replicationOf(text).policy;

const counter = (name: "updates" | "bytes" | "tsns" | "messages", limit: number): EventExpression => ({
  kind: "counter",
  name,
  operator: ">=",
  limit,
});

describe("a replication policy as text", () => {
  it.each<readonly [string, Replication]>([
    ["every-update", { policy: { kind: "every-update" }, placement: "standby" }],
    ["shared", { policy: { kind: "every-update" }, placement: "store" }],
    ["interval:50ms", { policy: { kind: "interval", intervalMs: 50 }, placement: "standby" }],
    ["interval:1s", { policy: { kind: "interval", intervalMs: 1000 }, placement: "standby" }],
    ["shared:interval:3600s", { policy: { kind: "interval", intervalMs: 3_600_000 }, placement: "store" }],
    [
      "event:'updates>=20'",
      { policy: { kind: "event", when: counter("updates", 20) }, placement: "standby" },
    ],
    [
      "impending-failure:once",
      { policy: { kind: "impending-failure", afterwards: "once" }, placement: "standby" },
    ],
    [
      "impending-failure:from-then-on",
      { policy: { kind: "impending-failure", afterwards: "every-update" }, placement: "standby" },
    ],
  ])("%s", (text, replication) => {
    expect(replicationOf(text)).toEqual(replication);
    expect(describeReplication(replication)).toBe(text);
  });

  it("has short forms", () => {
    expect(policyOf("impending-failure")).toEqual({ kind: "impending-failure", afterwards: "once" });
    expect(policyOf("event:updates>=20")).toEqual(policyOf("event:'updates>=20'"));
    expect(policyOf('event:"updates>=20"')).toEqual(policyOf("event:'updates>=20'"));
  });

  it("binds && before ||, and parentheses before both", () => {
    const all = policyOf("event:updates>=20 && bytes >= 4096 || ( path-change || command ) && messages > 3");
    expect(all).toEqual({
      kind: "event",
      when: {
        kind: "or",
        terms: [
          { kind: "and", terms: [counter("updates", 20), counter("bytes", 4096)] },
          {
            kind: "and",
            terms: [
              {
                kind: "or",
                terms: [
                  { kind: "sign", name: "path-change" },
                  { kind: "sign", name: "command" },
                ],
              },
              { kind: "counter", name: "messages", operator: ">", limit: 3 },
            ],
          },
        ],
      },
    });
  });

  it.each([
    ["always", /^There is no replication policy "always": write every-update, interval:50ms/],
    ["", /^There is no replication policy ""/],
    ["shared:shared", /^There is no replication policy "shared"/],
    ["interval", /^"" is no interval: write interval:50ms or interval:1s\.$/],
    ["interval:250us", /^"250us" is no interval/],
    ["interval:1.5s", /^"1.5s" is no interval/],
    ["interval:0ms", /^The interval 0ms is not between 1ms and 3600s\.$/],
    ["interval:3601s", /^The interval 3601s is not between/],
    ["impending-failure:twice", /^impending-failure knows no "twice": write /],
    ["event", /^The event "" cannot be read: .* must stand at character 1, not the end\.$/],
    ["event:updates", /: ">=" or ">" behind updates must stand at character 8, not the end\.$/],
    ["event:updates>=", /: a whole number behind updates>= must stand at character 10, not the end\.$/],
    ["event:updates>=x", /: a whole number behind updates>= must stand at character 10, not "x"\.$/],
    ["event:updates>=2000000000", /: the number at character 10 is larger than 1000000000\.$/],
    ["event:updates=20", /: "=" at character 8 has no meaning in an expression\.$/],
    ["event:updates<20", /: "<" at character 8 has no meaning/],
    ["event:command>=1", /: command is compared with nothing: ">=" at character 8 must go\.$/],
    ["event:loss>1", /: "\(" or one of updates, bytes, .*, command must stand at character 1, not "loss"\.$/],
    ["event:(command", /: "\)" for the "\(" of character 1 must stand at character 9, not the end\.$/],
    ["event:command)", /: "&&", "\|\|" or the end must stand at character 8, not "\)"\.$/],
    ["event:command command", /: "&&", "\|\|" or the end must stand at character 9, not "command"\.$/],
    [`event:${"(".repeat(9)}`, /: the parenthesis at character 9 is nested deeper than 8\.$/],
    [`event:${"command||".repeat(40)}command`, /: the expression is longer than 256 characters\.$/],
    ["event:💥", /"💥" at character 1 has no meaning/],
  ])("says in one sentence what is wrong with %s", (text, reason) => {
    expect(reasonOf(text)).toMatch(reason);
    expect(reasonOf(text)).toMatch(/^[^\n]{1,250}\.$/);
  });

  it("reads back what it describes", () => {
    const taken = fc.property(replication, (each) => {
      const text = describeReplication(each);
      fc.pre(text.length <= 256);
      expect(parseReplication(text)).toEqual({ ok: true, replication: each });
    });
    fc.assert(taken, { numRuns: 500 });
  });

  it("takes any text without falling over it, and what it takes it can say again", () => {
    const pieces = fc.constantFrom(
      ..."event: interval: shared : ' ( ) && || >= > updates bytes tsns command 7 50ms impending-failure".split(
        " ",
      ),
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(pieces, { maxLength: 30 }).map((each) => each.join("")),
    );
    fc.assert(
      fc.property(text, (each) => {
        const parsed = parseReplication(each);
        if (parsed.ok)
          expect(replicationOf(describeReplication(parsed.replication))).toEqual(parsed.replication);
        else expect(parsed.reason).toMatch(/\.$/);
      }),
      { numRuns: 2000 },
    );
  });
});

const leaf: fc.Arbitrary<EventExpression> = fc.oneof(
  fc.record({
    kind: fc.constant("counter" as const),
    name: fc.constantFrom("updates", "bytes", "tsns", "messages"),
    operator: fc.constantFrom(">=", ">"),
    limit: fc.integer({ min: 0, max: 1_000_000_000 }),
  }),
  fc.record({
    kind: fc.constant("sign" as const),
    name: fc.constantFrom("path-change", "message-boundary", "command"),
  }),
);

const expression = fc.letrec<{ node: EventExpression }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    leaf,
    fc.record({
      kind: fc.constantFrom("and", "or"),
      terms: fc.array(tie("node"), { minLength: 2, maxLength: 3 }),
    }),
  ),
})).node;

const replication: fc.Arbitrary<Replication> = fc.record({
  placement: fc.constantFrom("standby", "store"),
  policy: fc.oneof(
    fc.constant({ kind: "every-update" } as const),
    fc.record({
      kind: fc.constant("interval" as const),
      intervalMs: fc.integer({ min: 1, max: 3_600_000 }),
    }),
    fc.record({ kind: fc.constant("event" as const), when: expression }),
    fc.record({
      kind: fc.constant("impending-failure" as const),
      afterwards: fc.constantFrom("once", "every-update"),
    }),
  ),
});
