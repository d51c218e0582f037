/** What kind of trouble a host gave; the message says it in words, with what to do. */
export type HostFault =
  | "name"
  | "unreachable"
  | "refused"
  | "timeout"
  | "host-key"
  | "user-key"
  | "lost"
  | "cancelled"
  | "no-program"
  | "no-node"
  | "not-root"
  | "disk-full"
  | "forbidden"
  | "remote";

/** Trouble with one host that a person can mend: the message is one sentence, ready to be shown. */
export class HostError extends Error {
  readonly fault: HostFault;
  /** The host's name in the lab: `a`, `b`, `peer`. */
  readonly host: string;

  constructor(fault: HostFault, host: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "HostError";
    this.fault = fault;
    this.host = host;
  }
}
