import type { Extensions } from "../../../agents/sctp/index.ts";
import { noExtensions } from "../../../agents/sctp/index.ts";
import type { Dice } from "../sctp/dice.ts";

/**
 * What both sides agree on, drawn from dice of its own. Who takes over from a state that lags behind needs one of two
 * extensions to go on with the same association: FORWARD TSN (RFC 3758), or a reset of all TSNs (RFC 6525).
 */
export function drawExtensions(dice: Dice, commitsAlways: boolean): Extensions {
  return { ...noExtensions, partialReliability: !commitsAlways || dice.chance(0.5) };
}
