import { once } from "node:events";
import { createServer } from "node:net";
import type { Server, TLSSocket } from "node:tls";
import { createServer as createTlsServer, connect as tlsConnect } from "node:tls";
import type { MemberLink } from "../../../agents/host/cluster-link.ts";
import { ClusterLink } from "../../../agents/host/cluster-link.ts";
import type { LinkOptions } from "../../../agents/host/cluster-link-tls.ts";
import type { ClusterFrame } from "../../../agents/replica/index.ts";
import { linkVersion } from "../../../agents/replica/index.ts";

export const address = "127.0.0.1";
const secretHex: string = "ab".repeat(32);

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, address);
  await once(server, "listening");
  const bound = server.address();
  server.close();
  await once(server, "close");
  if (bound === null || typeof bound === "string") throw new Error("no port");
  return bound.port;
}

const hello = (role: "primary" | "standby"): ClusterFrame => ({
  kind: "hello",
  epoch: 1,
  version: linkVersion,
  role,
});

/** One end of a link, which says hello as members do, and what it heard. */
export class End {
  readonly frames: ClusterFrame[] = [];
  readonly refusals: string[] = [];
  readonly events: string[] = [];
  link: MemberLink | undefined;
  readonly #role: "primary" | "standby";
  #changed: () => void = () => undefined;

  constructor(role: "primary" | "standby") {
    this.#role = role;
  }

  readonly handlers = {
    onUp: (): void => {
      this.#note("up");
      // The link is not in our hands yet when its first connection comes up at once.
      queueMicrotask(() => this.link?.send([hello(this.#role)]));
    },
    onDown: (closed: boolean): void => this.#note(closed ? "closed" : "given up"),
    onFrame: (frame: ClusterFrame): void => {
      if (frame.kind === "hello") this.#note("hello");
      else {
        this.frames.push(frame);
        this.#changed();
      }
    },
    onRefused: (reason: string): void => {
      this.refusals.push(reason);
      this.#changed();
    },
  };

  #note(event: string): void {
    this.events.push(event);
    this.#changed();
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => (this.#changed = resolve));
  }

  /** Waits until `event` happened `times` times. */
  async saw(event: string, times = 1): Promise<void> {
    await this.until(() => this.events.filter((each) => each === event).length >= times);
  }

  dial(port: number, options: Partial<LinkOptions> = {}): MemberLink {
    this.link = ClusterLink.connect({ address, port, secretHex, ...options }, this.handlers);
    return this.link;
  }

  async listen(port: number, options: Partial<LinkOptions> = {}): Promise<MemberLink> {
    this.link = await ClusterLink.listen({ address, port, secretHex, ...options }, this.handlers);
    return this.link;
  }
}

/** A connection that knows the secret and says what it likes. */
export async function forger(port: number, identity = "understudy:00000000000000ff"): Promise<TLSSocket> {
  const socket = tlsConnect({
    host: address,
    port,
    ciphers: "PSK-AES256-GCM-SHA384",
    minVersion: "TLSv1.2",
    maxVersion: "TLSv1.2",
    pskCallback: () => ({ psk: Buffer.from(secretHex, "hex"), identity }),
    checkServerIdentity: () => undefined,
  });
  socket.on("error", () => undefined);
  await once(socket, "secureConnect");
  return socket;
}

/** Knows the secret, and closes every connection as soon as it is there. */
export async function silentServer(port: number): Promise<Server> {
  const server = createTlsServer({
    ciphers: "PSK-AES256-GCM-SHA384",
    maxVersion: "TLSv1.2",
    pskCallback: () => Buffer.from(secretHex, "hex"),
  });
  server.on("secureConnection", (socket) => {
    socket.on("error", () => undefined);
    socket.end();
  });
  server.listen(port, address);
  await once(server, "listening");
  return server;
}
