import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import type { ClusterFrame } from "../replica/index.ts";
import { decodeFrame, encodeFrame } from "../replica/index.ts";
import { plainBytes } from "./plain-bytes.ts";

const algorithm = "aes-256-gcm";
const nonceBytes = 12;
const tagBytes = 16;

/**
 * Frames as they lie in a store that is not ours: encrypted and authenticated with the secret of the cluster
 * (AES-256-GCM, NIST SP 800-38D), and bound to the association that they are about. Whoever can read the
 * store learns no user data, and whatever else lies there is not taken for ours.
 */
export class Sealer {
  readonly #key: Buffer;

  constructor(secret: Buffer) {
    this.#key = Buffer.from(hkdfSync("sha256", secret, "", "understudy store", 32));
  }

  seal(association: number, frame: ClusterFrame): Buffer {
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv(algorithm, this.#key, nonce).setAAD(about(association));
    const bytes = cipher.update(encodeFrame(frame));
    return Buffer.concat([nonce, bytes, cipher.final(), cipher.getAuthTag()]);
  }

  /** The frame, or undefined when the bytes were not sealed by us for this association. */
  open(association: number, sealed: Buffer): ClusterFrame | undefined {
    if (sealed.length < nonceBytes + tagBytes) return undefined;
    const decipher = createDecipheriv(algorithm, this.#key, sealed.subarray(0, nonceBytes));
    decipher.setAAD(about(association)).setAuthTag(sealed.subarray(sealed.length - tagBytes));
    const bytes = decipher.update(sealed.subarray(nonceBytes, sealed.length - tagBytes));
    try {
      decipher.final();
    } catch {
      // The only thing that `final` says: the tag does not fit.
      return undefined;
    }
    return decodeFrame(plainBytes(bytes));
  }
}

const about = (association: number): Buffer => Buffer.from(`association ${association}`);
