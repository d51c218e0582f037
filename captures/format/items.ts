/** What a capture file is made of, in the order in which it stands there. */

/** Start of a pcap file or of a section of a pcapng file. */
export interface SectionItem {
  readonly kind: "section";
  readonly format: "pcap" | "pcapng";
  readonly byteOrder: "little" | "big";
  readonly comments: readonly string[];
  readonly hardware?: string;
  readonly os?: string;
  readonly application?: string;
}

export interface InterfaceItem {
  readonly kind: "interface";
  /** Counts through the whole file, over all its sections, from 0. */
  readonly index: number;
  /** LINKTYPE_ number of the tcpdump group's list: 1 Ethernet, 101 raw IP, 113 Linux cooked. */
  readonly linkType: number;
  /** Most bytes of a packet that were kept; 0: no limit. */
  readonly snapLength: number;
  /** Ticks of its stamps in a second: 1000000n for microseconds, 1000000000n for nanoseconds. */
  readonly ticksPerSecond: bigint;
  readonly comments: readonly string[];
  readonly name?: string;
  readonly description?: string;
  readonly filter?: string;
  readonly os?: string;
}

export interface PacketItem {
  readonly kind: "packet";
  readonly interfaceIndex: number;
  /** False for a Simple Packet Block, which carries no stamp: both instants are then 0. */
  readonly stamped: boolean;
  /** Nanoseconds since the Unix epoch; a finer stamp is cut to whole nanoseconds. */
  readonly atNanos: bigint;
  /** The same instant in whole microseconds, rounded down; exact until the year 2255. */
  readonly atUs: number;
  readonly capturedLength: number;
  /** Bytes that the packet had on the wire. */
  readonly originalLength: number;
  /** The reader keeps no hold on them. */
  readonly bytes: Uint8Array;
  readonly comments: readonly string[];
}

/** Counters of an Interface Statistics Block, from the start of the capture; exact up to 2^53. */
export interface StatisticsItem {
  readonly kind: "statistics";
  readonly interfaceIndex: number;
  readonly received?: number;
  /** Dropped by the interface (isb_ifdrop). */
  readonly dropped?: number;
  /** Dropped by the operating system (isb_osdrop). */
  readonly osDropped?: number;
}

/** The file is damaged here, or of a kind that cannot be read; nothing follows. */
export interface FlawItem {
  readonly kind: "flaw";
  /** Bytes from the start of the file to the block or record that is wrong. */
  readonly offset: number;
  /** A sentence for a person. */
  readonly reason: string;
}

export type CaptureItem = SectionItem | InterfaceItem | PacketItem | StatisticsItem | FlawItem;

/** No block or record may be longer; libpcap itself refuses packets above 256 KiB. */
export const MAX_BLOCK_BYTES: number = 16 * 1024 * 1024;

/** Cuts a file into blocks (pcapng) or records (pcap) and reads them one at a time. */
export interface BlockDecoder {
  /**
   * Length of the block that begins at `start`, of which `available` bytes are here. A number above
   * `available` asks to be called again with that many; a string says why the file cannot be read.
   */
  measure(bytes: Uint8Array, start: number, available: number): number | string;
  /** Appends what the block at `start` holds to `out`; answers what is wrong with it, if anything is. */
  decode(bytes: Uint8Array, start: number, length: number, out: CaptureItem[]): string | undefined;
}
