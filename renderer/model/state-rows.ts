import type { Severity, StateAt, StateRow } from "../../main/api/contract.ts";

const WEIGHT: Readonly<Record<Severity, number>> = {
  "breaks-association": 3,
  "costs-retransmission": 2,
  harmless: 1,
  same: 0,
};

/** Sign and words for a severity: colour is never the only sign. */
export const SEVERITY_WORDS: Readonly<Record<Severity, { readonly sign: string; readonly words: string }>> = {
  same: { sign: "=", words: "same" },
  harmless: { sign: "≈", words: "differs, harmless" },
  "costs-retransmission": { sign: "!", words: "costs a retransmission" },
  "breaks-association": { sign: "✕", words: "would break the association" },
};

export interface OrderedStateRow {
  readonly row: StateRow;
  /** A value is not what it was at the instant shown before. */
  readonly changed: boolean;
}

/** Most severe difference first, then what changed since `before`, then the desk's own order. */
export function orderStateRows(now: StateAt, before: StateAt | undefined): OrderedStateRow[] {
  const earlier = new Map((before?.rows ?? []).map((row) => [row.field, row]));
  const rows = now.rows.map((row) => {
    const old = earlier.get(row.field);
    const changed = old !== undefined && (old.a !== row.a || old.b !== row.b || old.wire !== row.wire);
    return { row, changed };
  });
  // Array.prototype.sort is stable, so equal rows keep the desk's order.
  return rows.sort(
    (one, other) =>
      WEIGHT[other.row.severity] - WEIGHT[one.row.severity] || Number(other.changed) - Number(one.changed),
  );
}
