import type { Endpoint } from "../../../agents/sctp/index.ts";

/** What the endpoint's API is agreed to offer and does not have on every branch yet. */
export interface PathView {
  readonly address: string;
  readonly confirmed: boolean;
  readonly reachability: string;
  readonly smoothedRttMs: number | undefined;
  readonly rtoMs: number;
  readonly windowBytes: number;
  readonly slowStartThresholdBytes: number;
  readonly flightBytes: number;
  readonly packetSizeBytes: number;
  readonly errorCount: number;
}

export interface IcmpReport {
  readonly kind: "packet-too-big" | "port-unreachable" | "protocol-unreachable" | "unreachable";
  readonly mtuBytes?: number;
  readonly quoted: Uint8Array;
  readonly route: { readonly local: string; readonly remote: string };
}

export interface AgreedEndpoint {
  statistics(
    handle: number,
  ): { readonly paths: readonly PathView[]; readonly peerWindowBytes: number } | undefined;
  consumed(handle: number, bytes: number, nowMs: number): void;
  receiveIcmp(report: IcmpReport, nowMs: number): void;
  configureAssociation(handle: number, parameters: Readonly<Record<string, unknown>>, nowMs: number): boolean;
  configurePath(
    handle: number,
    address: string,
    settings: Readonly<Record<string, unknown>>,
    nowMs: number,
  ): boolean;
  setPrimary(handle: number, address: string, nowMs: number): boolean;
  requestHeartbeat(handle: number, address: string, nowMs: number): boolean;
}

/** What the statistics say about each path. Where they do not exist yet, a snapshot knows most of it. */
export function pathViews(endpoint: Endpoint & AgreedEndpoint, handle: number): readonly PathView[] {
  if ("statistics" in endpoint) return endpoint.statistics(handle)?.paths ?? [];
  const snapshot = (endpoint as Endpoint)
    .snapshot()
    .associations.find(({ state }) => state.agreement.localTag === handle);
  return (snapshot?.paths ?? []).map((path) => ({
    address: path.address,
    confirmed: path.confirmed,
    reachability: path.reachability,
    smoothedRttMs: path.rto.smoothedRttMs,
    rtoMs: path.rto.rtoMs,
    windowBytes: path.congestion.windowBytes,
    slowStartThresholdBytes: path.congestion.slowStartThresholdBytes,
    flightBytes: (snapshot?.flight.transmissions ?? [])
      .filter((each) => each.inFlight && each.path === path.address)
      .reduce((sum, { chunk }) => sum + 16 + ((chunk.payload.length + 3) & ~3), 0),
    packetSizeBytes: NaN,
    errorCount: path.errorCount,
  }));
}
