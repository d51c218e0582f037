import type { Association } from "../association/association.ts";
import { AddressIndex } from "./address-index.ts";

interface Entry {
  readonly association: Association;
  readonly addresses: readonly string[];
}

/** The associations of an endpoint by local tag, and by the transport addresses of their peers. */
export class AssociationTable {
  readonly #entries: Map<number, Entry> = new Map<number, Entry>();
  readonly #index: AddressIndex<Association> = new AddressIndex<Association>();

  get size(): number {
    return this.#entries.size;
  }

  get(localTag: number): Association | undefined {
    return this.#entries.get(localTag)?.association;
  }

  has(localTag: number): boolean {
    return this.#entries.has(localTag);
  }

  keys(): Iterable<number> {
    return this.#entries.keys();
  }

  *values(): Iterable<Association> {
    for (const { association } of this.#entries.values()) yield association;
  }

  /** Takes an association in. */
  add(association: Association): void {
    const { localTag, peerPort, peerAddresses } = association.state.agreement;
    this.delete(localTag);
    this.#entries.set(localTag, { association, addresses: peerAddresses });
    this.#index.add(association, peerAddresses, peerPort);
  }

  /** Files an association anew if the addresses of its peer changed. */
  refile(association: Association): void {
    const { localTag, peerAddresses } = association.state.agreement;
    const entry = this.#entries.get(localTag);
    if (entry?.association === association && entry.addresses !== peerAddresses) this.add(association);
  }

  delete(localTag: number): void {
    const entry = this.#entries.get(localTag);
    if (entry === undefined) return;
    this.#entries.delete(localTag);
    this.#index.remove(entry.association, entry.addresses, entry.association.state.agreement.peerPort);
  }

  /** Associations whose peer has this address, or says so. */
  at(address: string, peerPort: number): readonly Association[] {
    return this.#index.at(address, peerPort);
  }

  /** The association with this peer address and this tag of the peer. */
  withPeerTag(address: string, peerPort: number, peerTag: number): Association | undefined {
    return this.at(address, peerPort).find(({ state }) => state.agreement.peerTag === peerTag);
  }

  /**
   * The association to which one of these addresses belongs (RFC 9260 section 5.1.2 D). Addresses that a
   * peer only claims do not count: nobody can get in the way of a stranger by naming its address.
   */
  confirmedAt(addresses: readonly string[], peerPort: number): Association | undefined {
    for (const address of addresses) {
      const found = this.at(address, peerPort).find(
        ({ phase, state }) => phase !== "closed" && state.confirmedAddresses.has(address),
      );
      if (found !== undefined) return found;
    }
    return undefined;
  }
}
