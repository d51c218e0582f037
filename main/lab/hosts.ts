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

/** A host that is a member of a cluster: it also sits on the intra-cluster network. */
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
/** `peer2`: the second computer of the outside end, where that is a cluster, too. */
export type HostName = BasicHostName | "peer2" | "keeper";
/** A host that sits on the outside network. */
export type SpeakerName = Exclude<HostName, "keeper">;

export interface LabHosts {
  readonly a: ClusterHost;
  readonly b: ClusterHost;
  /** Also on an intra-cluster network of its own, where the outside end is a cluster. */
  readonly peer: LabHost & { readonly intra?: Attachment };
  /** Absent where the outside end is one computer. */
  readonly peer2?: ClusterHost;
  /** Absent where the lab was made without one. */
  readonly keeper?: KeeperHost;
}

/**
 * What can be cut: a member of either end off one of its networks, whoever else is there; or only what the two
 * members of an end say to each other on the intra-cluster network, where both still reach the keeper.
 */
export type Cut = `${SpeakerName}:${"outside" | "intra"}` | "cluster-link" | "peer-link";

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

/** The host and the network that a cut concerns; a cut between two members is made on the first of them. */
export function cutPlace(place: Cut): {
  readonly host: SpeakerName;
  readonly network: "outside" | "intra";
  /** The member that alone is not heard any more. */
  readonly from?: "b" | "peer2";
} {
  if (place === "cluster-link") return { host: "a", network: "intra", from: "b" };
  if (place === "peer-link") return { host: "peer", network: "intra", from: "peer2" };
  const [host, network] = place.split(":") as [SpeakerName, "outside" | "intra"];
  return { host, network };
}

/** A host of the outside network. */
export function speakerOf(hosts: LabHosts, name: SpeakerName): LabHost & { readonly intra?: Attachment } {
  const host = hosts[name];
  if (host !== undefined) return host;
  throw new LabError(noSecondPeer);
}

/** A host that is a member of a cluster in this run. */
export function memberOf(hosts: LabHosts, name: SpeakerName): ClusterHost {
  const { intra, ...host } = speakerOf(hosts, name);
  if (intra !== undefined) return { ...host, intra };
  throw new LabError(noSecondPeer);
}

const noSecondPeer =
  "This run needs a cluster as the outside end: add a host named peer2 to the testbed file, and an interface ic to it and to peer.";

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
