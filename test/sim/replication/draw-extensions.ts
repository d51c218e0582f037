import type { Extensions } from "../../../agents/sctp/index.ts";
import { noExtensions } from "../../../agents/sctp/index.ts";
import type { Dice } from "../sctp/dice.ts";

/**
 * What both sides agree on, drawn from dice of its own. Who takes over from a state that lags behind needs FORWARD TSN
 * (RFC 3758) to go on with the same association; with AUTH and ASCONF (RFC 4895, RFC 5061) it sends the outside computer
 * away from the address that was lost.
 */
export function drawExtensions(dice: Dice, commitsAlways: boolean): Extensions {
  const partialReliability = !commitsAlways || dice.chance(0.5);
  const addressReconfiguration = dice.chance(0.3);
  return {
    ...noExtensions,
    partialReliability,
    authentication: addressReconfiguration,
    addressReconfiguration,
  };
}
