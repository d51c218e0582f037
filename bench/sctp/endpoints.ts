import type { ProtocolParameters, RandomSource } from "../../agents/sctp/index.ts";
import { Endpoint, rfc9260Parameters, seededRandom } from "../../agents/sctp/index.ts";

/** An endpoint for the virtual clock, with the defaults of RFC 9260 section 16 where nothing else is said. */
export function virtualEndpoint(
  address: string,
  port: number,
  listening: boolean,
  seed: number,
  parameters: Partial<ProtocolParameters> = {},
): Endpoint {
  return new Endpoint(
    {
      localPort: port,
      localAddresses: [address],
      ownAddress: address,
      listening,
      cookieKey: new Uint8Array(32).fill(7),
      parameters: { ...rfc9260Parameters, ...parameters },
    },
    seededRandom(seed),
  );
}

/** From 0 up to, not including, 1. */
export const fraction = (random: RandomSource): number => random.uint32() / 0x1_0000_0000;

export const sctpPort = 5000;
