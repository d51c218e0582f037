import type { TLSSocket } from "node:tls";
import type { ClusterFrame } from "../replica/index.ts";
import { linkVersion } from "../replica/index.ts";
import { FrameSplitter, joinFrames, maxFrameBytes, signOfLife } from "./cluster-link-frames.ts";
import type { RefusalKind } from "./cluster-link-refusals.ts";

export interface ConnectionLimits {
  /** A partner of which no byte came for this long is given up. It shows that it lives four times as often. */
  readonly silentAfterMs: number;
  /** What may wait to be read by the partner; beyond that it is given up. */
  readonly maxUnsentBytes: number;
  /** How long TCP, TLS and the partner's first frame may take altogether. */
  readonly greetingMs: number;
}

export interface ConnectionEvents {
  /** The first one is a `hello` of our version. */
  readonly onFrame: (frame: ClusterFrame) => void;
  /**
   * Last event. `closed`: the partner's kernel closed a connection that was greeted, so its process has
   * ended, or has said that it leaves. Else we gave it up.
   */
  readonly onGone: (closed: boolean) => void;
  readonly onRefused: (kind: RefusalKind, reason: string) => void;
}

const looksPerSilence = 4;
/** The kernel's word that the other end was closed. */
const closedCodes: readonly string[] = ["ECONNRESET", "EPIPE"];

/**
 * One authenticated connection: frames over TLS. A living process never closes it while it may count as
 * fresh: who gives it up lets it lie until the other has given it up too. So a close means an end.
 */
export class Connection {
  readonly #socket: TLSSocket;
  readonly #limits: ConnectionLimits;
  readonly #events: ConnectionEvents;
  readonly #splitter: FrameSplitter = new FrameSplitter();
  readonly #look: NodeJS.Timeout;
  #greeted: boolean = false;
  #gone: boolean = false;
  #looksWithoutWord: number = 0;
  #sentSinceLook: boolean = false;

  constructor(socket: TLSSocket, limits: ConnectionLimits, events: ConnectionEvents) {
    this.#socket = socket;
    this.#limits = limits;
    this.#events = events;
    socket.on("data", (bytes) => this.#receive(bytes));
    socket.on("end", () => this.#lost(true));
    socket.on("error", (error) => this.#lost(closedCodes.includes(codeOf(error))));
    socket.on("close", () => this.#lost(false));
    this.#look = setInterval(() => this.#lookAround(), limits.silentAfterMs / looksPerSilence);
    setTimeout(() => {
      if (!this.#greeted && !this.#gone) this.refuse("no-hello", "it does not say what it is");
    }, limits.greetingMs).unref();
  }

  #receive(bytes: Buffer): void {
    this.#looksWithoutWord = 0;
    for (const carried of this.#splitter.push(bytes)) {
      if (this.#gone) return;
      if (carried.kind === "flaw") this.refuse("garbage", carried.reason);
      else if (carried.kind === "frame" && this.#mayPass(carried.frame)) this.#events.onFrame(carried.frame);
    }
  }

  #mayPass(frame: ClusterFrame): boolean {
    if (this.#greeted) return true;
    if (frame.kind !== "hello") this.refuse("no-hello", `its first word is "${frame.kind}"`);
    else if (frame.version !== linkVersion) {
      this.refuse(
        "version",
        `it speaks version ${frame.version} of the link, this is version ${linkVersion}`,
      );
    } else this.#greeted = true;
    return this.#greeted;
  }

  /** Looks that come late because we stood still count once, so that is not taken for the partner's silence. */
  #lookAround(): void {
    this.#looksWithoutWord += 1;
    if (this.#looksWithoutWord > looksPerSilence) {
      this.giveUp();
      return;
    }
    if (!this.#sentSinceLook) this.#socket.write(signOfLife);
    this.#sentSinceLook = false;
  }

  send(frames: readonly ClusterFrame[]): void {
    if (this.#gone || frames.length === 0) return;
    const bytes = joinFrames(frames);
    if (bytes === undefined) {
      this.refuse("refused-by-us", `what it should get is longer than the ${maxFrameBytes} bytes of a frame`);
      return;
    }
    this.#sentSinceLook = true;
    this.#socket.write(bytes);
    const unsentBytes = this.#socket.writableLength;
    if (unsentBytes > this.#limits.maxUnsentBytes) {
      this.refuse("slow", `it does not read: ${unsentBytes} bytes wait for it`);
    }
  }

  /** Something is wrong with the partner: that is told, and the connection given up. */
  refuse(kind: RefusalKind, reason: string): void {
    if (this.#gone) return;
    this.#events.onRefused(kind, reason);
    this.giveUp();
  }

  giveUp(): void {
    if (this.#gone) return;
    if (this.#greeted) {
      // Neither read nor written nor closed: the other end sees silence, not our end.
      this.#socket.pause();
      setTimeout(() => this.#socket.destroy(), this.#limits.silentAfterMs * 2).unref();
    } else this.#socket.destroy();
    this.#lost(false);
  }

  #lost(closed: boolean): void {
    if (this.#gone) return;
    this.#gone = true;
    clearInterval(this.#look);
    if (closed) this.#socket.end();
    this.#events.onGone(closed && this.#greeted);
  }

  /** Ends on purpose, after what was sent. */
  end(): void {
    this.#gone = true;
    clearInterval(this.#look);
    this.#socket.end();
    // A partner that does not answer any more keeps nobody waiting.
    setTimeout(() => this.#socket.destroy(), this.#limits.greetingMs).unref();
  }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
