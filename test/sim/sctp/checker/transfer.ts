import type { Outstanding } from "./fast-recovery.ts";
import { FastRecovery } from "./fast-recovery.ts";
import type { DataOnWire, SackOnWire } from "./packet-reader.ts";
import { Reception } from "./reception.ts";
import { hold, steps } from "./violation.ts";

export interface TransferLimits {
  readonly maxBurst: number;
  readonly rtoMinMs: number;
  /** Receive buffer of the other side: its window before the first SACK. */
  readonly windowBytes: number;
}

/** A packet with DATA as the sender put it on the network. */
export interface DataPacket {
  readonly chunks: readonly DataOnWire[];
  readonly from: string;
  readonly to: string;
  readonly reason: string;
  /** It was made when a timer of the sender had expired. */
  readonly byTimer: boolean;
  /** Congestion window of that address after the call that made the packet. */
  readonly congestionWindowBytes: number | undefined;
  /** The largest packet for that address. */
  readonly sizeLimitBytes: number;
  /** By the sender's clock. */
  readonly atMs: number;
}

/**
 * One direction of one association as the wire shows it: what was sent, what arrived, what was
 * acknowledged. From that it works out what RFC 9260 allows the sender and the receiver to do.
 */
export class Transfer {
  readonly #name: string;
  readonly #limits: TransferLimits;
  readonly #fingerprints: Map<number, number> = new Map<number, number>();
  /** In the order of their TSNs. */
  readonly #outstanding: Map<number, Outstanding> = new Map<number, Outstanding>();
  readonly #flight: Map<string, number> = new Map<string, number>();
  /** Where DATA went so far. */
  readonly #addresses: Set<string> = new Set<string>();
  /** The sender's own address from which each address was last sent to. */
  readonly #sources: Map<string, string> = new Map<string, string>();
  /** Addresses where T3 has expired and nothing was acknowledged since. */
  readonly #timedOut: Set<string> = new Set<string>();
  readonly #recovery: FastRecovery;
  /** User data in flight, which is what the receiver's window counts. */
  #totalFlight: number = 0;
  #nextTsn: number | undefined;
  /** It has given up messages. */
  #hasGivenUp: boolean = false;
  #acked: number | undefined;
  #windowBytes: number;
  /** Told of each chunk of data that is sent for the first time. */
  onNew: (chunk: DataOnWire) => void = () => undefined;
  /** What the other side has got of it. */
  readonly reception: Reception;

  constructor(name: string, limits: TransferLimits) {
    this.#name = name;
    this.#limits = limits;
    this.#windowBytes = limits.windowBytes;
    this.#recovery = new FastRecovery(this.#outstanding, limits.rtoMinMs);
    this.reception = new Reception(name);
  }

  /** The TSN that comes next, as far as the wire shows it; undefined where nothing was sent. */
  get nextTsn(): number | undefined {
    return this.#nextTsn;
  }

  get isIdle(): boolean {
    return this.#outstanding.size === 0;
  }

  get hasGivenUp(): boolean {
    return this.#hasGivenUp;
  }

  /** Nothing is outstanding, and TSNs go on with this one (RFC 6525 section 5.2.7, H5). */
  resetTsn(tsn: number): void {
    hold(
      this.#outstanding.size === 0 || this.#hasGivenUp,
      "TSNs are reset when nothing is outstanding (RFC 6525 section 5.1.4)",
      () => `${this.#name}: ${this.#outstanding.size} chunks are outstanding`,
    );
    this.#fingerprints.clear();
    this.#outstanding.clear();
    this.#flight.clear();
    this.#totalFlight = 0;
    this.#nextTsn = tsn;
    this.#acked = (tsn - 1) >>> 0;
  }

  /** The receiver has no longer this address: what is under way there is sent elsewhere (RFC 5061 section 5.3, F13). */
  addressRemoved(address: string): void {
    for (const chunk of this.#outstanding.values()) {
      if (chunk.to !== address) continue;
      chunk.gone = true;
      if (chunk.lost === "abandoned") continue;
      if (chunk.lost === undefined && !chunk.gapAcked) this.#fly(chunk, -1);
      chunk.lost = "t3";
    }
    this.#timedOut.delete(address);
  }

  /**
   * All packets with DATA that one call of the sender made. They leave at one instant, so their order says
   * nothing: what is sent again shows first which timers have expired.
   */
  packetsSent(packets: readonly DataPacket[]): void {
    const fresh = packets.filter(({ chunks }) => chunks.some(({ tsn }) => !this.#fingerprints.has(tsn)));
    hold(fresh.length <= this.#limits.maxBurst, "Max.Burst (RFC 9260 section 6.1 D)", () => {
      return `${this.#name}: ${fresh.length} packets with new data at once`;
    });
    const reasons = packets.map((packet) => this.#checkRetransmissions(packet));
    for (const { from, to } of packets) this.leaves(from, to);
    if (packets[0] !== undefined) this.#recovery.noteTimers(packets[0].atMs, this.#addresses.size);
    let recoveryPacket = this.#recovery.takeFreePacket();
    for (const [index, packet] of packets.entries()) {
      const again = packet.chunks.filter(({ tsn }) => this.#outstanding.has(tsn));
      if (again.length === 0) continue;
      const { timedOut = false, t3 = false } = reasons[index] ?? {};
      // The one packet of section 6.3.3 E3, and the one of section 7.2.4 rule 3.
      if (!timedOut && !recoveryPacket) this.#checkCongestionWindow(packet, t3);
      if (!timedOut) recoveryPacket = false;
      for (const chunk of again) this.#bookAgain(chunk, packet);
    }
    // New data comes after what is sent again (section 6.1 C), if only to fill up the same packets.
    for (const [index, packet] of packets.entries()) {
      const added = packet.chunks.filter(({ tsn }) => !this.#fingerprints.has(tsn));
      if (added.length === 0) continue;
      this.#checkCongestionWindow(packet, reasons[index]?.t3 === true, added.length < packet.chunks.length);
      for (const chunk of added) this.#bookNew(chunk, packet);
    }
  }

  /** DATA or a HEARTBEAT leaves: from another address than before congestion control begins anew (section 7.2.5.2). */
  leaves(from: string, to: string): void {
    if (this.#sources.get(to) !== from) this.#timedOut.delete(to);
    this.#sources.set(to, from);
  }

  #checkRetransmissions(packet: DataPacket): { timedOut: boolean; t3: boolean } {
    let timedOut = false;
    let t3 = false;
    for (const chunk of packet.chunks) {
      if (!this.#fingerprints.has(chunk.tsn)) continue;
      const why = this.#checkRetransmission(chunk, packet);
      timedOut ||= why === "t3-now";
      t3 ||= why !== "missing";
    }
    return { timedOut, t3 };
  }

  /** `t3`: the packet brings again what T3 found lost. */
  #checkCongestionWindow(packet: DataPacket, t3: boolean, goesAnyway: boolean = false): void {
    const windowBytes = packet.congestionWindowBytes;
    const flight = this.#flight.get(packet.to) ?? 0;
    // Section 7.2.3: after T3 no more than one packet until an acknowledgement comes.
    const onlyOne =
      this.#timedOut.has(packet.to) && windowBytes !== undefined && windowBytes <= packet.sizeLimitBytes;
    const limit = onlyOne && !goesAnyway ? 1 : windowBytes;
    if (windowBytes === undefined || limit === undefined || flight < limit) return;
    // T3 of that address may have expired without a chunk of it being sent again yet.
    const timedOut = (packet.byTimer || t3) && this.#timeOut(packet.to, packet);
    hold(
      timedOut || this.#timedOutUnseen(packet) < limit,
      "congestion window (RFC 9260 sections 6.1 B and 7.2.1)",
      () => {
        return `${this.#name}: ${flight} bytes in flight to ${packet.to}, window ${windowBytes}${limit === 1 ? " after T3" : ""}, TSN ${packet.chunks[0]?.tsn} sent`;
      },
    );
  }

  /** Answers why the chunk may be sent again. */
  #checkRetransmission(chunk: DataOnWire, packet: DataPacket): "t3-now" | "t3" | "missing" {
    const detail = (): string => `${this.#name}: TSN ${chunk.tsn} at ${packet.atMs} (${packet.reason})`;
    const known = this.#fingerprints.get(chunk.tsn);
    hold(known === chunk.fingerprint, "a TSN has one payload", detail);
    const outstanding = this.#outstanding.get(chunk.tsn);
    hold(outstanding !== undefined, "only unacknowledged TSNs are sent again", detail);
    hold(!outstanding.gapAcked, "TSNs in gap blocks are not sent again", detail);
    hold(outstanding.lost !== "abandoned", "what was given up is not sent again", detail);
    if (outstanding.lost === "t3" && outstanding.unsure) this.#timeOut(outstanding.to, packet);
    if (outstanding.lost === "t3" || (outstanding.lost === "missing" && !packet.byTimer))
      return outstanding.lost;
    if (this.#timeOut(outstanding.to, packet)) return "t3-now";
    hold(outstanding.lost === "missing", "retransmission needs T3 or three missing reports", detail);
    return "missing";
  }

  /**
   * Where T3 may have expired for an address, everything in flight there counts as lost (section 6.3.3).
   * Answers false where it is too early for that.
   */
  #timeOut(address: string, { atMs, byTimer }: DataPacket): boolean {
    const there = [...this.#outstanding.values()].filter((each) => each.to === address && !each.gapAcked);
    // What is found missing is outstanding until it is sent again (section 6.3.2, R3).
    const timed = there.filter(({ lost }) => lost === undefined || lost === "missing");
    const oldestMs = timed.reduce((oldest, each) => Math.min(oldest, each.sentAtMs), Infinity);
    // With one address T3 shows at once by the packet that it brings back. Where chunks move between addresses, one
    // may come under a timer that another one started long before, and a time-out may show later only. T3 also
    // runs for a FORWARD TSN (RFC 3758 section 3.5). Rounding of floating point instants is no early timer.
    const exact = this.#addresses.size === 1 && !this.#hasGivenUp;
    if (exact && (!byTimer || atMs - oldestMs + 1e-6 < this.#limits.rtoMinMs)) return false;
    for (const each of there) {
      if (each.lost === "abandoned") {
        each.wasMissing = true;
        continue;
      }
      if (each.lost === undefined) this.#fly(each, -1);
      each.lost = "t3";
      each.unsure = this.#addresses.size > 1 && atMs - each.sentAtMs < this.#limits.rtoMinMs;
    }
    this.#recovery.end();
    // A window probe that is lost leaves the congestion window alone (section 6.1 A).
    const [probe, ...others] = there;
    const probing = probe?.probe === true && others.length === 0 && this.#windowBytes < probe.payloadBytes;
    // Seen later, its time may be over: an acknowledgement may have come meanwhile.
    if (byTimer && !probing && !this.#isDueElsewhere(address, atMs)) this.#timedOut.add(address);
    return true;
  }

  /**
   * With several addresses T3 of one may have expired while the windows of all let nothing be sent again (section
   * 6.3.3, E3): then what was in flight there for so long counts no more. Answers what does.
   */
  #timedOutUnseen({ to, atMs }: DataPacket): number {
    for (const each of this.#addresses.size > 1 ? this.#outstanding.values() : []) {
      const flies = each.to === to && each.lost === undefined && !each.gapAcked;
      if (!flies || atMs - each.sentAtMs + 1e-6 < this.#limits.rtoMinMs) continue;
      this.#fly(each, -1);
      each.lost = "t3";
    }
    return this.#flight.get(to) ?? 0;
  }

  /** The timer that has expired may be that of another address. */
  #isDueElsewhere(address: string, atMs: number): boolean {
    return [...this.#outstanding.values()].some(({ to, lost, gapAcked, sentAtMs }) => {
      const flies = lost === undefined && !gapAcked;
      return to !== address && flies && atMs - sentAtMs + 1e-6 >= this.#limits.rtoMinMs;
    });
  }

  #bookNew(chunk: DataOnWire, { to, atMs }: DataPacket): void {
    const probe = this.#checkNew(chunk);
    this.#fingerprints.set(chunk.tsn, chunk.fingerprint);
    const { payloadBytes, chunkBytes } = chunk;
    const state = {
      gapAcked: false,
      lost: undefined,
      unsure: false,
      gone: false,
      strikes: 0,
      wasMissing: false,
    };
    const fresh: Outstanding = { payloadBytes, chunkBytes, to, sentAtMs: atMs, probe, ...state };
    this.#outstanding.set(chunk.tsn, fresh);
    this.#addresses.add(to);
    this.#fly(fresh, 1);
  }

  #bookAgain(chunk: DataOnWire, { to, atMs }: DataPacket): void {
    const before = this.#outstanding.get(chunk.tsn);
    if (before === undefined) return;
    if (before.lost === undefined) this.#fly(before, -1);
    Object.assign(before, { to, sentAtMs: atMs, lost: undefined, unsure: false, gone: false, strikes: 0 });
    this.#addresses.add(to);
    this.#fly(before, 1);
  }

  /** Answers whether it is a window probe. */
  #checkNew(chunk: DataOnWire): boolean {
    this.#nextTsn ??= chunk.tsn;
    this.reception.expect(chunk.tsn);
    // The rest of a message that was given up half sent has a TSN that is never seen.
    const skipped = steps(this.#nextTsn, chunk.tsn);
    hold(
      skipped === 0 || (this.#hasGivenUp && skipped > 0 && skipped < 100),
      "TSNs are given in order",
      () => `${this.#name}: ${chunk.tsn} after ${this.#nextTsn}`,
    );
    this.#nextTsn = (chunk.tsn + 1) >>> 0;
    this.onNew(chunk);
    const room = this.#windowBytes - this.#totalFlight;
    hold(
      chunk.payloadBytes <= room || this.#totalFlight === 0,
      "the receiver's window (RFC 9260 section 6.1 A)",
      () => {
        return `${this.#name}: TSN ${chunk.tsn} of ${chunk.payloadBytes} bytes, window ${this.#windowBytes}, in flight ${this.#totalFlight}`;
      },
    );
    return chunk.payloadBytes > room;
  }

  /** A chunk was acknowledged for the first time. */
  #credit(chunk: Outstanding): void {
    this.#timedOut.delete(chunk.to);
    if (chunk.lost === undefined) this.#fly(chunk, -1);
  }

  #fly(chunk: Outstanding, sign: 1 | -1): void {
    this.#flight.set(chunk.to, (this.#flight.get(chunk.to) ?? 0) + sign * chunk.chunkBytes);
    this.#totalFlight += sign * chunk.payloadBytes;
  }

  /** A SACK or SHUTDOWN has reached the sender, by its own clock at `atMs`; `sack` is undefined for a SHUTDOWN. */
  acknowledged(cumulativeTsn: number, sack: SackOnWire | undefined, atMs: number): void {
    if (this.#nextTsn === undefined) {
      if (sack !== undefined) this.#windowBytes = sack.windowBytes;
      return;
    }
    if (this.#acked !== undefined && steps(this.#acked, cumulativeTsn) < 0) return;
    // Of another numbering, from before an SSN/TSN reset or from after it (RFC 6525 section 5.2.4, G1).
    if (steps(this.#nextTsn, cumulativeTsn) > 0x4000_0000) return;
    this.#recovery.noteTimers(atMs, this.#addresses.size);
    const progress = this.#acked === undefined || steps(this.#acked, cumulativeTsn) > 0;
    this.#acked = cumulativeTsn;
    let newest: number | undefined;
    for (const [tsn, chunk] of this.#outstanding) {
      if (steps(cumulativeTsn, tsn) > 0) break;
      if (!chunk.gapAcked) {
        this.#credit(chunk);
        newest = tsn;
      }
      this.#outstanding.delete(tsn);
    }
    if (sack !== undefined) {
      this.#windowBytes = sack.windowBytes;
      newest = this.#readGaps(sack) ?? newest;
    }
    this.#recovery.acknowledged(cumulativeTsn);
    if (sack === undefined) return;
    for (const chunk of this.#recovery.count(sack, newest, progress, this.#nextTsn)) {
      chunk.lost = "missing";
      this.#fly(chunk, -1);
    }
  }

  /** Answers the highest TSN that is acknowledged for the first time. */
  #readGaps({ cumulativeTsn, gaps }: SackOnWire): number | undefined {
    let newest: number | undefined;
    let at = 0;
    for (const [tsn, chunk] of this.#outstanding) {
      const offset = steps(cumulativeTsn, tsn);
      while (at < gaps.length && gaps[at]![1] < offset) at += 1;
      const inGap = at < gaps.length && offset >= gaps[at]![0];
      if (inGap && !chunk.gapAcked) {
        this.#credit(chunk);
        newest = tsn;
        if (chunk.lost !== "abandoned") chunk.lost = undefined;
      } else if (!inGap && chunk.gapAcked) {
        // What is taken back is a report that it is missing, too (section 6.2.1 D iii).
        if (chunk.gone && chunk.lost !== "abandoned") chunk.lost = "t3";
        if (chunk.lost === undefined) this.#fly(chunk, 1);
        chunk.strikes += 1;
      }
      chunk.gapAcked = inGap;
    }
    return newest;
  }

  /** The sender told its user that it gave this chunk up (RFC 3758): it is never sent again. */
  abandoned(tsn: number | undefined): void {
    this.#hasGivenUp = true;
    const chunk = tsn === undefined ? undefined : this.#outstanding.get(tsn);
    if (chunk === undefined) return;
    if (chunk.lost === undefined && !chunk.gapAcked) this.#fly(chunk, -1);
    chunk.lost = "abandoned";
  }
}
