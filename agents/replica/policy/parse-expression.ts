import type { CounterName, EventExpression, SignName } from "./event-expression.ts";
import { counterNames, signNames } from "./event-expression.ts";

const maxExpressionCharacters = 256;
const maxDepth = 8;
const maxLimit = 1_000_000_000;

/** `reason` is one sentence without its full stop; it names the place where it can. */
export type ParsedExpression =
  | { readonly ok: true; readonly expression: EventExpression }
  | { readonly ok: false; readonly reason: string };

interface Token {
  readonly text: string;
  /** Counted from 1. */
  readonly at: number;
}

/** What is wrong with the text; never leaves this file. */
class Mistake extends Error {}

const tokenPattern = /&&|\|\||>=|[>()]|[a-z][a-z-]*|[0-9]+/y;
const endText = "the end";

/**
 * Reads an expression: counters with `>=` or `>` and a number, signs by themselves, `&&` before `||`,
 * parentheses. Never throws.
 */
export function parseEventExpression(text: string): ParsedExpression {
  if (text.length > maxExpressionCharacters) {
    return { ok: false, reason: `the expression is longer than ${maxExpressionCharacters} characters` };
  }
  try {
    const reader = new Reader(readTokens(text), text.length);
    const expression = reader.or(0);
    reader.end();
    return { ok: true, expression };
  } catch (mistake) {
    if (mistake instanceof Mistake) return { ok: false, reason: mistake.message };
    throw mistake;
  }
}

function readTokens(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    if (text[at] === " ") {
      at += 1;
      continue;
    }
    tokenPattern.lastIndex = at;
    const found = tokenPattern.exec(text)?.[0];
    if (found === undefined) {
      const character = JSON.stringify(String.fromCodePoint(text.codePointAt(at) ?? 0));
      throw new Mistake(`${character} at character ${at + 1} has no meaning in an expression`);
    }
    tokens.push({ text: found, at: at + 1 });
    at += found.length;
  }
  return tokens;
}

/** Recursive descent; the depth is bounded, so that no text can exhaust the stack. */
class Reader {
  readonly #tokens: readonly Token[];
  readonly #endAt: number;
  #next: number = 0;

  constructor(tokens: readonly Token[], length: number) {
    this.#tokens = tokens;
    this.#endAt = length + 1;
  }

  get #token(): Token {
    return this.#tokens[this.#next] ?? { text: "", at: this.#endAt };
  }

  #take(text: string): boolean {
    if (this.#token.text !== text) return false;
    this.#next += 1;
    return true;
  }

  #expected(what: string): Mistake {
    const { text, at } = this.#token;
    return new Mistake(`${what} must stand at character ${at}, not ${text === "" ? endText : `"${text}"`}`);
  }

  or(depth: number): EventExpression {
    return this.#chain("or", "||", () => this.#chain("and", "&&", () => this.#term(depth)));
  }

  #chain(kind: "and" | "or", operator: string, read: () => EventExpression): EventExpression {
    const first = read();
    const terms = [first];
    while (this.#take(operator)) terms.push(read());
    return terms.length === 1 ? first : { kind, terms };
  }

  #term(depth: number): EventExpression {
    const { text, at } = this.#token;
    if (this.#take("(")) {
      if (depth === maxDepth) {
        throw new Mistake(`the parenthesis at character ${at} is nested deeper than ${maxDepth}`);
      }
      const expression = this.or(depth + 1);
      if (!this.#take(")")) throw this.#expected(`")" for the "(" of character ${at}`);
      return expression;
    }
    const sign = signNames.find((name) => name === text);
    if (sign !== undefined) return this.#sign(sign);
    const counter = counterNames.find((name) => name === text);
    if (counter !== undefined) return this.#counter(counter);
    throw this.#expected(`"(" or one of ${[...counterNames, ...signNames].join(", ")}`);
  }

  #sign(name: SignName): EventExpression {
    this.#next += 1;
    const { text, at } = this.#token;
    if (text.startsWith(">"))
      throw new Mistake(`${name} is compared with nothing: "${text}" at character ${at} must go`);
    return { kind: "sign", name };
  }

  #counter(name: CounterName): EventExpression {
    this.#next += 1;
    const operator = this.#take(">=") ? ">=" : this.#take(">") ? ">" : undefined;
    if (operator === undefined) throw this.#expected(`">=" or ">" behind ${name}`);
    const { text, at } = this.#token;
    if (!/^[0-9]+$/.test(text)) throw this.#expected(`a whole number behind ${name}${operator}`);
    const limit = Number(text);
    if (limit > maxLimit) throw new Mistake(`the number at character ${at} is larger than ${maxLimit}`);
    this.#next += 1;
    return { kind: "counter", name, operator, limit };
  }

  end(): void {
    if (this.#next < this.#tokens.length) throw this.#expected(`"&&", "||" or ${endText}`);
  }
}
