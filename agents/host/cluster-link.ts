import { connect as tcpConnect } from "node:net";
import { connect as tlsConnect } from "node:tls";
import type { ClusterFrame } from "../replica/index.ts";
import { Connection } from "./cluster-link-connection.ts";
import { ClusterListener } from "./cluster-link-listener.ts";
import { Refusals } from "./cluster-link-refusals.ts";
import type { LinkOptions } from "./cluster-link-tls.ts";
import { identityOf, limitsOf, secretOf, tlsTerms } from "./cluster-link-tls.ts";

export interface LinkHandlers {
  readonly onUp: () => void;
  readonly onFrame: (frame: ClusterFrame) => void;
  /** `closed`: the other's kernel closed the link, so its process has ended. Else we gave it up. */
  readonly onDown: (closed: boolean) => void;
  /** Why somebody, or the partner, was refused, in a few words; not told more often than once a second. */
  readonly onRefused: (reason: string) => void;
  /** From a store that keeps no records of its own: what the last primary had delivered lately. */
  readonly onDelivered?: (delivered: readonly Delivered[]) => void;
}

/** A message that went to the user, with the number of the update that says so. */
export interface Delivered {
  readonly association: number;
  readonly payload: Uint8Array;
  readonly sequence: number;
}

/** A link to another computer of the cluster, as its members see it. */
export interface MemberLink {
  send(frames: readonly ClusterFrame[]): void;
  /** What the other end said cannot be: the link is given up, and made anew where it was us who connected. */
  giveUp(): void;
  close(): void;
}

const firstRedialMs = 50;
const longestRedialMs = 1000;

/** The link between two computers of a cluster: length-prefixed frames over TLS-PSK over TCP. */
export const ClusterLink = {
  /**
   * Waits for the partner. There is one: its newest connection takes the place of an older one as soon as
   * it has said hello. Rejects with one sentence when the port cannot be had.
   */
  async listen(options: LinkOptions, handlers: LinkHandlers): Promise<MemberLink> {
    let partner: string | undefined;
    const listener = await ClusterListener.listen(options, {
      onUp: (link) => {
        const older = partner;
        partner = link;
        if (older !== undefined) {
          handlers.onDown(false);
          listener.giveUp(older);
        }
        handlers.onUp();
      },
      onFrame: (link, frame) => {
        if (link === partner) handlers.onFrame(frame);
      },
      onDown: (link, closed) => {
        if (link !== partner) return;
        partner = undefined;
        handlers.onDown(closed);
      },
      onRefused: handlers.onRefused,
    });
    return {
      send: (frames) => {
        if (partner !== undefined) listener.send(partner, frames);
      },
      giveUp: () => {
        if (partner !== undefined) listener.giveUp(partner);
      },
      close: () => listener.close(),
    };
  },

  /** Connects, and again whenever the link is gone, for ever. */
  connect(options: LinkOptions, handlers: LinkHandlers): MemberLink {
    return new DialledLink(options, handlers);
  },
};

class DialledLink implements MemberLink {
  readonly #options: LinkOptions;
  readonly #handlers: LinkHandlers;
  readonly #refusals: Refusals;
  #connection: Connection | undefined;
  #redialMs: number = firstRedialMs;
  #timer: NodeJS.Timeout | undefined;
  #closed: boolean = false;

  constructor(options: LinkOptions, handlers: LinkHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#refusals = new Refusals(handlers.onRefused);
    this.#dial();
  }

  #dial(): void {
    const { address, port } = this.#options;
    const limits = limitsOf(this.#options);
    const socket = tcpConnect({ host: address, port, noDelay: true });
    const secure = tlsConnect({
      socket,
      ...tlsTerms,
      pskCallback: () => ({ psk: secretOf(this.#options), identity: identityOf(this.#options) }),
      checkServerIdentity: () => undefined,
    });
    const late = setTimeout(() => secure.destroy(), limits.greetingMs);
    socket.on("error", () => secure.destroy());
    const failed = (error: Error): void => {
      const fromTls = "code" in error && String(error.code).startsWith("ERR_SSL");
      if (fromTls) this.#refusals.add("refuses-us", `the other end refuses us: ${error.message}`);
    };
    const again = (): void => {
      clearTimeout(late);
      this.#redial();
    };
    secure.on("error", failed);
    secure.once("close", again);
    secure.once("secureConnect", () => {
      clearTimeout(late);
      secure.off("close", again);
      secure.off("error", failed);
      if (this.#closed) secure.destroy();
      else this.#use(new Connection(secure, limits, this.#events()));
    });
  }

  #events() {
    return {
      onFrame: (frame: ClusterFrame): void => {
        this.#redialMs = firstRedialMs;
        this.#handlers.onFrame(frame);
      },
      onGone: (closed: boolean): void => {
        this.#connection = undefined;
        this.#handlers.onDown(closed);
        this.#redial();
      },
      onRefused: (...refusal: Parameters<Refusals["add"]>): void => this.#refusals.add(...refusal),
    };
  }

  #use(connection: Connection): void {
    this.#connection = connection;
    this.#handlers.onUp();
  }

  #redial(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => this.#dial(), this.#redialMs);
    this.#redialMs = Math.min(this.#redialMs * 2, longestRedialMs);
  }

  send(frames: readonly ClusterFrame[]): void {
    this.#connection?.send(frames);
  }

  giveUp(): void {
    this.#connection?.giveUp();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#connection?.end();
    this.#connection = undefined;
  }
}
