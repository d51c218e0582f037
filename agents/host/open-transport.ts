import type { LoadedNativeIo } from "./native-io.ts";
import { NativeTransport } from "./native-transport.ts";
import type { PacketTransport } from "./packet-transport.ts";
import { UdpTransport } from "./udp-transport.ts";

export interface TransportChoice {
  readonly address: string;
  /** SCTP in UDP on this port (RFC 6951), or raw IP protocol 132. */
  readonly way: { readonly udpPort: number } | "raw";
  /**
   * UDP segmentation offload, where the addon loads: several times cheaper, but a capture on an interface that
   * does it shows what is left together as one datagram. Default: no, packets are captured as they are.
   */
  readonly offload?: boolean;
}

/**
 * The best way that this host has: the addon where it loads, else `node:dgram`, which has neither raw packets nor
 * ICMP reports. Rejects with one sentence when what was asked for cannot be had.
 */
export async function openTransport(
  choice: TransportChoice,
  native: LoadedNativeIo,
): Promise<PacketTransport> {
  const { address, way } = choice;
  if (native.ok) return NativeTransport.open(native.io, { ...choice, offload: choice.offload ?? false });
  if (way === "raw") throw new Error(`raw IP protocol 132 cannot be used: ${native.reason}`);
  return UdpTransport.open({ address, udpPort: way.udpPort });
}
