import { unreachable } from "../../sctp/index.ts";

/** What is counted since the holder was last brought up to date, over all associations. */
export const counterNames = ["updates", "bytes", "tsns", "messages"] as const;
export type CounterName = (typeof counterNames)[number];

/** What happens, or does not. */
export const signNames = ["path-change", "message-boundary", "command"] as const;
export type SignName = (typeof signNames)[number];

/** When the holder is to be brought up to date. `and` and `or` have two terms or more. */
export type EventExpression =
  | {
      readonly kind: "counter";
      readonly name: CounterName;
      readonly operator: ">=" | ">";
      readonly limit: number;
    }
  | { readonly kind: "sign"; readonly name: SignName }
  | { readonly kind: "and" | "or"; readonly terms: readonly EventExpression[] };

/** What an expression is evaluated on. */
export interface EventFacts {
  readonly counters: Readonly<Record<CounterName, number>>;
  readonly signs: Readonly<Record<SignName, boolean>>;
}

export function evaluate(expression: EventExpression, facts: EventFacts): boolean {
  switch (expression.kind) {
    case "counter": {
      const count = facts.counters[expression.name];
      return expression.operator === ">" ? count > expression.limit : count >= expression.limit;
    }
    case "sign":
      return facts.signs[expression.name];
    case "and":
      return expression.terms.every((term) => evaluate(term, facts));
    case "or":
      return expression.terms.some((term) => evaluate(term, facts));
    default:
      return unreachable(expression);
  }
}

/** Whether the expression says anything about `name`. */
export function mentions(expression: EventExpression, name: CounterName | SignName): boolean {
  if (expression.kind === "counter" || expression.kind === "sign") return expression.name === name;
  return expression.terms.some((term) => mentions(term, name));
}

/** The shortest text of an expression; `parseEventExpression` reads it back. */
export function describeExpression(expression: EventExpression): string {
  switch (expression.kind) {
    case "counter":
      return `${expression.name}${expression.operator}${expression.limit}`;
    case "sign":
      return expression.name;
    case "and":
      return expression.terms.map((term) => describeTerm(term, term.kind === "and")).join("&&");
    case "or":
      return expression.terms.map((term) => describeTerm(term, false)).join("||");
    default:
      return unreachable(expression);
  }
}

/** What binds no tighter than its surroundings stands in parentheses. */
function describeTerm(term: EventExpression, nested: boolean): string {
  const text = describeExpression(term);
  return nested || term.kind === "or" ? `(${text})` : text;
}
