import type { IcmpReport } from "../../../agents/sctp/index.ts";
import type { PacketTransport, ReceivedPacket, SendPacket } from "../../../agents/host/packet-transport.ts";

/** Keeps what a transport hands over. */
export class Received {
  readonly packets: ReceivedPacket[] = [];
  readonly batches: number[] = [];
  readonly reports: IcmpReport[] = [];
  #changed: () => void = () => undefined;

  constructor(transport: PacketTransport) {
    transport.start({
      onPackets: (packets) => {
        this.packets.push(...packets);
        this.batches.push(packets.length);
        this.#changed();
      },
      onIcmp: (report) => {
        this.reports.push(report);
        this.#changed();
      },
    });
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => (this.#changed = resolve));
  }
}

/** A packet that says in its first bytes which one it is, and is filled with the rest of it. */
export function packetTo(remote: string, index: number, sizeBytes: number): SendPacket {
  const bytes = new Uint8Array(sizeBytes).fill(index);
  if (sizeBytes >= 4) new DataView(bytes.buffer).setUint32(0, index);
  return { bytes, local: remote, remote };
}

/** Whether the bytes are exactly those of `packetTo`. */
export function isPacket(bytes: Uint8Array, index: number, sizeBytes: number): boolean {
  const wanted = packetTo("", index, sizeBytes).bytes;
  return Buffer.compare(bytes, wanted) === 0;
}
