import type { AuthenticationChecker } from "./checker/authentication-checker.ts";
import { checksumOf } from "./checker/packet-reader.ts";
import { Dice } from "./dice.ts";
import type { Knobs, Side } from "./knobs.ts";
import type { Datagram } from "../network.ts";

const cookieEchoType = 10;
const authType = 15;

interface Span {
  readonly type: number;
  readonly at: number;
  readonly end: number;
  readonly length: number;
}

/**
 * Somebody between both hosts who knows all but the shared keys: it sends packets beside the true ones that
 * differ from them in a bit, with AUTH that does not fit any more or without it.
 */
export class Forger {
  readonly #dice: Dice;
  readonly #share: number;
  readonly #knobs: Knobs;
  readonly #authentication: AuthenticationChecker;

  constructor(knobs: Knobs, authentication: AuthenticationChecker) {
    this.#knobs = knobs;
    this.#share = knobs.forgedShare;
    this.#dice = new Dice(knobs.seed, "forger");
    this.#authentication = authentication;
  }

  /** A forged packet on the same way; undefined where this one is left alone, or has nothing that is authenticated. */
  forgery({ from, to, bytes }: Datagram): Datagram | undefined {
    if (this.#share === 0 || bytes[12] === 1 || !this.#dice.chance(this.#share)) return undefined;
    const chunks = spans(bytes);
    const at = chunks.findIndex(({ type }) => type === authType);
    if (at < 0) return undefined;
    const receiver: Side = this.#knobs.a.addresses.concat(this.#knobs.a.standbyAddresses).includes(to)
      ? "a"
      : "b";
    const tag = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4);
    const behind = chunks.slice(at + 1);
    // Without AUTH only what may not go without it says something.
    const bare = this.#dice.chance(0.4);
    const needing = behind.filter(({ type }) => this.#authentication.requires(receiver, tag, type));
    const kept = bare ? needing : [chunks[at]!, ...behind];
    if ((bare ? needing : behind).every(({ length }) => length <= 4)) return undefined;
    // Without its COOKIE ECHO the packet would be out of the blue, whose ABORT no key protects (RFC 9260 section 8.4).
    const setUp = chunks.slice(0, at).filter(({ type }) => type === cookieEchoType);
    const forged = Buffer.concat([
      bytes.subarray(0, 12),
      ...[...setUp, ...kept].map((each) => bytes.subarray(each.at, each.end)),
    ]);
    this.#change(forged);
    new DataView(forged.buffer, forged.byteOffset).setUint32(8, checksumOf(forged), true);
    return { from, to, bytes: Uint8Array.from(forged) };
  }

  /** One bit in the value of one chunk behind AUTH. */
  #change(forged: Uint8Array): void {
    const choices = spans(forged).filter(
      ({ type, length }) => type !== authType && type !== cookieEchoType && length > 4,
    );
    const { at, length } = this.#dice.pick(choices);
    forged[this.#dice.int(at + 4, at + length - 1)]! ^= 1 << this.#dice.int(0, 7);
  }
}

function spans(packet: Uint8Array): Span[] {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const found: Span[] = [];
  for (let at = 12; at < packet.length;) {
    const length = view.getUint16(at + 2);
    const end = at + ((length + 3) & ~3);
    found.push({ type: view.getUint8(at), at, end, length });
    at = end;
  }
  return found;
}
