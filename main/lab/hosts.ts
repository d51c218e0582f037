import type { SshTarget } from "../deploy/index.ts";

/** One computer of a lab as a run needs it, wherever it really is. */
export interface LabComputer {
  readonly name: string;
  readonly ssh: SshTarget;
  /** Folder for the agent, absolute, ours alone. */
  readonly workdir: string;
  /** The network over which SSH comes; no fault ever touches it. */
  readonly management: { readonly address: string };
  /** True where the host sees the desk's own files. */
  readonly sharesFiles: boolean;
  /** Name of its network namespace, for the embedded lab of that kind. */
  readonly namespace?: string;
}

/** A device of a computer, and its address on the network behind it. */
export interface Attachment {
  readonly address: string;
  readonly device: string;
}

/** A computer on the network on which the outside computer talks to the cluster. */
export interface LabHost extends LabComputer {
  readonly outside: Attachment;
}

/** A host that is a member of the cluster: it also sits on the intra-cluster network. */
export interface ClusterHost extends LabHost {
  readonly intra: Attachment;
}

/** The third computer of a cluster, store or witness: on the intra-cluster network only. */
export interface KeeperHost extends LabComputer {
  readonly intra: Attachment;
}

export type MemberName = "a" | "b";
/** The hosts that every lab has. */
export type BasicHostName = MemberName | "peer";
export type HostName = BasicHostName | "keeper";

export interface LabHosts {
  readonly a: ClusterHost;
  readonly b: ClusterHost;
  readonly peer: LabHost;
  /** Absent where the lab was made without one. */
  readonly keeper?: KeeperHost;
}

/**
 * What can be cut: a member off one of its networks, whoever else is there; or only what a and b say to
 * each other on the intra-cluster network, where both still reach the keeper.
 */
export type Cut = `${MemberName}:${"outside" | "intra"}` | "cluster-link";

/** A place where the main job can run: an embedded lab, or real machines. */
export interface Lab {
  readonly id: string;
  readonly kind: "netns" | "loopback" | "machines";
  /** What a run in this lab cannot show; one sentence each. */
  readonly limits: readonly string[];
  /** For logging in to a host; 10 s where it is not said. */
  readonly connectTimeoutMs?: number;
  /** The port of RFC 6951 encapsulation on every host. */
  readonly udpPort: number;
  readonly hosts: LabHosts;
  /** Cuts, in both directions; what is cut already stays so. Rejects with a LabError where the lab cannot do that. */
  cut(place: Cut): Promise<void>;
  /** Harmless where nothing is cut. */
  heal(place: Cut): Promise<void>;
  /** Heals what is cut and removes all that the lab has made. Can be called twice. */
  dispose(): Promise<void>;
}

/** The member and the device that a cut concerns; a cut between the members is made on a. */
export function cutDevice(
  hosts: LabHosts,
  place: Cut,
): { readonly member: MemberName; readonly device: string } {
  if (place === "cluster-link") return { member: "a", device: hosts.a.intra.device };
  const member = place.startsWith("a") ? "a" : "b";
  const network = place.endsWith("outside") ? "outside" : "intra";
  return { member, device: hosts[member][network].device };
}

/** What each lab says when a run wants the third computer and it has none. */
export function keeperOf(hosts: LabHosts): KeeperHost {
  if (hosts.keeper !== undefined) return hosts.keeper;
  throw new LabError(
    "This run needs a third computer for the cluster's store or witness: add a host named keeper to the testbed file.",
  );
}

/** Trouble with a lab that a person can mend: the message is one sentence, ready to be shown. */
export class LabError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "LabError";
  }
}
