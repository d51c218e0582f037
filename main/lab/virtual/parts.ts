import type { ClusterHost, Cut, HostName, LabHosts } from "../hosts.ts";
import type { ExtraHosts } from "./network.ts";

/** What the two kinds of embedded lab give to the common part. */
export interface Parts {
  readonly limits: readonly string[];
  readonly hosts: LabHosts;
  cut(place: Cut): Promise<void>;
  heal(place: Cut): Promise<void>;
  /** Ends what the removal of namespaces and folder does not. */
  close(): Promise<void>;
}

export interface PartsRequest {
  readonly id: string;
  /** The lab's own folder. */
  readonly folder: string;
  readonly udpPort: number;
  readonly extra: ExtraHosts;
  log(line: string): void;
}

/** Makes each host that the lab is to have, and gives it the networks that it has business on. */
export async function makeHosts(
  make: (name: HostName) => Promise<ClusterHost>,
  { withKeeper, withPeer2 }: ExtraHosts,
): Promise<LabHosts> {
  const [a, b, first] = await Promise.all([make("a"), make("b"), make("peer")]);
  const { intra: _alone, ...peer } = first;
  let hosts: LabHosts = withPeer2 ? { a, b, peer: first, peer2: await make("peer2") } : { a, b, peer };
  if (withKeeper) {
    const { outside: _none, ...keeper } = await make("keeper");
    hosts = { ...hosts, keeper };
  }
  return hosts;
}
