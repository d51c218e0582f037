import { NumberedApplication } from "../../agents/application/index.ts";
import type { MemberOptions } from "../../agents/replica/index.ts";
import { Member, decodeFrame, encodeFrame } from "../../agents/replica/index.ts";
import type { OutboundPacket, Route } from "../../agents/sctp/index.ts";
import { Endpoint, seededRandom, telecomParameters } from "../../agents/sctp/index.ts";
import { DeadlineQueue } from "../../agents/sctp/timer/deadline-queue.ts";
import { endpointConfig } from "./endpoints.ts";
import { Underway } from "./underway.ts";

const addressA = "192.0.2.11";
export const addressB = "192.0.2.12";
const networkLatencyMs = 1;
const linkLatencyMs = 0.5;

/** One of many outside computers, and what its user saw. */
export class Guest {
  readonly index: number;
  readonly address: string;
  readonly endpoint: Endpoint;
  readonly received: string[] = [];
  readonly changes: string[] = [];
  handle: number = 0;

  constructor(index: number) {
    this.index = index;
    this.address = `10.0.${index >> 8}.${index & 255}`;
    const config = endpointConfig([this.address], false, telecomParameters);
    this.endpoint = new Endpoint(config, seededRandom(1000 + index));
  }
}

/** A cluster of two members with many outside computers on virtual time, over a network that loses nothing. */
export class Crowd {
  nowMs: number = 1_000_000;
  readonly guests: readonly Guest[];
  a: Member | undefined;
  readonly b: Member;
  /** Packets of B in the turn in which it became the primary. */
  packetsOfTakeover: readonly OutboundPacket[] = [];
  /** The outside network takes nothing from A any more. */
  isCutOff: boolean = false;
  readonly #byAddress: ReadonlyMap<string, Guest>;
  /** Something happened to these since their outputs were taken. */
  readonly #touched: Set<Guest> = new Set<Guest>();
  readonly #deadlines: DeadlineQueue = new DeadlineQueue();
  readonly #packets: Underway<{ readonly route: Route; readonly bytes: Uint8Array }> = new Underway();
  readonly #frames: Underway<{ readonly to: "a" | "b"; readonly bytes: Uint8Array }> = new Underway();

  constructor(guests: number) {
    this.guests = Array.from({ length: guests }, (_, index) => new Guest(index));
    this.#byAddress = new Map(this.guests.map((guest) => [guest.address, guest]));
    this.a = new Member(memberOptions("a"), this.nowMs);
    this.b = new Member(memberOptions("b"), this.nowMs);
    this.a.linkUp("partner", this.nowMs);
    this.b.linkUp("partner", this.nowMs);
    this.run(10);
    for (const guest of this.guests) guest.handle = guest.endpoint.connect(addressA, 7000, this.nowMs);
    this.run(100);
  }

  /** The process is killed, and its machine closes its end of the cluster link. */
  killPrimary(): void {
    this.a = undefined;
    this.isCutOff = true;
    this.b.linkDown("partner", true, this.nowMs);
  }

  /** The associations of a member's endpoint by the address of the guest. */
  handles(endpoint: Endpoint): ReadonlyMap<string, number> {
    const handles = new Map<string, number>();
    for (const handle of endpoint.associations()) {
      for (const address of endpoint.state(handle)?.agreement.peerAddresses ?? [])
        handles.set(address, handle);
    }
    return handles;
  }

  run(forMs: number): void {
    const endMs = this.nowMs + forMs;
    for (const guest of this.guests) this.#touched.add(guest);
    this.#drain();
    for (let next = this.#nextMs(); next <= endMs; next = this.#nextMs()) {
      this.nowMs = Math.max(this.nowMs, next);
      for (const { to, bytes } of this.#frames.takeDue(this.nowMs)) {
        const frame = decodeFrame(bytes);
        if (frame === undefined) throw new Error("the link carried a frame that cannot be read");
        this[to]?.receiveFrame("partner", frame, this.nowMs);
      }
      for (const { route, bytes } of this.#packets.takeDue(this.nowMs)) this.#arrive(route, bytes);
      this.#advance();
      this.#drain();
    }
    this.nowMs = endMs;
  }

  #advance(): void {
    for (const member of [this.a, this.b]) {
      const dueMs = member?.nextDeadlineMs();
      if (dueMs !== undefined && dueMs <= this.nowMs) member?.advance(this.nowMs);
    }
    for (let due = this.#deadlines.takeDue(this.nowMs); due !== undefined;) {
      const guest = this.guests[due];
      guest?.endpoint.advance(this.nowMs);
      if (guest !== undefined) this.#touched.add(guest);
      due = this.#deadlines.takeDue(this.nowMs);
    }
  }

  #arrive(route: Route, bytes: Uint8Array): void {
    const guest = this.#byAddress.get(route.local);
    if (guest !== undefined) {
      guest.endpoint.receive(bytes, route, this.nowMs);
      this.#touched.add(guest);
    } else {
      const member = route.local === addressA ? this.a : this.b;
      member?.receive({ bytes, route, congestionExperienced: false }, this.nowMs);
    }
  }

  #drain(): void {
    for (const side of ["a", "b"] as const) {
      const outputs = this[side]?.takeOutputs(this.nowMs);
      if (outputs === undefined) continue;
      for (const { frame } of outputs.frames)
        this.#frames.add(
          { to: side === "a" ? "b" : "a", bytes: encodeFrame(frame) },
          this.nowMs + linkLatencyMs,
        );
      if (outputs.becamePrimary !== undefined) this.packetsOfTakeover = outputs.packets;
      if (side === "b" || !this.isCutOff) for (const packet of outputs.packets) this.#send(packet);
    }
    for (const guest of this.#touched) this.#drainGuest(guest);
    this.#touched.clear();
  }

  #drainGuest(guest: Guest): void {
    const { packets, deliveries, notifications } = guest.endpoint.takeOutputs();
    for (const packet of packets) this.#send(packet);
    for (const { payload } of deliveries) guest.received.push(new TextDecoder().decode(payload));
    for (const { notification } of notifications)
      if (notification.type === "association-change") guest.changes.push(notification.state);
    this.#deadlines.set(guest.index, guest.endpoint.nextDeadlineMs());
  }

  #send({ local, remote, bytes }: OutboundPacket): void {
    this.#packets.add({ route: { local: remote, remote: local }, bytes }, this.nowMs + networkLatencyMs);
  }

  #nextMs(): number {
    let next = Math.min(this.#packets.nextMs ?? Infinity, this.#frames.nextMs ?? Infinity);
    for (const each of [this.a, this.b]) next = Math.min(next, each?.nextDeadlineMs() ?? Infinity);
    return Math.min(next, this.#deadlines.earliestMs() ?? Infinity);
  }
}

function memberOptions(side: "a" | "b"): MemberOptions {
  const own = side === "a" ? addressA : addressB;
  const config = { ...endpointConfig([addressA, addressB], true, telecomParameters), ownAddress: own };
  return {
    startsAs: side === "a" ? "primary" : "secondary",
    partnerAddresses: [side === "a" ? addressB : addressA],
    makeEndpoint: () => new Endpoint(config, seededRandom(side === "a" ? 1 : 2)),
    makeApplication: () => new NumberedApplication("down"),
    fencing: "prefer-availability",
    policy: { kind: "every-update" },
    keeper: undefined,
    beatIntervalMs: 25,
    leaseMs: 250,
    takeoverAfterMs: 400,
  };
}
