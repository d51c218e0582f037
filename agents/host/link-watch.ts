import type { LinkSocket, NativeIo } from "./native-io.ts";
import type { LinkAddress } from "./neighbour-frames.ts";
import { announcementFrame, claimantIn, probeFrame } from "./neighbour-frames.ts";

const linkAddressBytes = 6;
/** More than the socket's buffer holds: a storm of frames must not keep the agent. */
const mostFrames = 1024;

/** Asks and hears on one link who has an address of another computer. */
export class LinkWatch {
  readonly #io: NativeIo;
  readonly #socket: LinkSocket;
  readonly #address: string;
  /** Of our device. */
  readonly own: LinkAddress;

  constructor(io: NativeIo, socket: LinkSocket, address: string, own: LinkAddress) {
    this.#io = io;
    this.#socket = socket;
    this.#address = address;
    this.own = own;
  }

  /** A frame that the device refuses is lost, as on a bad link: it is one of several. */
  ask(): void {
    const { to, bytes } = probeFrame(this.#address, this.own);
    this.#io.linkSend(this.#socket, to, bytes);
  }

  announce(owner: LinkAddress): void {
    const { to, bytes } = announcementFrame(this.#address, owner);
    this.#io.linkSend(this.#socket, to, bytes);
  }

  /** Who else has said since the last time that it has the address; of several the last one. */
  heard(): LinkAddress | undefined {
    let last: LinkAddress | undefined;
    for (let frames = 0; frames < mostFrames; frames++) {
      const frame = this.#io.linkReceive(this.#socket);
      if (typeof frame === "number") break;
      const from = new Uint8Array(frame, 0, linkAddressBytes);
      last = claimantIn(new Uint8Array(frame, linkAddressBytes), from, this.#address, this.own) ?? last;
    }
    return last;
  }

  close(): void {
    this.#io.linkClose(this.#socket);
  }
}
