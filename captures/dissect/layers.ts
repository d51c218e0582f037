/**
 * Where the layers below SCTP lie in a frame. One walk fills it in; the flat summary and the decode tree
 * both read it. All offsets count from the first captured byte, ends are exclusive.
 */

export type LinkKind = "ethernet" | "null" | "raw" | "cooked" | "cooked2";

export interface LinkLayer {
  readonly kind: LinkKind;
  readonly end: number;
  /** Offsets of VLAN tags: 16 bits of tag, then 16 bits of the type of what follows. */
  readonly vlans: readonly number[];
  /** What the payload is; undefined where it is not IP. */
  readonly network?: 4 | 6;
  /** Why it is not IP, where it is not. */
  readonly reason?: string;
}

/** An IPv6 extension header. */
export interface ExtensionHeader {
  readonly number: number;
  readonly start: number;
  readonly end: number;
}

export interface NetworkLayer {
  readonly version: 4 | 6;
  readonly start: number;
  /** Where the payload begins, behind options and extension headers. */
  readonly payload: number;
  /** Where the datagram ends, as far as it was captured. */
  readonly end: number;
  /** The datagram is longer than what was captured. */
  readonly cut: boolean;
  readonly extensions: readonly ExtensionHeader[];
  readonly protocol: number;
  readonly source: string;
  readonly destination: string;
  /** Set where the datagram is a fragment. */
  readonly fragment?: { readonly offset: number; readonly more: boolean };
}

export interface UdpLayer {
  readonly start: number;
  /** Where the datagram ends, as far as it was captured. */
  readonly end: number;
  /** Its length field says more than was captured, or more than IP carries. */
  readonly cut: boolean;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

/** Layers as far as they could be read; `reason` says why the walk did not reach SCTP. */
export interface FrameLayers {
  readonly link?: LinkLayer;
  readonly network?: NetworkLayer;
  readonly udp?: UdpLayer;
  readonly sctp?: { readonly start: number; readonly end: number; readonly cut: boolean };
  readonly reason?: string;
}

export interface DissectOptions {
  /** UDP ports, at either end, in which SCTP is encapsulated (RFC 6951). */
  readonly udpPorts?: readonly number[];
}
