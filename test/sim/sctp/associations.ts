import type { Notification } from "../../../agents/sctp/index.ts";
import { PropertyViolation, hold } from "./checker/violation.ts";
import type { SimContext } from "./context.ts";
import type { Handle, Host } from "./host.ts";
import { otherSide, sides } from "./knobs.ts";

/**
 * Thrown where a run ends without a judgement. An association that has ended is opened again by a COOKIE
 * ECHO that was repeated or late: within the life of a cookie RFC 9260 has nothing against that, and then
 * tags and TSNs mean two things.
 */
export class Reopened extends Error {}

/** What becomes of associations: when they may end, and when nothing is owed any more. */
export class Associations {
  readonly #context: SimContext;

  constructor(context: SimContext) {
    this.#context = context;
  }

  up(host: Host, association: number): void {
    const handle = host.handle(association);
    if (handle.status !== "calling" && handle.status !== "up")
      throw new Reopened(`${host.side} ${association}`);
    handle.status = "up";
    handle.peerHandle = host.endpoint.state(association)?.agreement.peerTag ?? handle.peerHandle;
    host.current = handle;
    host.callAtMs = undefined;
    this.#wrapStreams();
    this.#context.trace.note(this.#context.nowMs, () => `${host.side} up ${association}`);
  }

  /** The peer restarted; all that is in the same outputs was sent after that. */
  restarted(host: Host, association: number): void {
    const anew = this.#context.hosts[otherSide(host.side)].generation > 0;
    if (anew && this.#goesOn(host, association)) this.#context.messages.mayBeLost(host.side, association);
  }

  /** Under the same handle it goes on: both sides called each other, or one anew while the other still called. */
  #goesOn(host: Host, association: number): boolean {
    return host.current?.handle === association && host.endpoint.state(association) !== undefined;
  }

  /** With the knob, streams of a fresh association begin near their wrap; nobody sends before both are up. */
  #wrapStreams(): void {
    const { a, b } = this.#context.hosts;
    if (
      !this.#context.knobs.ssnNearWrap ||
      !this.#context.bothUp ||
      a.current?.peerHandle !== b.current?.handle
    )
      return;
    for (const host of [a, b]) {
      host.wrapStreams();
      // Its user may have waited for that.
      host.readAtMs ??= this.#context.nowMs;
    }
  }

  notified(host: Host, association: number, notification: Notification): void {
    if (notification.type !== "association-change" || notification.state === "comm-up") {
      this.#context.trace.note(this.#context.nowMs, () => `${host.side} ${JSON.stringify(notification)}`);
      return;
    }
    const { state, reason } = notification;
    this.#context.trace.note(this.#context.nowMs, () => `${host.side} ${state} ${reason}`);
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
      const calls = this.#context.knobs[host.side].connects && host.current === handle;
      const refused = state === "cant-start" && this.#isDeaf(this.#context.hosts[otherSide(host.side)]);
      if (calls && !refused && handle.shutdownAtMs === undefined) host.callAtMs = this.#context.nowMs + 10;
    }
    if (handle !== host.current) return;
    if (handle.status === "complete") host.queue.length = 0;
  }

  /** Its user neither sends nor probes: it does not notice that the other side is gone, and refuses who comes back elsewhere. */
  #isDeaf(host: Host): boolean {
    const { current, queue, endpoint } = host;
    if (current?.status !== "up" || this.#context.knobs[host.side].parameters.heartbeatEnabled) return false;
    return queue.length === 0 && endpoint.pendingBytes(current.handle) === 0;
  }

  /** An association may be lost only for a reason that lies outside of it. */
  #mayEnd(host: Host, handle: Handle, reason: string): void {
    // A call is given up after Max.Init.Retransmits tries, and the network was bad while it lasted.
    if (this.#context.excused || handle.status === "calling") return;
    const peer = this.#context.peerOf(host, handle);
    // The other side is through with it: its out-of-the-blue answers may end this one.
    if (peer !== undefined && peer.status !== "up" && peer.status !== "calling") return;
    const { rtoMaxMs } = this.#context.knobs[host.side].parameters;
    const guarded = [handle, peer].some(
      (each) => each?.shutdownAtMs !== undefined && this.#context.nowMs - each.shutdownAtMs >= 5 * rtoMaxMs,
    );
    if (guarded || this.#context.disturbedClock) return;
    throw new PropertyViolation("no association is lost without cause", `${host.side}: ${reason}`);
  }

  /** Nothing is owed any more: both are up and have everything, or the association has ended on both sides. */
  areSettled(): boolean {
    return sides.every((side) => {
      const host = this.#context.hosts[side];
      const { current } = host;
      if (host.callAtMs !== undefined || current?.status === "calling") return false;
      if (current?.status !== "up") return true;
      const peer = this.#context.peerOf(host, current);
      // Whoever neither sends nor probes does not notice that the other side is gone.
      const sends = host.queue.length > 0 && !host.waitsForWrap;
      const idle = !sends && host.endpoint.pendingBytes(current.handle) === 0;
      if (peer?.status !== "up" && idle && !this.#context.knobs[side].parameters.heartbeatEnabled)
        return true;
      if (peer?.status !== "up" || peer.handle !== this.#context.hosts[otherSide(side)].current?.handle)
        return false;
      const ending = current.shutdownAtMs ?? peer.shutdownAtMs;
      return (
        ending === undefined &&
        host.queue.length === 0 &&
        !host.hasOpenRequests &&
        this.#context.messages.undelivered(side, current.handle).size === 0
      );
    });
  }

  /** What the sender was told is true: an association that ended well has delivered everything. */
  checkPromises(): void {
    for (const side of sides) {
      for (const handle of this.#context.hosts[side].handles.values()) {
        const peer = this.#context.peerOf(this.#context.hosts[side], handle);
        const well = handle.status === "complete" && (peer?.status === "complete" || peer?.status === "lost");
        if (!well) continue;
        const undelivered = this.#context.messages.undelivered(side, handle.handle);
        hold(undelivered.size === 0, "shutdown loses nothing", () => {
          return `${side} had ${undelivered.size} messages accepted that were never delivered, first ${[...undelivered][0]}`;
        });
      }
    }
  }
}
