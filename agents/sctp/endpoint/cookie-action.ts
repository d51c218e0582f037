import type { CookieContent } from "./cookie.ts";
import type { TieTags } from "./tie-tags.ts";

/** Tags of what exists already with the peer of a COOKIE ECHO; `peerTag` is 0 in COOKIE-WAIT. */
export interface KnownTags {
  readonly localTag: number;
  readonly peerTag: number;
  /** What a cookie made beside this association says; none in COOKIE-WAIT. */
  readonly tieTags: TieTags | undefined;
}

/** What a valid cookie asks for: the actions A, B, D of RFC 9260 section 5.2.4 table 12, or the plain case. */
export type CookieAction = "new" | "restart" | "collision" | "duplicate" | "discard";

/** Decides by the tags alone. A late cookie (action C) and all cases not in the table are discarded. */
export function cookieAction(known: KnownTags | undefined, content: CookieContent): CookieAction {
  if (known === undefined) return "new";
  const localMatches = content.localInitAck.initiateTag === known.localTag;
  const peerMatches = content.peerInit.initiateTag === known.peerTag;
  if (localMatches) return peerMatches ? "duplicate" : "collision";
  const { tieTags } = known;
  const tied =
    tieTags !== undefined && content.tieTags.local === tieTags.local && content.tieTags.peer === tieTags.peer;
  return tied && !peerMatches ? "restart" : "discard";
}
