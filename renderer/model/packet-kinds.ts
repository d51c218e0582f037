import type { HistoryHost } from "../../captures/verdict/history.ts";
import type { Lane, Transmission } from "../../main/api/contract.ts";

type PacketKind = Transmission["kind"];

/** In legend order. The glyph tells kinds apart without colour. */
export const PACKET_KINDS: readonly {
  readonly kind: PacketKind;
  readonly title: string;
  readonly glyph: string;
}[] = [
  { kind: "data", title: "DATA", glyph: "●" },
  { kind: "sack", title: "SACK", glyph: "○" },
  { kind: "heartbeat", title: "HEARTBEAT", glyph: "◆" },
  { kind: "setup", title: "set-up", glyph: "■" },
  { kind: "shutdown", title: "shutdown", glyph: "▼" },
  { kind: "abort", title: "ABORT", glyph: "✕" },
  { kind: "other", title: "other", glyph: "▲" },
];

export interface LaneTitle {
  readonly lane: Lane;
  readonly title: string;
}

/** Left to right, as they stand in the chart. */
export const LANES: readonly LaneTitle[] = [
  { lane: "peer", title: "peer" },
  { lane: "a-address", title: "A's address" },
  { lane: "a", title: "A" },
  { lane: "b", title: "B" },
  { lane: "b-address", title: "B's address" },
];

const PEER2: LaneTitle = { lane: "peer2", title: "peer2" };
const KEEPER: LaneTitle = { lane: "keeper", title: "keeper" };

/** With the keeper between the two computers where the cluster has one, and both where the outside end is a cluster, too. */
export function lanesOf(hosts: readonly HistoryHost[]): readonly LaneTitle[] {
  const has = (wanted: HistoryHost["role"]): boolean => hosts.some(({ role }) => role === wanted);
  if (!has("keeper") && !has("peer-secondary")) return LANES;
  const lanes = LANES.flatMap((entry) => (entry.lane === "b" && has("keeper") ? [KEEPER, entry] : [entry]));
  return has("peer-secondary") ? [PEER2, ...lanes] : lanes;
}

/** A computer of the outside end, with the one address that it has. */
export const isOutsideLane = (lane: Lane): boolean => lane === "peer" || lane === "peer2";

/** Whether packets of the association go between two lanes; what stays at one end is replication. */
export const isAssociationWay = (from: Lane, to: Lane): boolean => isOutsideLane(from) !== isOutsideLane(to);

export function laneTitle(lane: Lane): string {
  return [...LANES, PEER2, KEEPER].find((entry) => entry.lane === lane)?.title ?? lane;
}

/** The host at a lane, as captures and marks name it. */
export function hostOfLane(lane: Lane): string {
  return isOutsideLane(lane) || lane === "keeper" ? lane : lane.charAt(0);
}
