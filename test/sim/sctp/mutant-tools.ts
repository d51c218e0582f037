import type { EndpointOutputs } from "../../../agents/sctp/index.ts";
import { checksumOf } from "./checker/packet-reader.ts";
import type { PortFactory } from "./port.ts";

/**
 * Stacks with one fault each, made of the real one by bending what goes in and comes out. The checker has to
 * find each of them; otherwise its silence about the real stack means nothing.
 */
export interface Mutant {
  readonly name: string;
  /** Seeds, from 1 on, within which it is found. */
  readonly withinSeeds: number;
  /** Properties of which one is named when it is found. */
  readonly properties: readonly string[];
  readonly make: PortFactory;
}

export const dataType = 0;
export const sackType = 3;

/** Type of the first chunk. */
export const typeOf = (packet: Uint8Array): number => packet[12] ?? 255;

/** The packet with its checksum made good after a change. */
export function sealed(packet: Uint8Array): Uint8Array {
  new DataView(packet.buffer, packet.byteOffset).setUint32(8, checksumOf(packet), true);
  return packet;
}

export function changed(packet: Uint8Array, change: (view: DataView, copy: Uint8Array) => void): Uint8Array {
  const copy = packet.slice();
  change(new DataView(copy.buffer), copy);
  return sealed(copy);
}

/** Changes the packets that leave; `change` answers the packet to send in place of each, or none. */
export function bendPackets(
  outputs: EndpointOutputs,
  change: (packet: EndpointOutputs["packets"][number]) => Uint8Array | undefined,
): EndpointOutputs {
  const packets = outputs.packets.flatMap((packet) => {
    const bytes = change(packet);
    return bytes === undefined ? [] : [{ ...packet, bytes }];
  });
  return { ...outputs, packets };
}
