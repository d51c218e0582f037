import type { Cut, LabHosts } from "../hosts.ts";

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
  /** Whether the lab gets the third computer of a cluster. */
  readonly withKeeper: boolean;
  log(line: string): void;
}
