import type { AgentRecord, EventName, EventRecord } from "../../../agents/control/records.ts";
import type { CapturedPacket } from "../../../captures/live/index.ts";
import type { CaptureInfo, HistoryHost } from "../../../captures/verdict/history.ts";
import type { RunWriter } from "../../store/index.ts";
import type { HostName } from "../hosts.ts";
import { nowMicros } from "./now.ts";

/** How a host's clock stands to the desk's; both in microseconds. */
export interface ClockReading {
  readonly offsetMicros: number;
  readonly errorMicros: number;
}

interface CaptureBuffer {
  readonly host: string;
  readonly interfaceName: string;
  packets: CapturedPacket[];
}

const flushMs = 250;
/** Records are sent several times a second: what is older when it is read waited for the desk. */
const timelyMicros = 2_000_000;

/**
 * Brings what hosts report onto the desk's clock and into the run file, in batches, and lets the run
 * wait for something to be reported.
 */
export class Recording {
  readonly #writer: RunWriter;
  #hosts: readonly HistoryHost[] = [];
  readonly #clocks: Map<string, ClockReading> = new Map<string, ClockReading>();
  readonly #programErrors: Map<HostName, number> = new Map<HostName, number>();
  readonly #captures: Map<string, CaptureBuffer> = new Map<string, CaptureBuffer>();
  readonly #timer: NodeJS.Timeout;
  readonly #waiters: Set<() => void> = new Set<() => void>();
  #closed: boolean = false;
  readonly #onFailure: (error: unknown) => void;
  readonly #deliveredAt: Map<HostName, number> = new Map<HostName, number>();
  /** How old the newest of a host's records was when it was read. */
  readonly #behindMicros: Map<HostName, number> = new Map<HostName, number>();
  /** All events so far, on the desk's clock. */
  readonly events: (EventRecord & { readonly host: HostName })[] = [];

  /** `onFailure` hears what the run file says when nobody waits for it, such as that the disk is full. */
  constructor(writer: RunWriter, onFailure: (error: unknown) => void) {
    this.#writer = writer;
    this.#onFailure = onFailure;
    this.#timer = setInterval(() => this.#attempt(() => this.flush()), flushMs);
  }

  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#onFailure(error);
    }
  }

  setHosts(hosts: readonly HistoryHost[], clocks: ReadonlyMap<string, ClockReading>): void {
    for (const [host, clock] of clocks) this.#clocks.set(host, clock);
    this.#hosts = hosts;
    this.#writer.setHosts(hosts);
  }

  /** A program on the host reads the host's clock with an error of its own; of several in turn the worst counts. */
  addClockError(host: HostName, errorMicros: number): void {
    const known = this.#programErrors.get(host) ?? 0;
    if (errorMicros <= known) return;
    this.#programErrors.set(host, errorMicros);
    this.#hosts = this.#hosts.map((each) =>
      each.name === host ? { ...each, clockErrorMicros: each.clockErrorMicros + errorMicros - known } : each,
    );
    this.#writer.setHosts(this.#hosts);
  }

  /** An instant of a host's clock on the desk's. */
  deskMicros(host: string, atUs: number): number {
    return atUs - (this.#clocks.get(host)?.offsetMicros ?? 0);
  }

  records(host: HostName, records: readonly AgentRecord[]): void {
    if (this.#closed) return;
    const corrected = records.map((record) => ({ ...record, at: this.deskMicros(host, record.at) }));
    this.#attempt(() => this.#writer.addRecords(host, corrected));
    const newest = corrected.at(-1);
    if (newest !== undefined) this.#behindMicros.set(host, nowMicros() - newest.at);
    for (const record of corrected) {
      if (record.kind === "event") this.events.push({ ...record, host });
      else if (record.kind === "message" && record.act === "delivered")
        this.#deliveredAt.set(host, record.at);
    }
    for (const look of this.#waiters) look();
  }

  announceCapture(info: CaptureInfo): void {
    if (this.#closed) return;
    this.#writer.addCapture(info);
    this.#captures.set(info.host, { host: info.host, interfaceName: info.interfaceName, packets: [] });
  }

  packet(host: HostName, packet: CapturedPacket): void {
    const atUs = this.deskMicros(host, packet.atUs);
    this.#captures.get(host)?.packets.push(atUs === packet.atUs ? packet : { ...packet, atUs });
  }

  endCapture(info: CaptureInfo): void {
    if (this.#closed) return;
    this.flush();
    this.#writer.addCapture(info);
  }

  flush(): void {
    for (const capture of this.#captures.values()) {
      const packets = capture.packets;
      capture.packets = [];
      if (packets.length > 0) this.#writer.addPackets(capture, packets);
    }
  }

  happened(host: HostName, name: EventName): boolean {
    return this.events.some((event) => event.host === host && event.name === name);
  }

  /** What the hosts reported of a lost association, or else why it may not have been seen, for the end of a sentence. */
  whyLost(): string {
    const lost = this.events.filter((event) => event.name === "association-lost");
    if (lost.length > 0) return lost.map((event) => `${event.host}: ${event.text}`).join("; ");
    const [late] = [...this.#behindMicros].toSorted(([, one], [, other]) => other - one);
    if (late !== undefined && late[1] > timelyMicros) {
      const [host, micros] = late;
      const behind = `what ${host} reports is read ${(micros / 1e6).toFixed(0)} s late`;
      return `this computer is too busy to follow, ${behind}; choose a lower --rate, or end other programs`;
    }
    return "nobody reported a reason; check the networks and their firewalls, and look at the run's packets";
  }

  /** How often a host has reported an event with this detail. */
  count(host: HostName, name: EventName, detail: Readonly<Record<string, string>> = {}): number {
    return this.events.filter(
      (event) =>
        event.host === host &&
        event.name === name &&
        Object.entries(detail).every(([key, value]) => event.detail[key] === value),
    ).length;
  }

  /** When a host last reported a delivery to its application, on the desk's clock; 0 where it never did. */
  deliveredAt(host: HostName): number {
    return this.#deliveredAt.get(host) ?? 0;
  }

  /**
   * Resolves to whether `condition` came true within the time; it is looked at whenever something is
   * reported. Rejects with the signal's reason.
   */
  until(condition: () => boolean, withinMs: number, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(timer);
        this.#waiters.delete(look);
        signal.removeEventListener("abort", abort);
      };
      const abort = (): void => {
        stop();
        reject(signal.reason);
      };
      const look = (): void => {
        if (!condition()) return;
        stop();
        resolve(true);
      };
      const timer = setTimeout(() => {
        stop();
        resolve(condition());
      }, withinMs);
      this.#waiters.add(look);
      signal.addEventListener("abort", abort, { once: true });
      if (signal.aborted) abort();
      else look();
    });
  }

  /** Nothing is written any more: the agents' last words are not part of the run. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
  }
}
