/** The primary of the epoch, as far as the keeper knows. */
export interface KnownPrimary {
  readonly member: string;
  heardAtMs: number;
  /** Its kernel closed the link while it was fresh: its process has ended. */
  ended: boolean;
  /** It gave its place away, which it cannot take back. */
  handedOver: boolean;
  /** A claim was granted, and nothing was heard from it as primary since. */
  pending: boolean;
}

/** What a keeper knows when a claim comes. */
export interface KeeperKnowledge {
  readonly epoch: number;
  readonly primary: KnownPrimary | undefined;
  /** Some primary has synchronised since the keeper started. */
  readonly isInformed: boolean;
  /** Whoever has, or gets from the keeper, all that counts may go on. */
  readonly isCurrent: boolean;
}

/** Why a claim is not granted. */
export interface Denial {
  readonly reason: string;
  /** After how long it may be, as things stand; 0: never. */
  readonly retryAfterMs: number;
}

/**
 * Whether a claim is to be granted: undefined, or why not. One primary an epoch, and the next one only when the last can
 * send no more, because it has ended, gave its place away, or its lease has run out.
 *
 * @param silentSinceMs who was last heard before then has no lease any more
 */
export function denialOf(
  claim: { readonly member: string; readonly epoch: number },
  { epoch, primary, isInformed, isCurrent }: KeeperKnowledge,
  silentSinceMs: number,
): Denial | undefined {
  const never = (reason: string): Denial => ({ reason, retryAfterMs: 0 });
  if (!isInformed || primary === undefined) return never("no primary has synchronised yet");
  const isOwn = primary.member === claim.member;
  // The answer to a claim was lost on its way: it is given again.
  if (isOwn && primary.pending && (claim.epoch === epoch || claim.epoch === epoch + 1)) return undefined;
  // It gave the next epoch away, to somebody who never came to ask for it and now cannot have it any more.
  if (isOwn && claim.epoch === epoch + 2 && isCurrent) return undefined;
  if (claim.epoch !== epoch + 1) return never(`the last epoch is ${epoch}`);
  if (!isCurrent) return never("what is held is not current");
  if (isOwn) return never("it is the primary itself");
  const leftMs = primary.heardAtMs - silentSinceMs;
  if (primary.ended || primary.handedOver || leftMs < 0) return undefined;
  return { reason: "the primary is there", retryAfterMs: Math.max(leftMs, 1) };
}
