/**
 * What the world writes down while it plays, and all that the checker may look at: plain facts, in the
 * order in which they happened. Nothing here is imported from the system.
 */

/** A process of a member; a computer runs one after the other. */
export interface ProcessName {
  readonly machine: string;
  readonly process: number;
}

export type HistoryEvent = { readonly atMs: number } &
  /** A member is primary from now on, and goes on from this update; no holder: nobody else has what it has. */
  (
    | ({
        readonly kind: "primary";
        readonly epoch: number;
        readonly by: "start" | "takeover" | "handover";
        readonly holder: ProcessName | undefined;
        /** Of the association of the run; undefined: it has none. */
        readonly from: number | undefined;
        /** It says that the outside computer may have seen more than that. */
        readonly lags: boolean;
      } & ProcessName)
    | ({ readonly kind: "started" | "died" } & ProcessName)
    /** A packet is put on the network; `epoch` is that of the instance that made it. */
    | ({
        readonly kind: "cluster-sends";
        readonly epoch: number;
        readonly from: string;
        readonly to: string;
        readonly bytes: Uint8Array;
      } & ProcessName)
    /** A host that stood still drops a packet, as a network might. */
    | { readonly kind: "cluster-drops"; readonly bytes: Uint8Array }
    | { readonly kind: "peer-sends"; readonly bytes: Uint8Array }
    /**
     * A member stands still or has its clock set, or the link between the members does not carry what they say:
     * now, and perhaps since `sinceMs`.
     */
    | { readonly kind: "disturbed"; readonly sinceMs: number }
    /** A primary lets a packet go, to the network or to the other member. */
    | ({
        readonly kind: "released";
        readonly epoch: number;
        readonly association: number;
        readonly dependsOn: number;
        readonly reason: string;
        readonly bytes: Uint8Array;
      } & ProcessName)
    /** A primary reads that its holder has everything up to here. */
    | ({
        readonly kind: "acknowledged";
        readonly epoch: number;
        readonly association: number;
        readonly sequence: number;
        readonly holder: ProcessName;
      } & ProcessName)
    /** A primary reads that its holder knows of a lease: TSNs from this one on are not to be used. */
    | ({
        readonly kind: "lease-held";
        readonly association: number;
        readonly limitTsn: number;
        readonly holder: ProcessName;
      } & ProcessName)
    /** A primary reads that its holder takes nothing for older than what leaves: it forgot the leases that it knew of. */
    | ({ readonly kind: "leases-over" } & ProcessName)
    /** A primary gives a TSN to DATA, by this update. */
    | ({ readonly kind: "cluster-assigns"; readonly tsn: number; readonly sequence: number } & ProcessName)
    /** A primary reports that messages with these TSNs, both included, may be lost. */
    | ({
        readonly kind: "cluster-reports-loss";
        readonly epoch: number;
        readonly direction: "inbound" | "outbound";
        readonly firstTsn: number;
        readonly lastTsn: number;
      } & ProcessName)
    /** An application on the cluster will not use numbers: message indices, both included. */
    | {
        readonly kind: "cluster-skips";
        readonly flow: string;
        readonly firstIndex: number;
        readonly lastIndex: number;
      }
    /** A primary says that it gives up a message, or the rest of one, that it was given to send. */
    | { readonly kind: "cluster-gives-up"; readonly streamId: number; readonly payload: Uint8Array }
    /** A primary says that it sets the association up again, because the outside computer cannot be moved on. */
    | ({ readonly kind: "cluster-restarts" } & ProcessName)
    /** The end of one turn of a primary, with what it recorded about its standing. */
    | ({ readonly kind: "alone" | "guarded"; readonly epoch: number } & ProcessName)
    /** An application on the cluster is given a message, by this update of the association. */
    | ({
        readonly kind: "cluster-delivers";
        readonly epoch: number;
        readonly sequence: number;
        readonly tsn: number;
        readonly payload: Uint8Array;
      } & ProcessName)
    /** An instance tells the world of a delivery: what it says there it cannot take back. */
    | ({ readonly kind: "cluster-confirms"; readonly epoch: number; readonly sequence: number } & ProcessName)
    | ({ readonly kind: "peer-delivers" } & NumberedMessage)
    | { readonly kind: "peer-event"; readonly name: string; readonly text: string }
    /** The outside computer has no room for an echo and says that it sends none. */
    | { readonly kind: "peer-drops-echo"; readonly streamId: number; readonly number: number }
    /** The user of one side ends the association. */
    | { readonly kind: "shutdown" }
  );

/** What a test message says of itself. */
export interface NumberedMessage {
  readonly flow: string;
  readonly streamId: number;
  readonly number: number;
  readonly intact: boolean;
}

export const processText = ({ machine, process }: ProcessName): string => `${machine}${process}`;
