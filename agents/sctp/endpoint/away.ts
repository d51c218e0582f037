import type { Association } from "../association/association.ts";
import type { Extensions } from "../base/parameters.ts";
import type { InitChunk } from "../wire/index.ts";
import type { EndpointCore } from "./core.ts";
import { agreedExtensions, announced } from "./extensions.ts";

/** As many of our addresses can be left out of one INIT ACK: a cookie has a bit for each. */
const mostLeftOut = 16;

/**
 * Which of our addresses INIT ACK leaves out, one bit for each: those at which nobody is now, where the peer can be told
 * of them later (RFC 5061). A peer that cannot has to know all of them from the start.
 */
export function addressesLeftOut(core: EndpointCore, peerInit: InitChunk, offered: Extensions): number {
  const { localAddresses } = core.config;
  if (core.away.length === 0 || localAddresses.length > mostLeftOut) return 0;
  const own = { ...offered, interleavedPartialReliability: false };
  const { addressReconfiguration } = agreedExtensions(own, announced(peerInit.parameters), core.parameters);
  if (!addressReconfiguration) return 0;
  return localAddresses.reduce(
    (bits, address, place) => (core.away.includes(address) ? bits | (1 << place) : bits),
    0,
  );
}

/** Our addresses without those that were left out. */
export const addressesListed = ({ config }: EndpointCore, leftOut: number): readonly string[] =>
  leftOut === 0
    ? config.localAddresses
    : config.localAddresses.filter((_, place) => ((leftOut >> place) & 1) === 0);

/** Tells the peer of an association of those of our addresses that it does not know, and at which somebody is. */
export function announcePresent(core: EndpointCore, association: Association, nowMs: number): void {
  const { agreement } = association.state;
  const family = (address: string): boolean =>
    agreement.localAddresses.some((known) => known.includes(":") === address.includes(":"));
  for (const address of core.config.localAddresses) {
    const isUnknown = !agreement.localAddresses.includes(address) && family(address);
    if (isUnknown && !core.away.includes(address))
      association.changeAddresses([{ kind: "add", address }], nowMs);
  }
}
