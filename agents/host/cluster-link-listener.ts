import { once } from "node:events";
import { createServer } from "node:tls";
import type { Server, TLSSocket } from "node:tls";
import type { ClusterFrame } from "../replica/index.ts";
import type { ConnectionLimits } from "./cluster-link-connection.ts";
import { Connection } from "./cluster-link-connection.ts";
import { Refusals } from "./cluster-link-refusals.ts";
import type { LinkOptions } from "./cluster-link-tls.ts";
import { limitsOf, memberOf, secretOf, tlsTerms } from "./cluster-link-tls.ts";

export interface ListenerHandlers {
  /** A partner has said hello, which follows as a frame. `member` names its process, `link` this connection. */
  readonly onUp: (link: string, member: string) => void;
  readonly onFrame: (link: string, frame: ClusterFrame) => void;
  /** `closed`: the partner's kernel closed the link; else we gave it up. */
  readonly onDown: (link: string, closed: boolean) => void;
  readonly onRefused: (reason: string) => void;
}

/** Links and strangers together; more are turned away before they cost anything. */
const maxConnections = 64;

/** Accepts links of any number of partners that know the cluster's secret. */
export class ClusterListener {
  readonly #handlers: ListenerHandlers;
  readonly #limits: ConnectionLimits;
  readonly #refusals: Refusals;
  readonly #members: WeakMap<TLSSocket, string> = new WeakMap<TLSSocket, string>();
  readonly #links: Map<string, Connection> = new Map<string, Connection>();
  readonly #server: Server;
  #connections: number = 0;

  private constructor(options: LinkOptions, handlers: ListenerHandlers) {
    this.#handlers = handlers;
    this.#limits = limitsOf(options);
    this.#refusals = new Refusals(handlers.onRefused);
    const secret = secretOf(options);
    this.#server = createServer({
      ...tlsTerms,
      noDelay: true,
      handshakeTimeout: this.#limits.greetingMs,
      pskCallback: (socket, identity) => {
        const member = memberOf(identity);
        if (member === undefined) return null;
        this.#members.set(socket, member);
        return secret;
      },
    });
    this.#server.maxConnections = maxConnections;
    this.#server.on("drop", () => this.#refusals.add("too-many", `more than ${maxConnections} connections`));
    this.#server.on("secureConnection", (socket) => this.#accept(socket));
    this.#server.on("tlsClientError", (error, socket) => this.#turnedAway(error, socket));
  }

  /** Rejects with one sentence when the port cannot be had. */
  static async listen(options: LinkOptions, handlers: ListenerHandlers): Promise<ClusterListener> {
    const listener = new ClusterListener(options, handlers);
    const { address, port } = options;
    listener.#server.listen(port, address);
    try {
      await once(listener.#server, "listening");
    } catch (error) {
      const text = `TCP port ${port} on ${address} for the cluster link cannot be had: ${String(error)}`;
      throw new Error(`${text}; end the program that uses it, or choose another port`, { cause: error });
    }
    return listener;
  }

  #turnedAway(error: Error, socket: TLSSocket): void {
    const code = "code" in error ? String(error.code) : "";
    const late = code === "ERR_TLS_HANDSHAKE_TIMEOUT";
    // Node tells of the time-out and leaves the connection open.
    if (late) socket.destroy();
    const halfOpen = code === "ECONNRESET" || late;
    if (halfOpen) this.#refusals.add("half-open", "somebody connected and did not say who it is");
    else this.#refusals.add("stranger", `somebody does not know the secret of the cluster: ${error.message}`);
  }

  #accept(socket: TLSSocket): void {
    const member = this.#members.get(socket) ?? "";
    this.#connections += 1;
    const link = `${member}#${this.#connections}`;
    let up = false;
    const connection = new Connection(socket, this.#limits, {
      onFrame: (frame) => {
        if (!up) {
          up = true;
          this.#links.set(link, connection);
          this.#handlers.onUp(link, member);
        }
        this.#handlers.onFrame(link, frame);
      },
      onGone: (closed) => {
        this.#links.delete(link);
        if (up) this.#handlers.onDown(link, closed);
      },
      onRefused: (kind, reason) => this.#refusals.add(kind, reason),
    });
  }

  send(link: string, frames: readonly ClusterFrame[]): void {
    this.#links.get(link)?.send(frames);
  }

  /** Gives a link up whose partner said what cannot be; the caller tells why. */
  giveUp(link: string): void {
    this.#links.get(link)?.giveUp();
  }

  close(): void {
    this.#server.close();
    for (const connection of this.#links.values()) connection.end();
    this.#links.clear();
  }
}
