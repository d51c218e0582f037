import type { Extensions, ProtocolParameters } from "../../../agents/sctp/index.ts";
import { noExtensions } from "../../../agents/sctp/index.ts";
import type { Dice } from "../sctp/dice.ts";

/**
 * What both sides agree on, drawn from dice of its own. Who takes over from a state that lags behind goes down the ladder
 * with it: FORWARD TSN (RFC 3758), else a reset of all numbers (RFC 6525), else a restart. With AUTH and ASCONF (RFC 4895,
 * RFC 5061) it sends the outside computer away from the address that was lost.
 */
export function drawExtensions(dice: Dice, commitsAlways: boolean): Extensions {
  const partialReliability = dice.chance(commitsAlways ? 0.5 : 0.85);
  const addressReconfiguration = dice.chance(0.3);
  return {
    ...noExtensions,
    partialReliability,
    authentication: addressReconfiguration,
    addressReconfiguration,
    streamReconfiguration: dice.chance(0.6),
  };
}

/** Whether a primary that went on from an older state has nothing left but to set the association up again. */
export function mayRestart(parameters: ProtocolParameters, commitsAlways: boolean): boolean {
  const { extensions, acceptsAssociationReset } = parameters;
  const resets = extensions.streamReconfiguration && acceptsAssociationReset;
  return !commitsAlways && !extensions.partialReliability && !resets;
}
