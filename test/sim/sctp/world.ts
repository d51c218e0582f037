import { crc32 } from "node:zlib";
import type { EndpointOutputs, Notification } from "../../../agents/sctp/index.ts";
import { MessageChecker } from "./checker/message-checker.ts";
import type { PacketOnWire } from "./checker/packet-reader.ts";
import { PropertyViolation, hold } from "./checker/violation.ts";
import { WireChecker } from "./checker/wire-checker.ts";
import { Host } from "./host.ts";
import type { Handle } from "./host.ts";
import type { Happening, Knobs, Side } from "./knobs.ts";
import { otherSide, sides } from "./knobs.ts";
import type { Datagram } from "../network.ts";
import { Underway } from "../underway.ts";
import { FaultyNetwork } from "./network.ts";
import type { PathSizes, PortFactory } from "./port.ts";
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

/**
 * Thrown where a run ends without a judgement. An association that has ended is opened again by a COOKIE
 * ECHO that was repeated or late: within the life of a cookie RFC 9260 has nothing against that, and then
 * tags and TSNs mean two things.
 */
class Reopened extends Error {}

interface TooBig {
  readonly datagram: Datagram;
  readonly mtuBytes: number;
}

/** More than this in a run is a packet storm: the longest runs of the knobs need a tenth of it. */
const mostPackets = 60_000;
const mostStepsAtOnce = 5000;

/** Two endpoints, the network between them and the checker, from one seed on virtual time. */
export class SimWorld {
  nowMs: number = 0;
  readonly hosts: Readonly<Record<Side, Host>>;
  readonly #knobs: Knobs;
  readonly #network: FaultyNetwork;
  readonly #wire: WireChecker;
  readonly #messages: MessageChecker = new MessageChecker();
  readonly #trace: Trace;
  readonly #restores: boolean;
  /** What each datagram on its way carries, read when it was sent. */
  readonly #contents: WeakMap<Uint8Array, { packet: PacketOnWire; association: number }> = new WeakMap();
  /** Reports that packets were too big, on their way back. */
  readonly #icmp: Underway<TooBig> = new Underway<TooBig>();
  #next: number = 0;
  #packets: number = 0;
  #digest: number = 0;
  #excused: boolean = false;
  #disturbedClock: boolean = false;
  #stepsAtOnce: number = 0;

  constructor(knobs: Knobs, options: WorldOptions = {}) {
    const make: PortFactory = options.make ?? ((config, random) => new RealPort(config, random));
    this.#knobs = knobs;
    this.#network = new FaultyNetwork(knobs.link, knobs.seed);
    this.#wire = new WireChecker(knobs);
    this.#network.onTooBig = (datagram, mtuBytes) => {
      this.#icmp.add({ datagram, mtuBytes }, this.nowMs + knobs.link.latencyMs);
    };
    this.#trace = options.trace ?? noTrace;
    this.#restores = options.restores ?? true;
    this.hosts = { a: new Host("a", knobs, make), b: new Host("b", knobs, make) };
    // Whoever may give up, may give up while the network is bad.
    this.#excused = !knobs.patient;
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
      packets: this.#packets,
      delivered: this.#messages.delivered,
      virtualMs: this.nowMs,
      digest: this.#digest,
      seen: this.#wire.seen,
      reopened,
    };
  }

  #play(): void {
    const { activeMs, ending } = this.#knobs;
    this.#until(activeMs, () => false);
    this.#network.healAll();
    this.#trace.note(this.nowMs, "healed");
    this.#expect("everything accepted is delivered after the network is healed", () => this.#settled());
    if (ending !== "none" && this.#bothUp()) this.#end(ending);
    this.#checkPromises();
  }

  #end(ending: Exclude<Knobs["ending"], "none">): void {
    const ended = (): boolean => sides.every((side) => this.hosts[side].current?.status !== "up");
    if (ending === "abort") this.#happen({ kind: "abort", side: "a" });
    else {
      if (ending !== "shutdown-b") this.#happen({ kind: "shutdown", side: "a" });
      if (ending !== "shutdown-a") this.#happen({ kind: "shutdown", side: "b" });
    }
    this.#expect(`${ending} ends the association on both sides`, ended);
  }

  /** Runs on until it is so; a property that is not reached within the bound is violated. */
  #expect(property: string, done: () => boolean): void {
    const boundMs = this.#boundMs();
    if (this.#until(this.nowMs + boundMs, done)) return;
    const left = sides.map((side) => {
      const { current, queue } = this.hosts[side];
      const undelivered = current === undefined ? 0 : this.#messages.undelivered(side, current.handle).size;
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
      const nextMs = Math.max(this.nowMs, this.#nextMs());
      if (nextMs > endMs) {
        this.nowMs = Math.max(this.nowMs, endMs);
        return done();
      }
      this.#stepsAtOnce = nextMs === this.nowMs ? this.#stepsAtOnce + 1 : 0;
      hold(
        this.#stepsAtOnce < mostStepsAtOnce,
        "time goes on",
        () => `${mostStepsAtOnce} steps at ${nextMs} ms`,
      );
      this.nowMs = nextMs;
      this.#step();
    }
  }

  #nextMs(): number {
    let next = Math.min(this.#network.nextMs ?? Infinity, this.#icmp.nextMs ?? Infinity);
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
      happening !== undefined && happening.atMs <= this.nowMs;
      happening = this.#knobs.happenings[this.#next]
    ) {
      this.#next += 1;
      this.#happen(happening.what);
    }
    for (const { datagram, mtuBytes } of this.#icmp.takeDue(this.nowMs))
      this.#reportTooBig(datagram, mtuBytes);
    for (const { datagram, intact } of this.#network.arrived(this.nowMs)) {
      const host = sides
        .map((side) => this.hosts[side])
        .find(({ addresses }) => addresses.includes(datagram.to));
      if (host === undefined) continue;
      const contents = this.#contents.get(datagram.bytes);
      if (intact && contents !== undefined) {
        const atMs = this.nowMs + host.clockAheadMs;
        this.#wire.packetArrived(host.side, contents.association, contents.packet, atMs);
      }
      const route = { local: datagram.to, remote: datagram.from };
      host.endpoint.receive(datagram.bytes, route, this.nowMs + host.clockAheadMs);
      this.#drain(host);
    }
    for (const side of sides) {
      const host = this.hosts[side];
      if (host.callAtMs !== undefined && host.callAtMs <= this.nowMs) {
        host.call(this.nowMs);
        this.#drain(host);
      }
      if (host.readAtMs !== undefined && host.readAtMs <= this.nowMs) {
        host.read(this.nowMs);
        this.#drain(host);
      }
      const dueMs = host.endpoint.nextDeadlineMs();
      if (dueMs === undefined || dueMs - host.clockAheadMs > this.nowMs) continue;
      // The deadline itself, where the difference of two clocks was rounded.
      host.endpoint.advance(Math.max(dueMs, this.nowMs + host.clockAheadMs));
      this.#drain(host, true);
    }
  }

  #hostAt(address: string): Host {
    return this.hosts.a.addresses.includes(address) ? this.hosts.a : this.hosts.b;
  }

  #reportTooBig({ from, to, bytes }: Datagram, mtuBytes: number): void {
    const host = this.#hostAt(from);
    const report = {
      kind: "packet-too-big",
      mtuBytes,
      quoted: bytes.slice(0, 8),
      route: { local: from, remote: to },
    } as const;
    host.endpoint.receiveIcmp(report, this.nowMs + host.clockAheadMs);
    this.#drain(host);
  }

  #happen(what: Happening): void {
    this.#trace.note(this.nowMs, JSON.stringify(what));
    switch (what.kind) {
      case "cut":
        return this.#network.cut(what.from, what.to);
      case "heal":
        return this.#network.heal(what.from, what.to);
      case "mtu":
        this.#network.mtuBytes = what.bytes;
        return;
      case "clock-jump":
        this.hosts[what.side].clockAheadMs += what.byMs;
        this.#disturbedClock = true;
        return;
      case "restore":
        if (this.#restores) this.hosts[what.side].endpoint.restore();
        return;
      case "restart":
        return this.#restart(this.hosts[what.side]);
      case "abort":
      case "shutdown":
        return this.#endByUser(this.hosts[what.side], what.kind);
      case "send": {
        const host = this.hosts[what.side];
        host.plan(what.count);
        this.#drain(host);
      }
    }
  }

  #restart(host: Host): void {
    host.restart();
    this.#excused = true;
    if (this.#knobs[host.side].connects) host.callAtMs = this.nowMs + 1;
  }

  #endByUser(host: Host, kind: "abort" | "shutdown"): void {
    const { current } = host;
    if (current?.status !== "up") return;
    const nowMs = this.nowMs + host.clockAheadMs;
    current.shutdownAtMs ??= this.nowMs;
    if (kind === "shutdown") host.endpoint.shutdown(current.handle, nowMs);
    else {
      this.#excused = true;
      current.status = "forgotten";
      current.reason = "aborted by its user";
      host.endpoint.abort(current.handle, "enough", nowMs);
    }
    this.#drain(host);
  }

  /** Carries out what a host's endpoint wants done, and lets its user go on. */
  #drain(host: Host, byTimer: boolean = false): void {
    this.#carryOut(host, host.endpoint.takeOutputs(), byTimer);
    for (let message = host.pump(this.nowMs); message !== undefined; message = host.pump(this.nowMs)) {
      this.#messages.accepted(host.side, host.current?.handle ?? 0, message);
      this.#carryOut(host, host.endpoint.takeOutputs());
    }
    // Also a message that is refused may push others out (RFC 7496 section 4.3).
    this.#carryOut(host, host.endpoint.takeOutputs());
  }

  #carryOut(host: Host, outputs: EndpointOutputs, byTimer: boolean = false): void {
    for (const { association, notification } of outputs.notifications) {
      if (notification.type !== "association-change") continue;
      if (notification.state === "comm-up") this.#up(host, association);
      else if (notification.state === "restart") this.#restarted(host, association);
    }
    for (const { association, ...delivery } of outputs.deliveries) {
      this.#messages.arrived(host.side, host.handles.get(association)?.peerHandle, delivery);
      host.arrived(association, delivery.payload.length, this.nowMs);
    }
    for (const { association, notification } of outputs.notifications) {
      if (notification.type === "send-failed") this.#sendFailed(host, association, notification);
    }
    if (outputs.packets.length > 0) this.#send(host, outputs, byTimer);
    for (const { association, notification } of outputs.notifications)
      this.#notified(host, association, notification);
  }

  #send(host: Host, outputs: EndpointOutputs, byTimer: boolean): void {
    this.#packets += outputs.packets.length;
    hold(this.#packets < mostPackets, "no packet storm", () => `${this.#packets} packets`);
    const paths = new Map<number, ReadonlyMap<string, PathSizes>>();
    const pathOf = (association: number, address: string): PathSizes | undefined => {
      const known = paths.get(association) ?? host.endpoint.paths(association);
      if (!paths.has(association)) this.#checkBounds(host, association);
      paths.set(association, known);
      return known.get(address);
    };
    const sent = outputs.packets.map(({ local, remote, bytes, reason, association, probe = false }) => ({
      side: host.side,
      datagram: { from: local, to: remote, bytes },
      reason,
      byTimer,
      association,
      atMs: this.nowMs + host.clockAheadMs,
      probe,
      path: (address: string) => pathOf(association, address),
    }));
    for (const { datagram, reason } of sent) {
      this.#trace.sending(this.nowMs, host.side, datagram, reason);
      this.#trace.fate(this.#network.send(datagram, this.nowMs));
    }
    const read = this.#wire.packetsSent(sent);
    for (const [index, { datagram, association }] of sent.entries()) {
      const { from, to, bytes } = datagram;
      this.#contents.set(bytes, { packet: read[index]!, association });
      for (const chunk of read[index]!.chunks) {
        if (chunk.kind === "data" && chunk.ppid !== undefined) this.#messages.sent(chunk.ppid);
      }
      this.#digest = crc32(bytes, crc32(`${this.nowMs.toFixed(6)} ${from} ${to}`, this.#digest));
    }
  }

  /** What an association keeps stays within what its parameters say. */
  #checkBounds(host: Host, handle: number): void {
    const state = host.endpoint.state(handle);
    if (state === undefined) return;
    const { receiveBufferBytes, sendBufferBytes } = this.#knobs[host.side].parameters;
    const { receive, send } = state;
    const bound = (what: string, size: number, limit: number): void => {
      hold(size <= limit, "memory is bounded", () => `${host.side} holds ${size} of ${what}, limit ${limit}`);
    };
    bound("send buffer", send.queuedBytes + send.outstandingBytes, sendBufferBytes);
    const unread = host.unread.get(handle) ?? 0;
    // What fills a gap is taken in up to a second buffer.
    bound("receive buffer", receive.bufferedBytes + unread, 2 * receiveBufferBytes);
    const above = receive.above.reduce((sum, { first, last }) => sum + ((last - first + 1) >>> 0), 0);
    bound("TSNs above the cumulative one", above, 4096);
  }

  #sendFailed(host: Host, association: number, failed: Extract<Notification, { type: "send-failed" }>): void {
    const { tsn, ppid, reason } = failed;
    this.#messages.failed(host.side, association, ppid, reason);
    const peer = host.handles.get(association)?.peerHandle;
    if (peer !== undefined) this.#wire.abandoned(host.side, association, peer, tsn);
  }

  #up(host: Host, association: number): void {
    const handle = host.handle(association);
    if (handle.status !== "calling" && handle.status !== "up")
      throw new Reopened(`${host.side} ${association}`);
    handle.status = "up";
    handle.peerHandle = host.endpoint.state(association)?.agreement.peerTag ?? handle.peerHandle;
    host.current = handle;
    host.callAtMs = undefined;
    this.#wrapStreams();
    this.#trace.note(this.nowMs, `${host.side} up ${association}`);
  }

  /** The peer restarted; all that is in the same outputs was sent after that. */
  #restarted(host: Host, association: number): void {
    const anew = this.hosts[otherSide(host.side)].generation > 0;
    if (anew && this.#goesOn(host, association)) this.#messages.mayBeLost(host.side, association);
  }

  /** Under the same handle it goes on: both sides called each other, or one anew while the other still called. */
  #goesOn(host: Host, association: number): boolean {
    return host.current?.handle === association && host.endpoint.state(association) !== undefined;
  }

  /** With the knob, streams of a fresh association begin near their wrap; nobody sends before both are up. */
  #wrapStreams(): void {
    const { a, b } = this.hosts;
    if (!this.#knobs.ssnNearWrap || !this.#bothUp() || a.current?.peerHandle !== b.current?.handle) return;
    for (const host of [a, b]) {
      host.wrapStreams();
      // Its user may have waited for that.
      host.readAtMs ??= this.nowMs;
    }
  }

  #notified(host: Host, association: number, notification: Notification): void {
    if (notification.type !== "association-change" || notification.state === "comm-up") {
      this.#trace.note(this.nowMs, `${host.side} ${JSON.stringify(notification)}`);
      return;
    }
    const { state, reason } = notification;
    this.#trace.note(this.nowMs, `${host.side} ${state} ${reason}`);
    const handle = host.handle(association);
    if (state === "restart") {
      if (this.#goesOn(host, association)) return;
      this.#mayEnd(host, handle, reason);
      handle.status = "lost";
    } else if (state === "shutdown-complete") {
      handle.status = "complete";
    } else {
      if (handle.status !== "forgotten") this.#mayEnd(host, handle, reason);
      handle.status = handle.status === "forgotten" ? "forgotten" : "lost";
      handle.reason = reason;
      const calls = this.#knobs[host.side].connects && host.current === handle;
      if (calls && handle.shutdownAtMs === undefined) host.callAtMs = this.nowMs + 10;
    }
    if (handle !== host.current) return;
    if (handle.status === "complete") host.queue.length = 0;
  }

  /** An association may be lost only for a reason that lies outside of it. */
  #mayEnd(host: Host, handle: Handle, reason: string): void {
    // A call is given up after Max.Init.Retransmits tries, and the network was bad while it lasted.
    if (this.#excused || handle.status === "calling") return;
    const peer = this.#peerOf(host, handle);
    // The other side is through with it: its out-of-the-blue answers may end this one.
    if (peer !== undefined && peer.status !== "up" && peer.status !== "calling") return;
    const { rtoMaxMs } = this.#knobs[host.side].parameters;
    const guarded = [handle, peer].some(
      (each) => each?.shutdownAtMs !== undefined && this.nowMs - each.shutdownAtMs >= 5 * rtoMaxMs,
    );
    if (guarded || this.#disturbedClock) return;
    throw new PropertyViolation("no association is lost without cause", `${host.side}: ${reason}`);
  }

  #peerOf(host: Host, handle: Handle): Handle | undefined {
    return handle.peerHandle === undefined
      ? undefined
      : this.hosts[otherSide(host.side)].handles.get(handle.peerHandle);
  }

  #bothUp(): boolean {
    return sides.every((side) => this.hosts[side].current?.status === "up");
  }

  /** Nothing is owed any more: both are up and have everything, or the association has ended on both sides. */
  #settled(): boolean {
    if (this.#next < this.#knobs.happenings.length) return false;
    return sides.every((side) => {
      const host = this.hosts[side];
      const { current } = host;
      if (host.callAtMs !== undefined || current?.status === "calling") return false;
      if (current?.status !== "up") return true;
      const peer = this.#peerOf(host, current);
      // Whoever neither sends nor probes does not notice that the other side is gone.
      const sends = host.queue.length > 0 && !host.waitsForWrap;
      const idle = !sends && host.endpoint.pendingBytes(current.handle) === 0;
      if (peer?.status !== "up" && idle && !this.#knobs[side].parameters.heartbeatEnabled) return true;
      if (peer?.status !== "up" || peer.handle !== this.hosts[otherSide(side)].current?.handle) return false;
      const ending = current.shutdownAtMs ?? peer.shutdownAtMs;
      return (
        ending === undefined &&
        host.queue.length === 0 &&
        this.#messages.undelivered(side, current.handle).size === 0
      );
    });
  }

  /** What the sender was told is true: an association that ended well has delivered everything. */
  #checkPromises(): void {
    for (const side of sides) {
      for (const handle of this.hosts[side].handles.values()) {
        const peer = this.#peerOf(this.hosts[side], handle);
        const well = handle.status === "complete" && (peer?.status === "complete" || peer?.status === "lost");
        if (!well) continue;
        const undelivered = this.#messages.undelivered(side, handle.handle);
        hold(undelivered.size === 0, "shutdown loses nothing", () => {
          return `${side} had ${undelivered.size} messages accepted that were never delivered, first ${[...undelivered][0]}`;
        });
      }
    }
  }
}
