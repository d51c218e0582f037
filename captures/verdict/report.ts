/** Answers of the checkers. A check that lacks what it needs says `unknown`, never `pass`. */
export type Outcome = "pass" | "fail" | "unknown";

/** Something to look at: a packet, an instant, or both. */
export interface Evidence {
  readonly text: string;
  readonly atUs?: number;
  readonly packetId?: number;
  readonly host?: string;
}

export interface CheckResult {
  /** Stable name, for example `messages-lost`. */
  readonly id: string;
  /** What was asked, in the field's words, for example "Messages lost". */
  readonly title: string;
  readonly outcome: Outcome;
  /** The answer in a few words or a number, for example "0 of 12000". */
  readonly summary: string;
  /** Where the rule stands, for example "RFC 9260 section 6.2". */
  readonly rule: string;
  /** At most 20; `evidenceTotal` says how many there were. */
  readonly evidence: readonly Evidence[];
  readonly evidenceTotal: number;
}

/** A measured figure; `method` says between which observations, and by whose clock. */
export interface Figure {
  readonly id: string;
  readonly title: string;
  readonly value: number;
  readonly unit: "us" | "count" | "bytes";
  /** Half width of the uncertainty, in the same unit; 0 where both ends have one clock. */
  readonly error: number;
  readonly method: string;
}

export interface VerdictReport {
  readonly outcome: Outcome;
  /** One sentence. */
  readonly headline: string;
  /** What policy and fencing of the run promise, in one sentence; absent: they were not written down. */
  readonly promise?: string;
  readonly checks: readonly CheckResult[];
  readonly figures: readonly Figure[];
}
