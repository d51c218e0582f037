import type { ReactElement } from "react";
import type { RunSummary } from "../../main/api/contract.ts";

const OUTCOMES: Readonly<Record<RunSummary["outcome"], { readonly sign: string; readonly word: string }>> = {
  pass: { sign: "✓", word: "pass" },
  fail: { sign: "✕", word: "fail" },
  unknown: { sign: "?", word: "unknown" },
  "not-judged": { sign: "–", word: "not judged" },
  "cut-off": { sign: "⌁", word: "cut off" },
  damaged: { sign: "!", word: "damaged" },
};

export function Outcome({ outcome }: { readonly outcome: RunSummary["outcome"] }): ReactElement {
  const { sign, word } = OUTCOMES[outcome];
  return (
    <span className={`outcome outcome-${outcome}`}>
      <span aria-hidden="true">{sign}</span> {word}
    </span>
  );
}
