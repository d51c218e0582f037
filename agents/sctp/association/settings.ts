import type { ProtocolParameters } from "../base/parameters.ts";
import type { PathSettings } from "../path/path.ts";
import { clampRto, measuredRto } from "../path/rto.ts";
import type { AssociationCore } from "./core.ts";
import { scheduleHeartbeat, sendHeartbeat } from "./heartbeat.ts";
import { startMtuSearch } from "./path-mtu.ts";

/** What can be changed for one path. */
export type PathChange = Partial<PathSettings & { readonly packetSizeBytes: number }>;

const pathFields = [
  "heartbeatEnabled",
  "heartbeatIntervalMs",
  "pathMaxRetrans",
  "potentiallyFailedMaxRetrans",
  "pathMtuDiscovery",
  "packetSizeBytes",
] as const;

/** Changes parameters of an association; what exists for each path is changed on all of them. */
export function configureAssociation(
  core: AssociationCore,
  parameters: Partial<ProtocolParameters>,
  nowMs: number,
): void {
  core.parameters = { ...core.parameters, ...parameters };
  core.sack.setFrequency(core.parameters.sackFrequency);
  if (parameters.scheduler !== undefined) core.scheduler.use(parameters.scheduler);
  core.scheduler.setValues(parameters.streamValues);
  const { rtoInitialMs, rtoMinMs, rtoMaxMs } = parameters;
  const bounds = rtoInitialMs !== undefined || rtoMinMs !== undefined || rtoMaxMs !== undefined;
  // Anything else leaves a back-off that is under way alone.
  for (const { rto } of bounds ? core.allPaths : []) {
    rto.rtoMs =
      rto.smoothedRttMs === undefined && parameters.rtoInitialMs !== undefined
        ? clampRto(parameters.rtoInitialMs, core.parameters)
        : clampRto(measuredRto(rto) ?? rto.rtoMs, core.parameters);
  }
  const change = Object.fromEntries(
    pathFields.flatMap((field) => (parameters[field] === undefined ? [] : [[field, parameters[field]]])),
  ) as PathChange;
  if (Object.keys(change).length === 0) return;
  for (const path of core.allPaths) configurePath(core, path.address, change, nowMs);
}

export function configurePath(
  core: AssociationCore,
  address: string,
  change: PathChange,
  nowMs: number,
): boolean {
  const path = core.paths.get(address);
  if (path === undefined) return false;
  const { packetSizeBytes = path.packetSizeBytes, ...settings } = change;
  const before = path.settings;
  path.settings = { ...before, ...settings };
  path.packetSizeBytes = packetSizeBytes;
  const { heartbeatEnabled, heartbeatIntervalMs } = path.settings;
  const changed =
    heartbeatEnabled !== before.heartbeatEnabled || heartbeatIntervalMs !== before.heartbeatIntervalMs;
  if (path.settings.pathMtuDiscovery !== before.pathMtuDiscovery) startMtuSearch(core, path, nowMs);
  const running = core.state.phase !== "cookie-echoed" && core.state.phase !== "closed";
  if (changed && running && path.heartbeat === undefined) scheduleHeartbeat(core, path, nowMs);
  return true;
}

export function setPrimary(core: AssociationCore, address: string): boolean {
  if (core.paths.get(address)?.confirmed !== true) return false;
  if (address === core.state.primaryAddress) return true;
  core.change({ kind: "primaryChanged", address });
  core.notify({ type: "peer-address-change", address, state: "made-primary" });
  return true;
}

export function requestHeartbeat(core: AssociationCore, address: string, nowMs: number): boolean {
  const path = core.paths.get(address);
  if (path === undefined) return false;
  core.nowMs = nowMs;
  if (path.heartbeat === undefined) sendHeartbeat(core, path, nowMs);
  return true;
}
