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
 * Why packets between the cluster and the peer may be missing from the record. The peer's own capture
 * is enough: what never passed its interface, it cannot have noticed. So are those of both members.
 */
export function wireGap(history: History): string | undefined {
  if (history.hosts.length === 0) return "the record does not say which hosts took part";
  const gapAt = (role: HistoryHost["role"]): string | undefined => {
    const host = history.hosts.find((candidate) => candidate.role === role);
    return host === undefined ? `the record names no ${role}` : captureGap(history, host.name);
  };
  const atPeer = gapAt("peer");
  if (atPeer === undefined) return undefined;
  if (gapAt("primary") === undefined && gapAt("secondary") === undefined) return undefined;
  return atPeer;
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
