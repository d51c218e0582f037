import type { TsnLease } from "./lease.ts";

/** What is known of an association beside its state when another computer goes on with it. */
export interface ResumeTerms {
  /**
   * The state is older than what the peer saw. Absent: it is what the peer saw (output commit). `lease`: the
   * last one that was held; without one no TSN beyond the state was used.
   */
  readonly lag?: { readonly lease: TsnLease | undefined };
  /**
   * Addresses of ours at which nobody is any more. Where ASCONF was agreed the peer is asked to forget them and
   * to send to the address of who goes on (RFC 5061 sections 4.2.2 and 4.2.4).
   */
  readonly lostAddresses?: readonly string[];
}
