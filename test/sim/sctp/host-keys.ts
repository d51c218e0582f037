import { hold } from "./checker/violation.ts";
import type { EndpointPort } from "./port.ts";

/** What a shared key is: both users know that. */
export const secretOf = (keyId: number): Uint8Array =>
  keyId === 0 ? new Uint8Array(0) : new Uint8Array(16).fill(keyId);

/** The shared keys that the user of one host has given to it (RFC 4895, RFC 6458 section 8.3). */
export class HostKeys {
  readonly #held: Set<number> = new Set([0]);
  #active: number = 0;

  get active(): number {
    return this.#active;
  }

  has(keyId: number): boolean {
    return this.#held.has(keyId);
  }

  /** A process that starts anew gets them all. */
  giveTo(endpoint: EndpointPort): void {
    for (const keyId of this.#held) if (keyId !== 0) endpoint.setKey(undefined, keyId, secretOf(keyId));
    if (this.#active !== 0) endpoint.changeKey("activate", undefined, this.#active);
    if (!this.#held.has(0)) forget(endpoint, undefined, 0);
  }

  /** `handles`: the associations that there are, and undefined for those to come. */
  set(endpoint: EndpointPort, handles: readonly (number | undefined)[], keyId: number): void {
    this.#held.add(keyId);
    for (const handle of handles) endpoint.setKey(handle, keyId, secretOf(keyId));
  }

  /** From now on this key is used; the one before is good for receiving only. */
  use(endpoint: EndpointPort, handles: readonly (number | undefined)[], keyId: number): void {
    const before = this.#active;
    this.#active = keyId;
    for (const handle of handles) {
      endpoint.changeKey("activate", handle, keyId);
      endpoint.changeKey("deactivate", handle, before);
    }
  }

  delete(endpoint: EndpointPort, handles: readonly (number | undefined)[], keyId: number): void {
    this.#held.delete(keyId);
    for (const handle of handles) forget(endpoint, handle, keyId);
  }
}

/**
 * A key "must be deactivated first" (RFC 6458 section 8.3.5), also where this host never sent with it: one that was
 * only set for receiving would stay otherwise.
 */
function forget(endpoint: EndpointPort, handle: number | undefined, keyId: number): void {
  for (const act of ["deactivate", "delete"] as const) {
    const answer = endpoint.changeKey(act, handle, keyId);
    hold(answer === "done", "a key that nobody sends with can be deleted (RFC 6458 section 8.3.5)", () => {
      return `${act} key ${keyId} of ${handle ?? "the endpoint"}: ${answer}`;
    });
  }
}
