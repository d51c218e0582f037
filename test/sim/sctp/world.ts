import { PropertyViolation, hold } from "./checker/violation.ts";
import { Associations, Reopened } from "./associations.ts";
import { SimContext } from "./context.ts";
import { Exchange } from "./exchange.ts";
import { Happenings } from "./happenings.ts";
import type { Host } from "./host.ts";
import type { Knobs, Side } from "./knobs.ts";
import { sides } from "./knobs.ts";
import type { Datagram } from "../network.ts";
import { Underway } from "../underway.ts";
import type { PortFactory } from "./port.ts";
import { RealPort } from "./port.ts";
import type { Trace } from "./trace.ts";
import { noTrace } from "./trace.ts";

export interface WorldOptions {
  readonly make?: PortFactory;
  readonly trace?: Trace;
  /** False leaves out the restores of the knobs, to compare both runs. */
  readonly restores?: boolean;
}

export interface RunResult {
  readonly packets: number;
  readonly delivered: number;
  readonly virtualMs: number;
  /** CRC of everything that was put on the network, with times and addresses. */
  readonly digest: number;
  readonly seen: ReadonlyMap<string, number>;
  readonly reopened: boolean;
}

interface TooBig {
  readonly datagram: Datagram;
  readonly mtuBytes: number;
}

const mostStepsAtOnce = 5000;

/** Two endpoints, the network between them and the checker, from one seed on virtual time. */
export class SimWorld {
  readonly #knobs: Knobs;
  readonly #context: SimContext;
  readonly #associations: Associations;
  readonly #exchange: Exchange;
  readonly #happenings: Happenings;
  /** Reports that packets were too big, on their way back. */
  readonly #icmp: Underway<TooBig> = new Underway<TooBig>();
  #next: number = 0;
  #stepsAtOnce: number = 0;

  constructor(knobs: Knobs, options: WorldOptions = {}) {
    const {
      make = (config, random) => new RealPort(config, random),
      trace = noTrace,
      restores = true,
    } = options;
    this.#knobs = knobs;
    this.#context = new SimContext(knobs, make, trace);
    this.#associations = new Associations(this.#context);
    this.#exchange = new Exchange(this.#context, this.#associations);
    this.#happenings = new Happenings(this.#context, this.#exchange, restores);
    this.#context.network.onTooBig = (datagram, mtuBytes) => {
      this.#icmp.add({ datagram, mtuBytes }, this.#context.nowMs + knobs.link.latencyMs);
    };
  }

  get hosts(): Readonly<Record<Side, Host>> {
    return this.#context.hosts;
  }

  /** Throws a PropertyViolation at the first property that does not hold. */
  run(): RunResult {
    let reopened = false;
    try {
      this.#play();
    } catch (error) {
      if (!(error instanceof Reopened)) throw error;
      reopened = true;
    }
    return {
      packets: this.#exchange.packets,
      delivered: this.#context.messages.delivered,
      virtualMs: this.#context.nowMs,
      digest: this.#exchange.digest,
      seen: this.#context.wire.seen,
      reopened,
    };
  }

  #play(): void {
    const { activeMs, ending } = this.#knobs;
    this.#until(activeMs, () => false);
    this.#context.network.healAll();
    this.#context.trace.note(this.#context.nowMs, () => "healed");
    this.#expect("everything accepted is delivered after the network is healed", () => this.#isSettled());
    if (ending !== "none" && this.#context.bothUp) this.#end(ending);
    this.#associations.checkPromises();
  }

  #end(ending: Exclude<Knobs["ending"], "none">): void {
    const before = sides.map((side) => this.hosts[side].current?.handle);
    // A restart is an ABORT of this association and another one (RFC 9260 section 5.2.4, action A).
    const ended = (): boolean =>
      sides.every((side, place) => {
        const { current } = this.hosts[side];
        return current?.status !== "up" || current.handle !== before[place];
      });
    if (ending === "abort") this.#happenings.happen({ kind: "abort", side: "a" });
    else {
      if (ending !== "shutdown-b") this.#happenings.happen({ kind: "shutdown", side: "a" });
      if (ending !== "shutdown-a") this.#happenings.happen({ kind: "shutdown", side: "b" });
    }
    this.#expect(`${ending} ends the association on both sides`, ended);
  }

  /** Runs on until it is so; a property that is not reached within the bound is violated. */
  #expect(property: string, done: () => boolean): void {
    const boundMs = this.#boundMs();
    if (this.#until(this.#context.nowMs + boundMs, done)) return;
    const left = sides.map((side) => {
      const { current, queue } = this.hosts[side];
      const undelivered =
        current === undefined ? 0 : this.#context.messages.undelivered(side, current.handle).size;
      const phase = current && this.hosts[side].endpoint.state(current.handle)?.phase;
      return `${side} ${current?.status ?? "none"} (${phase}), ${queue.length} to send, ${undelivered} undelivered`;
    });
    throw new PropertyViolation("liveness", `${property}: not within ${boundMs} ms; ${left.join("; ")}`);
  }

  /** Virtual time that may pass before everything is well: timers backed off to the full, then the transfer itself. */
  #boundMs(): number {
    let boundMs = 5000;
    for (const side of sides) {
      const { parameters } = this.#knobs[side];
      const messages = this.hosts[side].queue;
      const bytes =
        messages.reduce((sum, message) => sum + message.payload.length, 0) + parameters.sendBufferBytes;
      // A slow reader lets through half a buffer at a time.
      const { readsEveryMs, largestMessageBytes } = this.#knobs[side];
      boundMs += (20 + (4 * bytes + 20 * largestMessageBytes) / parameters.receiveBufferBytes) * readsEveryMs;
      boundMs += 24 * parameters.rtoMaxMs + 3 * parameters.heartbeatIntervalMs;
      boundMs += (messages.length + 200) * parameters.sackDelayMs;
      boundMs += (3 * bytes) / (this.#knobs.link.bandwidthBytesPerMs || 1000);
    }
    return boundMs;
  }

  #until(endMs: number, done: () => boolean): boolean {
    for (;;) {
      if (done()) return true;
      const nextMs = Math.max(this.#context.nowMs, this.#nextMs());
      if (nextMs > endMs) {
        this.#context.nowMs = Math.max(this.#context.nowMs, endMs);
        return done();
      }
      this.#stepsAtOnce = nextMs === this.#context.nowMs ? this.#stepsAtOnce + 1 : 0;
      hold(
        this.#stepsAtOnce < mostStepsAtOnce,
        "time goes on",
        () => `${mostStepsAtOnce} steps at ${nextMs} ms`,
      );
      this.#context.nowMs = nextMs;
      this.#step();
    }
  }

  #nextMs(): number {
    let next = Math.min(this.#context.network.nextMs ?? Infinity, this.#icmp.nextMs ?? Infinity);
    const happening = this.#knobs.happenings[this.#next];
    if (happening !== undefined) next = Math.min(next, happening.atMs);
    for (const side of sides) {
      const { endpoint, clockAheadMs, callAtMs, readAtMs } = this.hosts[side];
      next = Math.min(next, readAtMs ?? Infinity);
      next = Math.min(next, (endpoint.nextDeadlineMs() ?? Infinity) - clockAheadMs, callAtMs ?? Infinity);
    }
    return next;
  }

  #step(): void {
    for (
      let happening = this.#knobs.happenings[this.#next];
      happening !== undefined && happening.atMs <= this.#context.nowMs;
      happening = this.#knobs.happenings[this.#next]
    ) {
      this.#next += 1;
      this.#happenings.happen(happening.what);
    }
    for (const { datagram, mtuBytes } of this.#icmp.takeDue(this.#context.nowMs))
      this.#exchange.reportTooBig(datagram, mtuBytes);
    for (const arrival of this.#context.network.arrived(this.#context.nowMs)) this.#exchange.arrived(arrival);
    for (const side of sides) {
      const host = this.hosts[side];
      if (host.callAtMs !== undefined && host.callAtMs <= this.#context.nowMs) {
        // Whom it calls, too, has what it says that it has.
        for (const each of sides) this.hosts[each].interfaces.allConfiguredUp();
        host.call(this.#context.nowMs);
        this.#exchange.drain(host);
      }
      if (host.readAtMs !== undefined && host.readAtMs <= this.#context.nowMs) {
        host.read(this.#context.nowMs);
        this.#exchange.drain(host);
      }
      const dueMs = host.endpoint.nextDeadlineMs();
      if (dueMs === undefined || dueMs - host.clockAheadMs > this.#context.nowMs) continue;
      // The deadline itself, where the difference of two clocks was rounded.
      host.endpoint.advance(Math.max(dueMs, this.#context.nowMs + host.clockAheadMs));
      this.#exchange.drain(host, true);
    }
  }

  #isSettled(): boolean {
    return this.#next === this.#knobs.happenings.length && this.#associations.areSettled();
  }
}
