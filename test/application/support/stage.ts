import type { Application, ApplicationNote, MessageToSend } from "../../../agents/application/index.ts";
import { ApplicationRun } from "../../../agents/application/index.ts";
import type { AssociationState, OutboundPacket, ProtocolParameters } from "../../../agents/sctp/index.ts";
import { Endpoint, cloneAssociationState, seededRandom } from "../../../agents/sctp/index.ts";
import { endpointConfig } from "../../sim/endpoints.ts";

const addresses = { cluster: "192.0.2.11", peer: "192.0.2.20" } as const;
export type SideName = keyof typeof addresses;

/** Small, so that what an application wants sent has to wait. */
const parameters: Partial<ProtocolParameters> = {
  rtoInitialMs: 50,
  rtoMinMs: 50,
  rtoMaxMs: 200,
  associationMaxRetrans: 100,
  pathMaxRetrans: 100,
  sendBufferBytes: 32 * 1024,
  receiveBufferBytes: 64 * 1024,
  partialDeliveryPointBytes: 16 * 1024,
  maxMessageBytes: 32 * 1024,
};

/** What one computer of the association's side does: endpoint, application, and the state that another could go on from. */
class Side {
  readonly endpoint: Endpoint;
  readonly run: ApplicationRun;
  handle: number | undefined;
  packets: OutboundPacket[] = [];
  readonly notes: ApplicationNote[];

  constructor(name: SideName, seed: number, application: Application, notes: ApplicationNote[]) {
    const config = {
      ...endpointConfig([addresses[name]], name === "cluster", parameters),
      holdsDeliveries: true,
    };
    this.endpoint = new Endpoint(config, seededRandom(seed));
    this.notes = notes;
    this.run = new ApplicationRun(application, {
      send: (message: MessageToSend, nowMs) => {
        const { streamId, payload, ppid = 0, unordered = false } = message;
        return this.endpoint.send(this.handle ?? 0, { streamId, payload, ppid, unordered }, nowMs);
      },
      consumed: (bytes, nowMs) => this.endpoint.consumed(this.handle ?? 0, bytes, nowMs),
    });
  }

  /** One turn as an instance has it: deliveries, the application, its state. */
  turn(nowMs: number): void {
    this.#collect(nowMs);
    this.run.turn(false, nowMs);
    this.#collect(nowMs);
    const state = this.run.takeChangedState();
    if (state !== undefined && this.handle !== undefined) this.endpoint.saveUserState(this.handle, state);
    this.#collect(nowMs);
    this.notes.push(...this.run.takeNotes());
  }

  #collect(nowMs: number): void {
    for (;;) {
      const { packets, deliveries, notifications } = this.endpoint.takeOutputs();
      this.packets.push(...packets);
      for (const { association, notification } of notifications) {
        if (notification.type === "send-possible") this.run.roomAgain();
        if (notification.type === "association-change" && notification.state === "comm-up") {
          this.handle = association;
        }
      }
      for (const delivery of deliveries) this.run.deliver(delivery, nowMs);
      if (deliveries.length === 0) return;
    }
  }

  state(): AssociationState {
    const state = this.endpoint.state(this.handle ?? 0);
    if (state === undefined) throw new Error("there is no association");
    return cloneAssociationState(state);
  }

  nextMs(): number {
    const { endpoint, run } = this;
    return Math.min(endpoint.nextDeadlineMs() ?? Infinity, run.nextDeadlineMs() ?? Infinity);
  }
}

interface StageOptions {
  readonly seed: number;
  readonly make: Readonly<Record<SideName, () => Application>>;
  /** Share of the packets that are lost. */
  readonly loss?: number;
}

/**
 * Two applications on one association, on virtual time from one seed. Either side can move to another
 * computer at any instant: only the association's state goes there, and what had not left is lost.
 */
export class Stage {
  nowMs: number = 1_000_000;
  readonly sides: Record<SideName, Side>;
  readonly notes: Readonly<Record<SideName, ApplicationNote[]>> = { cluster: [], peer: [] };
  moves: number = 0;
  /** Moves while the application had something that waited for room. */
  movesWithBacklog: number = 0;
  readonly #options: StageOptions;
  readonly #random: ReturnType<typeof seededRandom>;
  readonly #underway: { readonly atMs: number; readonly to: SideName; readonly packet: OutboundPacket }[] =
    [];

  constructor(options: StageOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.sides = { cluster: this.#side("cluster"), peer: this.#side("peer") };
    this.sides.peer.endpoint.connect(addresses.cluster, 7000, this.nowMs);
    this.#finish("peer");
    this.run(5000, () => this.sides.cluster.handle !== undefined && this.sides.peer.handle !== undefined);
  }

  #side(name: SideName): Side {
    const seed = this.#options.seed * 100 + this.moves * 2 + (name === "peer" ? 1 : 0);
    return new Side(name, seed, this.#options.make[name](), this.notes[name]);
  }

  /** A number from 0 to below 1. */
  draw(): number {
    return this.#random.uint32() / 2 ** 32;
  }

  /** Ends a turn of a side; `leaves` says whether its packets still get out. */
  #finish(name: SideName, leaves: boolean = true): void {
    const side = this.sides[name];
    side.turn(this.nowMs);
    const packets = side.packets.splice(0);
    if (!leaves) return;
    const to = name === "peer" ? "cluster" : "peer";
    for (const packet of packets) {
      if (this.draw() < (this.#options.loss ?? 0)) continue;
      this.#underway.push({ atMs: this.nowMs + 1, to, packet });
    }
  }

  /** The computer dies; another one goes on from a state: the last one, or an older one of the same association. */
  move(name: SideName, { state = this.sides[name].state(), unseenMessages = 0 } = {}): void {
    this.moves += 1;
    if (!this.sides[name].run.isIdle) this.movesWithBacklog += 1;
    const side = this.#side(name);
    side.handle = side.endpoint.resume(state, this.nowMs);
    side.run.restore(state.userState, unseenMessages);
    this.sides[name] = side;
    this.#finish(name);
  }

  /** Something is done to a side's application. */
  act(name: SideName, what: (side: Side) => void): void {
    what(this.sides[name]);
    this.#finish(name);
  }

  /** Runs until `done`; answers whether it came to that. With `deaths`, so often a turn is the last one of a computer. */
  run(forMs: number, done: () => boolean = () => false, deaths: number = 0): boolean {
    const endMs = this.nowMs + forMs;
    while (!done()) {
      const { cluster, peer } = this.sides;
      const nextMs = Math.min(this.#underway[0]?.atMs ?? Infinity, cluster.nextMs(), peer.nextMs());
      if (nextMs > endMs) {
        this.nowMs = endMs;
        return done();
      }
      this.nowMs = Math.max(this.nowMs, nextMs);
      this.#receive(deaths);
      for (const name of ["cluster", "peer"] as const) {
        if (this.sides[name].nextMs() > this.nowMs) continue;
        this.sides[name].endpoint.advance(this.nowMs);
        this.#finishOrDie(name, deaths);
      }
    }
    return true;
  }

  #receive(deaths: number): void {
    while ((this.#underway[0]?.atMs ?? Infinity) <= this.nowMs) {
      const arrived = this.#underway.shift();
      if (arrived === undefined) return;
      const { to, packet } = arrived;
      const route = { local: packet.remote, remote: packet.local };
      this.sides[to].endpoint.receive(packet.bytes, route, this.nowMs);
      this.#finishOrDie(to, deaths);
    }
  }

  /** At the end of a turn everything of it is held by the other computer; its packets may or may not be out. */
  #finishOrDie(name: SideName, deaths: number): void {
    const dies = name === "cluster" && this.sides.cluster.handle !== undefined && this.draw() < deaths;
    this.#finish(name, !dies || this.draw() < 0.5);
    if (dies) this.move(name);
  }
}
