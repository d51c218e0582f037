import type { KeeperPlace } from "../control/index.ts";
import type { LinkHandlers, MemberLink } from "./cluster-link.ts";
import { ClusterLink } from "./cluster-link.ts";
import { RedisLink } from "./redis-link.ts";

export interface KeeperLinkOptions {
  /** The secret of the cluster link. */
  readonly secretHex: string;
  readonly takeoverAfterMs: number;
}

/** A member's link to the third computer, whatever that is: the same frames go in and out. */
export function keeperLink(
  place: KeeperPlace,
  options: KeeperLinkOptions,
  handlers: LinkHandlers,
): MemberLink {
  if (place.kind === "redis") return new RedisLink({ ...place, ...options }, handlers);
  return ClusterLink.connect({ ...place, secretHex: options.secretHex }, handlers);
}
