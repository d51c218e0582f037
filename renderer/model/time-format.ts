/**
 * Durations and instants as a person reads them: three significant places, the unit that keeps the
 * number short, a true minus sign.
 */

const MINUS = "\u2212";

interface Unit {
  readonly sizeUs: number;
  readonly name: string;
}

const MICRO: Unit = { sizeUs: 1, name: "µs" };
const MILLI: Unit = { sizeUs: 1_000, name: "ms" };
const SECOND: Unit = { sizeUs: 1_000_000, name: "s" };

function unitFor(magnitudeUs: number): Unit {
  // 999.95 ms would print as "1000.0 ms".
  if (magnitudeUs >= 999_950) return SECOND;
  return magnitudeUs >= 1_000 ? MILLI : MICRO;
}

function decimalsFor(value: number, unit: Unit): number {
  if (unit === MICRO) return 0;
  if (unit === SECOND) return 3;
  return value >= 100 ? 1 : 2;
}

/** For example `840 µs`, `61.40 ms`, `128.3 ms`, `1.204 s`. */
export function formatDuration(us: number): string {
  const magnitude = Math.abs(us);
  const unit = unitFor(magnitude);
  const value = magnitude / unit.sizeUs;
  const text = value.toFixed(decimalsFor(value, unit));
  return `${us < 0 ? MINUS : ""}${text} ${unit.name}`;
}

/** A distance from the origin of the chart, always with its sign: `+61.40 ms`. */
export function formatOffset(us: number): string {
  return us < 0 ? formatDuration(us) : `+${formatDuration(us)}`;
}

/** Label of an axis tick, with just the decimals that a step of `stepUs` needs. */
export function formatTick(us: number, stepUs: number): string {
  const unit = stepUs >= 100_000 ? SECOND : stepUs >= 100 ? MILLI : MICRO;
  const decimals = Math.max(0, Math.ceil(-Math.log10(stepUs / unit.sizeUs) - 1e-9));
  const sign = us < 0 ? MINUS : us > 0 ? "+" : "";
  return `${sign}${(Math.abs(us) / unit.sizeUs).toFixed(decimals)} ${unit.name}`;
}

/** Time of day in UTC with microseconds: `03:12:14.063412`. */
export function formatClock(epochUs: number): string {
  const wholeSeconds = Math.floor(epochUs / 1_000_000);
  const micros = Math.floor(epochUs - wholeSeconds * 1_000_000);
  const clock = new Date(wholeSeconds * 1_000).toISOString().slice(11, 19);
  return `${clock}.${String(micros).padStart(6, "0")}`;
}

/** Day and time in UTC, to the second. */
export function formatDay(epochUs: number): string {
  return `${new Date(Math.floor(epochUs / 1_000)).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** Thousands apart, independent of the machine's language: `20,114`. */
export function formatCount(value: number): string {
  const [whole = "0", fraction] = String(value).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

export function formatBytes(bytes: number): string {
  if (bytes < 10_000) return `${formatCount(bytes)} B`;
  return bytes < 10_000_000 ? `${(bytes / 1_000).toFixed(1)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** A figure of the verdict with its unit and, where there is one, its uncertainty. */
export function formatFigure(value: number, unit: "us" | "count" | "bytes", error: number): string {
  const show = unit === "us" ? formatDuration : unit === "bytes" ? formatBytes : formatCount;
  return error > 0 ? `${show(value)} ± ${show(error)}` : show(value);
}
