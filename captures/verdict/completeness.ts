import { isOutside } from "./ends.ts";
import type { CaptureInfo, History, HistoryHost } from "./history.ts";

/** Why a capture may have missed packets, or undefined when it cannot have. */
function flawOf(capture: CaptureInfo): string | undefined {
  const name = `${capture.host}:${capture.interfaceName}`;
  if (!capture.complete) return `the capture on ${name} did not run to its ordered end`;
  if (capture.drops === undefined)
    return `${capture.engine} cannot tell how many packets it dropped on ${name}`;
  if (capture.drops > 0) return `the capture on ${name} dropped ${capture.drops} packets`;
  return undefined;
}

/** Why the captures of a host may have missed packets; undefined: every packet at its interface was seen. */
export function captureGap(history: History, hostName: string): string | undefined {
  const captures = history.captures.filter((capture) => capture.host === hostName);
  if (captures.length === 0) return `nothing was captured on ${hostName}`;
  return captures.map(flawOf).find((flaw) => flaw !== undefined);
}

/**
 * Why packets between the cluster and the peer may be missing from the record. The captures of one end are
 * enough: what never passed the interfaces of its computers, they cannot have noticed.
 */
export function wireGap(history: History): string | undefined {
  if (history.hosts.length === 0) return "the record does not say which hosts took part";
  const gapAt = (hosts: readonly HistoryHost[], least: number, what: string): string | undefined => {
    if (hosts.length < least) return `the record names no ${what}`;
    return hosts.map(({ name }) => captureGap(history, name)).find((gap) => gap !== undefined);
  };
  const atPeer = gapAt(history.hosts.filter(isOutside), 1, "peer");
  const isMember = ({ role }: HistoryHost): boolean => role === "primary" || role === "secondary";
  const atCluster = gapAt(history.hosts.filter(isMember), 2, "primary and secondary");
  return atCluster === undefined ? undefined : atPeer;
}

/** Every flaw of every capture, for the check that asks for them alone. */
export function captureFlaws(
  history: History,
): readonly { readonly capture: CaptureInfo; readonly flaw: string }[] {
  const flaws: { capture: CaptureInfo; flaw: string }[] = [];
  for (const capture of history.captures) {
    const flaw = flawOf(capture);
    if (flaw !== undefined) flaws.push({ capture, flaw });
  }
  return flaws;
}

/** Arrival stamps come late by an unknown time, so they cannot prove that a packet left after something. */
export function stampsAreLate(history: History, hostName: string): boolean {
  return history.captures.some((capture) => capture.host === hostName && capture.stampQuality === "arrival");
}
