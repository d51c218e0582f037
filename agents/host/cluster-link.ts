import { once } from "node:events";
import { connect as tcpConnect } from "node:net";
import { createServer, connect as tlsConnect } from "node:tls";
import type { Server, TLSSocket } from "node:tls";
import type { ClusterFrame } from "../replica/index.ts";
import { decodeFrame, encodeFrame } from "../replica/index.ts";
import { plainBytes } from "./plain-bytes.ts";

/** Largest frame: a state with full buffers on both sides. */
const maxFrameBytes = 8 * 1024 * 1024;
const reconnectMs = 50;
const pskIdentity = "understudy";
/** TLS with a shared secret and nothing else: who does not know the run's secret gets no link. */
const ciphers = "PSK-AES256-GCM-SHA384:PSK-AES128-GCM-SHA256";

export interface LinkHandlers {
  readonly onUp: () => void;
  readonly onFrame: (frame: ClusterFrame) => void;
  readonly onDown: () => void;
  /** Something a person should know, one sentence. */
  readonly onProblem: (text: string) => void;
}

/** The link between the two computers of a cluster: length-prefixed frames over TLS-PSK over TCP. */
export class ClusterLink {
  #socket: TLSSocket | undefined;
  #server: Server | undefined;
  #closed: boolean = false;
  readonly #handlers: LinkHandlers;
  readonly #secret: Buffer;

  private constructor(secretHex: string, handlers: LinkHandlers) {
    this.#secret = Buffer.from(secretHex, "hex");
    this.#handlers = handlers;
  }

  /** The secondary waits for the primary. Rejects with one sentence when the port cannot be had. */
  static async listen(
    address: string,
    port: number,
    secretHex: string,
    handlers: LinkHandlers,
  ): Promise<ClusterLink> {
    const link = new ClusterLink(secretHex, handlers);
    const server = createServer({
      ciphers,
      minVersion: "TLSv1.2",
      maxVersion: "TLSv1.2",
      noDelay: true,
      pskCallback: (_socket, identity) => (identity === pskIdentity ? link.#secret : null),
    });
    server.on("secureConnection", (socket) => link.#accept(socket));
    server.on("tlsClientError", (error) => {
      handlers.onProblem(`somebody was refused on the cluster link: ${error.message}`);
    });
    link.#server = server;
    server.listen(port, address);
    try {
      await once(server, "listening");
    } catch (error) {
      const text = `TCP port ${port} on ${address} for the cluster link cannot be had: ${String(error)}`;
      throw new Error(`${text}; end the program that uses it, or choose another port`, { cause: error });
    }
    return link;
  }

  /** The primary connects, and tries again until the link is up for the first time. */
  static connect(address: string, port: number, secretHex: string, handlers: LinkHandlers): ClusterLink {
    const link = new ClusterLink(secretHex, handlers);
    link.#dial(address, port);
    return link;
  }

  #dial(address: string, port: number): void {
    if (this.#closed) return;
    let wasUp = false;
    const socket = tcpConnect({ host: address, port, noDelay: true });
    const secure = tlsConnect({
      socket,
      ciphers,
      minVersion: "TLSv1.2",
      maxVersion: "TLSv1.2",
      pskCallback: () => ({ psk: this.#secret, identity: pskIdentity }),
      checkServerIdentity: () => undefined,
    });
    socket.on("error", () => secure.destroy());
    secure.once("secureConnect", () => {
      wasUp = true;
      this.#use(secure);
    });
    secure.on("error", () => undefined);
    secure.once("close", () => {
      if (!wasUp && !this.#closed) setTimeout(() => this.#dial(address, port), reconnectMs);
    });
  }

  #accept(socket: TLSSocket): void {
    socket.on("error", () => undefined);
    if (this.#socket === undefined) this.#use(socket);
    else socket.destroy();
  }

  #use(socket: TLSSocket): void {
    this.#socket = socket;
    const frames = new FrameSplitter();
    socket.on("data", (bytes) => {
      for (const frame of frames.push(bytes)) {
        if (frame !== undefined) this.#handlers.onFrame(frame);
        else socket.destroy(new Error("the cluster link carried bytes that are no frame"));
      }
    });
    socket.on("close", () => {
      this.#socket = undefined;
      this.#handlers.onDown();
    });
    this.#handlers.onUp();
  }

  get isUp(): boolean {
    return this.#socket !== undefined;
  }

  send(frames: readonly ClusterFrame[]): void {
    if (this.#socket === undefined || frames.length === 0) return;
    const parts: Buffer[] = [];
    for (const frame of frames) {
      const bytes = encodeFrame(frame);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      parts.push(length, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
    }
    this.#socket.write(Buffer.concat(parts));
  }

  close(): void {
    this.#closed = true;
    this.#server?.close();
    this.#socket?.end();
  }
}

/** Cuts a byte stream into frames; `undefined` in the answer stands for bytes that are none. */
class FrameSplitter {
  #rest: Buffer = Buffer.alloc(0);

  push(bytes: Buffer): (ClusterFrame | undefined)[] {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const frames: (ClusterFrame | undefined)[] = [];
    while (this.#rest.length >= 4) {
      const length = this.#rest.readUInt32BE(0);
      if (length > maxFrameBytes) return [...frames, undefined];
      if (this.#rest.length < 4 + length) break;
      frames.push(decodeFrame(plainBytes(this.#rest.subarray(4, 4 + length))));
      this.#rest = this.#rest.subarray(4 + length);
    }
    return frames;
  }
}
