import type { Configure } from "../control/index.ts";
import type { Replication } from "../replica/index.ts";
import { parseReplication } from "../replica/index.ts";
import type { Extensions, ProtocolParameters } from "../sctp/index.ts";
import { noExtensions, rfc9260Parameters } from "../sctp/index.ts";
import { hostRandom } from "./random.ts";

/** What a takeover may need of the peer: FORWARD TSN, a change of addresses that is authenticated, a reset of streams. */
const extensions: Extensions = {
  ...noExtensions,
  partialReliability: true,
  authentication: true,
  addressReconfiguration: true,
  streamReconfiguration: true,
};

export const parametersOf = ({ timers }: Configure): ProtocolParameters => ({
  ...rfc9260Parameters,
  ...timers,
  extensions,
});

/** Policy and placement from their text form; throws one sentence. */
export function replicationOf(text: string = "every-update"): Replication {
  const parsed = parseReplication(text);
  if (parsed.ok) return parsed.replication;
  throw new Error(parsed.reason);
}

export function cookieKey({ cluster }: Configure): Uint8Array {
  const hex = cluster?.cookieKeyHex;
  return hex === undefined ? hostRandom.bytes(32) : new Uint8Array(Buffer.from(hex, "hex"));
}

/** Whether this agent is of the outside end, alone or as a member of a cluster. */
export const isOutside = ({ role, outside }: Configure): boolean => role === "peer" || outside === true;

/** Somebody holds the updates of this agent's associations, or reads them in its records. */
export const isFollowed = ({ role, cluster }: Configure): boolean => role === "peer" || cluster !== undefined;
