import { termsIn } from "../association/authentication.ts";
import type { Agreement } from "../association/state.ts";
import type { InitAckChunk, InitChunk, Parameter } from "../wire/index.ts";
import type { Tolerance } from "./extensions.ts";
import { agreedExtensions, announced } from "./extensions.ts";
import { addressType } from "./offer.ts";
import { isUsableAddress } from "../association/peer-address.ts";

/**
 * Where the peer says that it is, its source address first: bounded, of the families that we have
 * ourselves, and without what nobody may send to (RFC 9260 section 5.1.2).
 */
export function peerAddresses(
  source: string,
  parameters: readonly Parameter[],
  localAddresses: readonly string[],
  limit: number,
): readonly string[] {
  const addresses = new Set([source]);
  const families = new Set(localAddresses.map(addressType));
  for (const parameter of parameters) {
    if (addresses.size === limit) break;
    if (parameter.type !== "IPV4_ADDRESS" && parameter.type !== "IPV6_ADDRESS") continue;
    const { address } = parameter;
    if (families.has(addressType(address)) && isUsableAddress(address, source, localAddresses))
      addresses.add(address);
  }
  return [...addresses];
}

/**
 * Which of our addresses the peer of an INIT can use. A family that it uses itself counts as supported
 * even where its list leaves it out; without a list every family does (section 5.1.2).
 */
export function addressesFor(
  source: string,
  parameters: readonly Parameter[],
  localAddresses: readonly string[],
): readonly string[] {
  const list = parameters.find((each) => each.type === "SUPPORTED_ADDRESS_TYPES");
  if (list === undefined) return localAddresses;
  const types = new Set([...list.types, addressType(source)]);
  for (const parameter of parameters) {
    if (parameter.type === "IPV4_ADDRESS" || parameter.type === "IPV6_ADDRESS")
      types.add(addressType(parameter.address));
  }
  return localAddresses.filter((address) => types.has(addressType(address)));
}

export interface AgreementParts {
  readonly localPort: number;
  readonly peerPort: number;
  readonly localAddresses: readonly string[];
  /** The address of the peer that INIT ACK came from or went to. */
  readonly peerAddress: string;
  readonly local: InitChunk | InitAckChunk;
  /** With screened parameters. */
  readonly peer: InitChunk | InitAckChunk;
  readonly maxPeerAddresses: number;
  readonly tolerance: Tolerance;
}

/** What INIT and INIT ACK agreed on, seen from our side (section 5.1.1: the smaller number of streams counts). */
export function agree(parts: AgreementParts): Agreement {
  const { local, peer, localAddresses } = parts;
  const extensions = peer.parameters.find((each) => each.type === "SUPPORTED_EXTENSIONS");
  const terms = { local: termsIn(local.parameters), peer: termsIn(peer.parameters) };
  return {
    localPort: parts.localPort,
    peerPort: parts.peerPort,
    localTag: local.initiateTag,
    peerTag: peer.initiateTag,
    localInitialTsn: local.initialTsn,
    peerInitialTsn: peer.initialTsn,
    localAddresses,
    peerAddresses: peerAddresses(parts.peerAddress, peer.parameters, localAddresses, parts.maxPeerAddresses),
    outboundStreams: Math.min(local.outboundStreams, peer.inboundStreams),
    inboundStreams: Math.min(local.inboundStreams, peer.outboundStreams),
    peerWindowBytes: peer.advertisedWindow,
    peerExtensions: extensions === undefined ? [] : [...new Set(extensions.chunkTypes)],
    extensions: agreedExtensions(announced(local.parameters), announced(peer.parameters), parts.tolerance),
    authentication:
      terms.local === undefined || terms.peer === undefined
        ? undefined
        : { local: terms.local, peer: terms.peer },
  };
}
