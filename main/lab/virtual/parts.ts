import type { ClusterHost, HostName, LabHost } from "../hosts.ts";

/** What the two kinds of embedded lab give to the common part. */
export interface Parts {
  readonly limits: readonly string[];
  readonly hosts: { readonly a: ClusterHost; readonly b: ClusterHost; readonly peer: LabHost };
  cutOutside(host: HostName): Promise<void>;
  healOutside(host: HostName): Promise<void>;
  /** Ends what the removal of namespaces and folder does not. */
  close(): Promise<void>;
}

export interface PartsRequest {
  readonly id: string;
  /** The lab's own folder. */
  readonly folder: string;
  readonly udpPort: number;
  log(line: string): void;
}
