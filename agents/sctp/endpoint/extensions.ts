import type { Extensions, ProtocolParameters } from "../base/parameters.ts";
import { termsIn } from "../association/authentication.ts";
import type { Parameter } from "../wire/index.ts";

/** Chunk types as Supported Extensions lists them (RFC 5061 section 4.2.7). */
const authType = 0x0f;
const iDataType = 0x40;
const asconfAckType = 0x80;
const reConfigType = 0x82;
const forwardTsnType = 0xc0;
const asconfType = 0xc1;
const iForwardTsnType = 0xc2;

/** How INIT and INIT ACK announce extensions, but for the parameters of RFC 4895. */
export function announcement(offered: Extensions): readonly Parameter[] {
  const chunkTypes = [
    ...(offered.partialReliability ? [forwardTsnType] : []),
    ...(offered.partialReliability && offered.interleaving ? [iForwardTsnType] : []),
    ...(offered.interleaving ? [iDataType] : []),
    ...(offered.authentication ? [authType] : []),
    ...(offered.addressReconfiguration ? [asconfType, asconfAckType] : []),
    ...(offered.streamReconfiguration ? [reConfigType] : []),
  ];
  return [
    ...(offered.ecn ? [{ type: "ECN_CAPABLE" } as const] : []),
    ...(offered.partialReliability ? [{ type: "FORWARD_TSN_SUPPORTED" } as const] : []),
    ...(chunkTypes.length > 0 ? [{ type: "SUPPORTED_EXTENSIONS", chunkTypes } as const] : []),
  ];
}

/** What one side announces; each kind of DATA has its own chunk for what was given up. */
interface Announced extends Extensions {
  /** I-FORWARD-TSN (RFC 8260 section 2.3.1). */
  readonly interleavedPartialReliability: boolean;
}

/** INIT ACK reports that Forward-TSN-Supported was not recognized (RFC 3758 section 3.3.3). */
export const deniesForwardTsn = (parameter: Parameter): boolean =>
  parameter.type === "UNRECOGNIZED_PARAMETER" && parameter.value[0] === 0xc0 && parameter.value[1] === 0;

/** What the parameters of an INIT or INIT ACK announce. */
export function announced(parameters: readonly Parameter[]): Announced {
  const has = (type: Parameter["type"]): boolean => parameters.some((each) => each.type === type);
  const list = parameters.find((each) => each.type === "SUPPORTED_EXTENSIONS")?.chunkTypes ?? [];
  const denied = parameters.some(deniesForwardTsn);
  return {
    partialReliability: !denied && (has("FORWARD_TSN_SUPPORTED") || list.includes(forwardTsnType)),
    interleavedPartialReliability: list.includes(iForwardTsnType),
    interleaving: list.includes(iDataType),
    authentication: termsIn(parameters) !== undefined,
    addressReconfiguration: list.includes(asconfType) && list.includes(asconfAckType),
    streamReconfiguration: list.includes(reConfigType),
    ecn: has("ECN_CAPABLE"),
  };
}

/** What is agreed on though the RFCs ask for more. */
export type Tolerance = Pick<ProtocolParameters, "asconfWithoutAuthentication" | "iForwardTsnUnlisted">;

/** What both sides announced. */
export function agreedExtensions(
  local: Announced,
  peer: Announced,
  { asconfWithoutAuthentication, iForwardTsnUnlisted }: Tolerance,
): Extensions {
  const authentication = local.authentication && peer.authentication;
  const interleaving = local.interleaving && peer.interleaving;
  const peerHasIForwardTsn =
    peer.interleavedPartialReliability || (iForwardTsnUnlisted && peer.partialReliability);
  return {
    // RFC 8260 section 2.3.1: with I-DATA it takes I-FORWARD-TSN, whatever is said of FORWARD TSN.
    partialReliability: interleaving
      ? local.interleavedPartialReliability && peerHasIForwardTsn
      : local.partialReliability && peer.partialReliability,
    interleaving,
    authentication,
    // RFC 5061 section 4.1.1: ASCONF is sent only in an authenticated way.
    addressReconfiguration:
      local.addressReconfiguration &&
      peer.addressReconfiguration &&
      (authentication || asconfWithoutAuthentication),
    streamReconfiguration: local.streamReconfiguration && peer.streamReconfiguration,
    ecn: local.ecn && peer.ecn,
  };
}
