import type { FlowName } from "../../../agents/control/records.ts";
import type { Figure } from "../report.ts";
import type { Scene } from "../scene.ts";

interface Gap {
  readonly from: number;
  readonly to: number;
}

/** The longest intervals between deliveries: one that touches the failover, and one anywhere else. */
function longestGaps(times: readonly number[], window: Gap): { around?: Gap; elsewhere?: Gap } {
  const longest: { around?: Gap; elsewhere?: Gap } = {};
  let from: number | undefined;
  for (const to of times) {
    if (from !== undefined) {
      const place = to > window.from && from <= window.to ? "around" : "elsewhere";
      const known = longest[place];
      if (known === undefined || to - from > known.to - known.from) longest[place] = { from, to };
    }
    from = to;
  }
  return longest;
}

function deliveryTimes(scene: Scene, flow: FlowName): { times: number[]; hosts: Set<string> } {
  const times: number[] = [];
  const hosts = new Set<string>();
  for (const stream of scene.deliveries.values()) {
    if (stream.flow !== flow) continue;
    for (const { at, host } of stream.deliveries) {
      times.push(at);
      hosts.add(host);
    }
  }
  return { times: times.sort((left, right) => left - right), hosts };
}

function gapsOfFlow(scene: Scene, flow: FlowName, receiver: string): Figure[] {
  const { fault, firstPacket, restored } = scene.failover;
  if (fault === undefined) return [];
  const { times, hosts } = deliveryTimes(scene, flow);
  const end = Math.max(restored?.at ?? Number.POSITIVE_INFINITY, firstPacket?.at ?? fault.at);
  const { around, elsewhere } = longestGaps(times, { from: fault.at, to: end });
  const errors = scene.history.hosts
    .filter((host) => hosts.has(host.name))
    .map((host) => host.clockErrorMicros);
  // Two reports by one host have one clock; by two hosts, both errors count.
  const error = errors.length < 2 ? 0 : errors.reduce((sum, value) => sum + value, 0);
  const method = `between two deliveries of the flow ${flow} at ${receiver} (clocks of ${[...hosts].join(", ")})`;
  const figures: Figure[] = [];
  if (around !== undefined) {
    figures.push({
      id: `gap-${flow}`,
      title: `Longest gap around the failover, flow ${flow}, as ${receiver} saw it`,
      value: around.to - around.from,
      unit: "us",
      error,
      method: `longest interval ${method} that touches the time from the fault to the restoration`,
    });
  }
  if (elsewhere !== undefined) {
    figures.push({
      id: `gap-${flow}-elsewhere`,
      title: `Longest gap elsewhere, flow ${flow}, for comparison`,
      value: elsewhere.to - elsewhere.from,
      unit: "us",
      error,
      method: `longest interval ${method} outside the time from the fault to the restoration`,
    });
  }
  return figures;
}

/** The hole that the failover left in each direction. */
export function deliveryGaps(scene: Scene): Figure[] {
  return [...gapsOfFlow(scene, "up", "the cluster"), ...gapsOfFlow(scene, "down", "the peer")];
}
