/** Endpoint pair shared keys by their identifiers (RFC 4895 section 6.1, RFC 6458 section 8.3). */
export interface KeyRingSnapshot {
  readonly keys: readonly (readonly [keyId: number, secret: Uint8Array])[];
  readonly activeKeyId: number;
  readonly retired: readonly number[];
}

export type KeyReply = "done" | "no-such-key" | "key-is-active" | "key-in-use";

/**
 * The keys of an endpoint or of one association. At first there is the empty key 0, as where no key was
 * configured; whoever wants nothing authenticated without a secret replaces it, or deactivates and deletes it.
 */
export class KeyRing {
  readonly #keys: Map<number, Uint8Array> = new Map([[0, new Uint8Array(0)]]);
  /** Keys with which nothing is sent any more. */
  readonly #retired: Set<number> = new Set<number>();
  #activeKeyId: number = 0;

  get activeKeyId(): number {
    return this.#activeKeyId;
  }

  get(keyId: number): Uint8Array | undefined {
    return this.#keys.get(keyId);
  }

  /** Sets or replaces a key. */
  set(keyId: number, secret: Uint8Array): void {
    this.#keys.set(keyId, secret.slice());
    this.#retired.delete(keyId);
  }

  /** From now on chunks are sent with this key. */
  activate(keyId: number): KeyReply {
    if (!this.#keys.has(keyId) || this.#retired.has(keyId)) return "no-such-key";
    this.#activeKeyId = keyId;
    return "done";
  }

  /** The key is only good for receiving from now on. */
  deactivate(keyId: number): KeyReply {
    if (!this.#keys.has(keyId)) return "no-such-key";
    if (keyId === this.#activeKeyId) return "key-is-active";
    this.#retired.add(keyId);
    return "done";
  }

  /** Only what was deactivated before (RFC 6458 section 8.3.5). */
  delete(keyId: number): KeyReply {
    if (!this.#keys.has(keyId)) return "no-such-key";
    if (keyId === this.#activeKeyId) return "key-is-active";
    if (!this.#retired.has(keyId)) return "key-in-use";
    this.#keys.delete(keyId);
    this.#retired.delete(keyId);
    return "done";
  }

  snapshot(): KeyRingSnapshot {
    return { keys: [...this.#keys], activeKeyId: this.#activeKeyId, retired: [...this.#retired] };
  }

  static restore({ keys, activeKeyId, retired }: KeyRingSnapshot): KeyRing {
    const ring = new KeyRing();
    ring.#keys.clear();
    for (const [keyId, secret] of keys) ring.#keys.set(keyId, secret);
    for (const keyId of retired) ring.#retired.add(keyId);
    ring.#activeKeyId = activeKeyId;
    return ring;
  }
}
