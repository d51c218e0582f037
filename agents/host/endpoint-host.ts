import type {
  Delivery,
  Endpoint,
  IcmpReport,
  Notification,
  OutgoingMessage,
  SendAnswer,
} from "../sctp/index.ts";
import type { PacketTransport, ReceivedPacket, SendPacket } from "./packet-transport.ts";

/** What the user of the endpoint is told. Handlers may call into the host; what that causes follows in the same turn. */
export interface EndpointUser {
  onDelivery(delivery: Delivery): void;
  onNotification(association: number, notification: Notification): void;
  /** There is room to send again, see `EndpointHost.awaitRoom`. */
  onRoom?(association: number): void;
}

export interface EndpointHostOptions {
  readonly endpoint: Endpoint;
  readonly transports: readonly PacketTransport[];
  /** Monotonic milliseconds, with fractions. */
  readonly clock: { nowMs(): number };
  readonly user: EndpointUser;
}

/** `setTimeout` knows whole milliseconds only. */
const smallestWaitMs = 1;
const longestWaitMs = 2 ** 31 - 1;
/** So often may a user answer what is delivered within one turn; the rest waits for the next one. */
const roundsPerTurn = 16;

/**
 * Runs one Endpoint on real transports and a real clock. Calls and packets of one turn of the event loop are
 * gathered, by the transport where it can; then follow one `takeOutputs`, one batch of packets, one timer at most. It replicates nothing:
 * packets leave at once, whatever they depend on.
 */
export class EndpointHost {
  readonly #endpoint: Endpoint;
  readonly #transports: readonly PacketTransport[];
  readonly #clock: { nowMs(): number };
  readonly #user: EndpointUser;
  /** Beside each transport: its packets of the flush that is under way. */
  readonly #batches: readonly SendPacket[][];
  readonly #awaitsRoom: Map<number, number> = new Map<number, number>();
  #immediate: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs: number = Number.POSITIVE_INFINITY;
  #dueMs: number = Number.POSITIVE_INFINITY;
  #unroutable: number = 0;
  #closed: boolean = false;

  constructor({ endpoint, transports, clock, user }: EndpointHostOptions) {
    this.#endpoint = endpoint;
    this.#transports = transports;
    this.#clock = clock;
    this.#user = user;
    this.#batches = transports.map(() => []);
    for (const transport of transports) {
      transport.start({
        onPackets: (packets) => this.#received(packets, transport.gathers),
        onIcmp: (report) => this.#reported(report),
      });
    }
    // The endpoint may have been restored, with deadlines.
    this.#schedule();
  }

  /** Packets from an address that no transport has. */
  get unroutable(): number {
    return this.#unroutable;
  }

  /** Anything else that is to be done with the endpoint; what it causes is carried out at the end of the turn. */
  turn<Answer>(act: (endpoint: Endpoint, nowMs: number) => Answer): Answer {
    const answer = act(this.#endpoint, this.#clock.nowMs());
    this.#schedule();
    return answer;
  }

  /** Starts an association; answers its handle. */
  connect(remote: Parameters<Endpoint["connect"]>[0], peerPort: number): number {
    return this.turn((endpoint, nowMs) => endpoint.connect(remote, peerPort, nowMs));
  }

  send(association: number, message: OutgoingMessage): SendAnswer {
    const answer = this.#endpoint.send(association, message, this.#clock.nowMs());
    this.#schedule();
    return answer;
  }

  shutdown(association: number): void {
    this.turn((endpoint, nowMs) => endpoint.shutdown(association, nowMs));
  }

  abort(association: number, reason: string): void {
    this.turn((endpoint, nowMs) => endpoint.abort(association, reason, nowMs));
  }

  /**
   * Calls `onRoom` once, as soon as the association holds fewer than `belowBytes` for sending, in this turn at
   * the earliest. A sender that fills the room in `onRoom` and asks again is called at most once a turn, so
   * packets and timers have their turn as well. Forgotten without a call when the association ends.
   */
  awaitRoom(association: number, belowBytes: number): void {
    this.#awaitsRoom.set(association, belowBytes);
    this.#schedule();
  }

  #received(packets: readonly ReceivedPacket[], thatIsAll: boolean): void {
    if (this.#closed) return;
    const nowMs = this.#clock.nowMs();
    for (const { bytes, route, congestionExperienced } of packets) {
      this.#endpoint.receive(bytes, route, nowMs, congestionExperienced);
    }
    if (!thatIsAll) {
      this.#schedule();
      return;
    }
    clearImmediate(this.#immediate);
    this.#flush();
  }

  #reported(report: IcmpReport): void {
    if (this.#closed) return;
    this.#endpoint.receiveIcmp(report, this.#clock.nowMs());
    this.#schedule();
  }

  #schedule(): void {
    if (this.#immediate === undefined && !this.#closed) this.#immediate = setImmediate(this.#flush);
  }

  readonly #flush = (): void => {
    this.#immediate = undefined;
    const nowMs = this.#clock.nowMs();
    // Busy turns come more often than the timer, which then has nothing left to do.
    if (this.#dueMs <= nowMs) this.#endpoint.advance(nowMs);
    let rounds = 0;
    while (!this.#closed && rounds < roundsPerTurn && this.#carryOut()) rounds += 1;
    if (this.#closed) return;
    this.#tellOfRoom();
    if (rounds === roundsPerTurn) this.#schedule();
    this.#arm();
  };

  /** Carries out what the endpoint wants; false when there was nothing. */
  #carryOut(): boolean {
    const { packets, deliveries, notifications } = this.#endpoint.takeOutputs();
    if (packets.length > 0) this.#sendAll(packets);
    for (const delivery of deliveries) this.#user.onDelivery(delivery);
    for (const { association, notification } of notifications) {
      this.#user.onNotification(association, notification);
    }
    return packets.length + deliveries.length + notifications.length > 0;
  }

  #sendAll(packets: readonly SendPacket[]): void {
    for (const packet of packets) {
      const batch = this.#batchFor(packet.local);
      if (batch === undefined) this.#unroutable += 1;
      else batch.push(packet);
    }
    for (const [at, batch] of this.#batches.entries()) {
      if (batch.length === 0) continue;
      this.#transports[at]?.send(batch);
      batch.length = 0;
    }
  }

  #batchFor(local: string): SendPacket[] | undefined {
    for (let at = 0; at < this.#transports.length; at++) {
      if (this.#transports[at]?.has(local) === true) return this.#batches[at];
    }
    return undefined;
  }

  #tellOfRoom(): void {
    if (this.#awaitsRoom.size === 0) return;
    // Who asks again while being told is told in the next turn.
    for (const [association, belowBytes] of [...this.#awaitsRoom]) {
      const gone = this.#endpoint.state(association) === undefined;
      if (!gone && this.#endpoint.pendingBytes(association) >= belowBytes) continue;
      this.#awaitsRoom.delete(association);
      if (!gone) this.#user.onRoom?.(association);
    }
  }

  /** An armed timer is left alone when the deadline moves away: it fires once for nothing and is set anew. */
  #arm(): void {
    this.#dueMs = this.#endpoint.nextDeadlineMs() ?? Number.POSITIVE_INFINITY;
    if (this.#dueMs >= this.#timerAtMs) return;
    clearTimeout(this.#timer);
    const waitMs = Math.ceil(this.#dueMs - this.#clock.nowMs());
    this.#timerAtMs = this.#dueMs;
    this.#timer = setTimeout(this.#fired, Math.min(Math.max(waitMs, smallestWaitMs), longestWaitMs));
  }

  readonly #fired = (): void => {
    this.#timer = undefined;
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    clearImmediate(this.#immediate);
    this.#flush();
  };

  /** Sends what is waiting to be sent (an ABORT, say), then closes the transports. Associations are not told. */
  close(): void {
    if (this.#closed) return;
    clearImmediate(this.#immediate);
    const { packets } = this.#endpoint.takeOutputs();
    if (packets.length > 0) this.#sendAll(packets);
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const transport of this.#transports) transport.close();
  }
}
