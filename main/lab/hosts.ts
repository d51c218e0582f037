import type { SshTarget } from "../deploy/index.ts";

/** One computer of a lab as a run needs it, wherever it really is. */
export interface LabHost {
  readonly name: string;
  readonly ssh: SshTarget;
  /** Folder for the agent, absolute, ours alone. */
  readonly workdir: string;
  /** The network on which the outside computer talks to the cluster. */
  readonly outside: { readonly address: string; readonly device: string };
  /** The network over which SSH comes; no fault ever touches it. */
  readonly management: { readonly address: string };
  /** True where the host sees the desk's own files. */
  readonly sharesFiles: boolean;
  /** Name of its network namespace, for the embedded lab of that kind. */
  readonly namespace?: string;
}

/** A host that is part of the cluster: it also sits on the intra-cluster network. */
export interface ClusterHost extends LabHost {
  readonly intra: { readonly address: string; readonly device: string };
}

export type HostName = "a" | "b" | "peer";

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
  readonly hosts: { readonly a: ClusterHost; readonly b: ClusterHost; readonly peer: LabHost };
  /** Cuts a host off the outside network; rejects with a LabError where the lab cannot do that. */
  cutOutside(host: HostName): Promise<void>;
  healOutside(host: HostName): Promise<void>;
  /** Heals what is cut and removes all that the lab has made. Can be called twice. */
  dispose(): Promise<void>;
}

/** Trouble with a lab that a person can mend: the message is one sentence, ready to be shown. */
export class LabError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "LabError";
  }
}
