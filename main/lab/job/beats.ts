/** Beats of the cluster link; the lease is shorter than the takeover delay, so two instances never send at once. */
export interface BeatTiming {
  readonly beatIntervalMs: number;
  /** How long an answered beat lets the primary send. */
  readonly leaseMs: number;
  /** Silence after which a member counts as gone. */
  readonly takeoverAfterMs: number;
}

/** Patient enough for machines that stand still now and then. */
export const defaultBeats: BeatTiming = { beatIntervalMs: 25, leaseMs: 300, takeoverAfterMs: 600 };

const fewestMissed = 3;
const mostMissed = 100;
const longestIntervalMs = 10_000;

export type ParsedBeats =
  | { readonly ok: true; readonly timing: BeatTiming }
  | { readonly ok: false; readonly reason: string };

/**
 * `3x10ms`: a beat every 10 ms, and a member of which three of them are missing counts as gone. The primary
 * stops a beat earlier than that when it is not answered.
 */
export function parseBeats(text: string): ParsedBeats {
  const [, missed, interval] = /^(\d{1,3})x(\d{1,5})ms$/.exec(text) ?? [];
  const [beats, beatIntervalMs] = [Number(missed), Number(interval)];
  const isGood =
    beats >= fewestMissed &&
    beats <= mostMissed &&
    beatIntervalMs >= 1 &&
    beatIntervalMs <= longestIntervalMs;
  if (!isGood) {
    const reason = `"${text}" says nothing about beats: write for example 3x10ms, for a beat every 10 ms and a member that counts as gone when 3 are missing (${fewestMissed} to ${mostMissed}).`;
    return { ok: false, reason };
  }
  const takeoverAfterMs = beats * beatIntervalMs;
  return { ok: true, timing: { beatIntervalMs, leaseMs: takeoverAfterMs - beatIntervalMs, takeoverAfterMs } };
}
