import { NumberedApplication } from "../application/index.ts";
import type { OutboundPacket, ProtocolParameters, Route } from "../sctp/index.ts";
import { Endpoint, assert, seededRandom } from "../sctp/index.ts";
import { ActiveInstance } from "./active.ts";
import { decodeFrame, encodeFrame } from "./frames.ts";
import { Member } from "./member.ts";
import type { MemberOptions } from "./roles.ts";

type Side = "a" | "b" | "peer";

const addresses: Readonly<Record<Side, string>> = { a: "192.0.2.1", b: "192.0.2.2", peer: "192.0.2.3" };
const port = 7000;
const load = { ratePerSecond: 500, sizeBytes: 200, streams: 4 };
const loadMs = 100;
/** Long enough for retransmissions by timer. */
const afterwardsMs = 500;

/**
 * A cluster and its outside computer in memory, on a clock of their own: under a load the place of the
 * primary is handed over and back, and then the primary dies. The code of a takeover runs once in the life of
 * a standby, when each millisecond counts: a program that has rehearsed it has it compiled and at hand.
 */
export class TakeoverRehearsal {
  #nowMs: number = 1_000_000;
  readonly #parameters: ProtocolParameters;
  #a: Member | undefined;
  readonly #b: Member;
  readonly #peer: ActiveInstance;

  private constructor(parameters: ProtocolParameters) {
    this.#parameters = parameters;
    this.#a = new Member(this.#options("a"), this.#nowMs);
    this.#b = new Member(this.#options("b"), this.#nowMs);
    this.#peer = new ActiveInstance({
      endpoint: this.#endpoint("peer"),
      makeApplication: () => new NumberedApplication("up", true),
      epoch: 1,
      mayLeave: () => true,
    });
    this.#a.linkUp("partner", this.#nowMs);
    this.#b.linkUp("partner", this.#nowMs);
  }

  /** Plays it so often from the beginning. An assertion fails where the takeover does not come to pass. */
  static play(times: number, parameters: ProtocolParameters): void {
    for (let time = 0; time < times; time++) new TakeoverRehearsal(parameters).#play();
  }

  #play(): void {
    this.#run(1);
    this.#peer.connect(addresses.a, port, this.#nowMs);
    this.#run(1);
    this.#a?.active?.startLoad(load, this.#nowMs);
    this.#peer.startLoad(load, this.#nowMs);
    this.#run(loadMs);
    this.#a?.handOver(this.#nowMs);
    this.#run(loadMs);
    assert(
      this.#b.role === "primary" && this.#a?.role === "standby",
      "the rehearsed handover is carried out",
    );
    this.#b.handOver(this.#nowMs);
    this.#run(loadMs);
    this.#a = undefined;
    this.#b.linkDown("partner", true, this.#nowMs);
    this.#run(afterwardsMs);
    assert(this.#b.active?.association !== undefined, "the rehearsed takeover goes on with the association");
  }

  #endpoint(side: Side): Endpoint {
    const isPeer = side === "peer";
    return new Endpoint(
      {
        localPort: port,
        localAddresses: isPeer ? [addresses.peer] : [addresses.a, addresses.b],
        ownAddress: addresses[side],
        listening: !isPeer,
        cookieKey: new Uint8Array(32),
        parameters: this.#parameters,
      },
      seededRandom(addresses[side].length + side.charCodeAt(0)),
    );
  }

  #options(side: "a" | "b"): MemberOptions {
    return {
      startsAs: side === "a" ? "primary" : "secondary",
      makeEndpoint: () => this.#endpoint(side),
      makeApplication: () => new NumberedApplication("down"),
      partnerAddresses: [],
      fencing: "prefer-availability",
      policy: { kind: "every-update" },
      keeper: undefined,
      beatIntervalMs: 25,
      leaseMs: 250,
      takeoverAfterMs: 500,
    };
  }

  /** Nothing takes time but the timers. */
  #run(forMs: number): void {
    const endMs = this.#nowMs + forMs;
    for (;;) {
      while (this.#exchange());
      const members = [this.#a, this.#b, this.#peer];
      const dueMs = Math.min(...members.map((each) => each?.nextDeadlineMs() ?? Infinity));
      if (dueMs > endMs) break;
      this.#nowMs = Math.max(dueMs, this.#nowMs + 0.1);
      for (const each of members) each?.advance(this.#nowMs);
    }
    this.#nowMs = endMs;
  }

  /** Carries out what everybody wants; false when nobody wants anything. */
  #exchange(): boolean {
    let busy = false;
    for (const side of ["a", "b"] as const) {
      const outputs = side === "a" ? this.#a?.takeOutputs(this.#nowMs) : this.#b.takeOutputs(this.#nowMs);
      for (const { frame } of outputs?.frames ?? []) {
        busy = true;
        const carried = decodeFrame(encodeFrame(frame));
        const other = side === "a" ? this.#b : this.#a;
        if (carried !== undefined) other?.receiveFrame("partner", carried, this.#nowMs);
      }
      for (const packet of outputs?.packets ?? []) busy = this.#deliver(packet) || busy;
    }
    for (const packet of this.#peer.takeOutputs(this.#nowMs).packets) busy = this.#deliver(packet) || busy;
    return busy;
  }

  /** A packet from the other member's address leaves all the same: here nobody relays. */
  #deliver({ local, remote, bytes }: OutboundPacket): boolean {
    const route: Route = { local: remote, remote: local };
    if (remote === addresses.peer) this.#peer.receive(bytes, route, false, this.#nowMs);
    else {
      const member = remote === addresses.a ? this.#a : this.#b;
      member?.receive({ bytes, route, congestionExperienced: false }, this.#nowMs);
    }
    return true;
  }
}
