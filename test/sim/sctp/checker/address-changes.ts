import type { AddressRequestOnWire, AsconfAckOnWire, AsconfOnWire } from "./extension-reader.ts";
import { hold } from "./violation.ts";

/** Changes of the addresses of one side of an association (RFC 5061): what it may ask, and what follows from the answers. */
export class AddressChanges {
  readonly #name: string;
  #nextSerial: number;
  #asked: AsconfOnWire | undefined;
  #isOpen: boolean = false;
  /** Addresses of ours that were deleted or never added: nothing leaves from them. */
  readonly #left: Set<string>;
  readonly #arrived: Map<number, AsconfOnWire> = new Map<number, AsconfOnWire>();
  readonly #answers: Map<number, AsconfAckOnWire> = new Map<number, AsconfAckOnWire>();
  /** What the other side knows: it sends nothing to those that went, and no data to those that it has not proved. */
  readonly #gone: Set<string>;
  readonly #unproved: Set<string> = new Set<string>();
  readonly #probes: Map<string, string> = new Map<string, string>();

  /** Serial numbers begin with the initial TSN (section 5.1, A2). `standby`: addresses that INIT does not name. */
  constructor(name: string, initialTsn: number, standby: readonly string[]) {
    this.#name = name;
    this.#nextSerial = initialTsn;
    this.#left = new Set(standby);
    this.#gone = new Set(standby);
  }

  asconfSent(asconf: AsconfOnWire, from: string): void {
    const text = (): string => `${this.#name}: ASCONF ${asconf.serial} from ${from}`;
    const deletesSource = asconf.requests.some(({ act, address }) => act === "delete" && address === from);
    hold(!deletesSource, "an address does not ask for its own end (RFC 5061 section 5.3, F6)", text);
    if (this.#asked?.serial === asconf.serial) {
      hold(this.#asked.content === asconf.content, "an ASCONF is repeated as it was", text);
      return;
    }
    hold(!this.#isOpen, "one ASCONF is in flight (RFC 5061 section 5.1.1, C1)", () => {
      return `${text()}, ${this.#asked?.serial} is not acknowledged`;
    });
    hold(
      asconf.serial === this.#nextSerial,
      "ASCONF serial numbers follow one another (RFC 5061 section 5.1, A2)",
      () => `${text()}, expected ${this.#nextSerial}`,
    );
    this.#asked = asconf;
    this.#isOpen = true;
    this.#nextSerial = (asconf.serial + 1) >>> 0;
    for (const { act, address } of asconf.requests) if (act === "add") this.#left.delete(address);
  }

  /** A packet of ours leaves from an address. */
  packetSent(from: string, withAsconf: boolean): void {
    hold(!this.#left.has(from), "nothing leaves from a deleted address (RFC 5061 section 5.3)", () => {
      return `${this.#name}: from ${from}`;
    });
    const isBeingAdded =
      this.#isOpen &&
      this.#asked?.requests.some(({ act, address }) => act === "add" && address === from) === true;
    hold(
      !isBeingAdded || withAsconf,
      "only ASCONF leaves from an address before it is acknowledged (RFC 5061 section 5.3, F1)",
      () => `${this.#name}: from ${from}`,
    );
  }

  asconfArrived(asconf: AsconfOnWire): void {
    this.#arrived.set(asconf.serial, asconf);
  }

  /** The other side answers; with the first answer it has done what it was asked. */
  ackSent(ack: AsconfAckOnWire): void {
    const text = (): string => `${this.#name}: ASCONF-ACK ${ack.serial}`;
    const asconf = this.#arrived.get(ack.serial);
    hold(asconf !== undefined, "only an ASCONF that arrived is acknowledged", text);
    const before = this.#answers.get(ack.serial);
    hold(before === undefined || before.content === ack.content, "an ASCONF-ACK stays what it was", text);
    if (before !== undefined) return;
    this.#answers.set(ack.serial, ack);
    for (const { act, address } of granted(asconf, ack)) {
      if (act === "delete") this.#gone.add(address);
      else if (act === "add" && this.#gone.delete(address)) this.#unproved.add(address);
    }
  }

  /** The other side sends a packet to an address. */
  peerSent(to: string, withData: boolean): void {
    hold(!this.#gone.has(to), "nothing goes to a deleted address (RFC 5061 section 5.3, F13)", () => {
      return `${this.#name}: to ${to}`;
    });
    hold(
      !withData || !this.#unproved.has(to),
      "data goes to confirmed addresses only (RFC 9260 section 5.4)",
      () => {
        return `${this.#name}: to ${to}`;
      },
    );
  }

  /** The other side sends HEARTBEAT to an address of ours, with something that comes back. */
  probed(address: string, information: string): void {
    if (this.#unproved.has(address)) this.#probes.set(information, address);
  }

  /** What comes back with HEARTBEAT ACK has reached the other side. */
  proved(information: string): void {
    const address = this.#probes.get(information);
    if (address !== undefined) this.#unproved.delete(address);
  }

  /** An answer has reached the side that asked; returns what was done. */
  ackArrived(ack: AsconfAckOnWire): readonly AddressRequestOnWire["act"][] {
    if (!this.#isOpen || this.#asked?.serial !== ack.serial) return [];
    this.#isOpen = false;
    const done = granted(this.#asked, ack);
    for (const request of this.#asked.requests) {
      const { act, address } = request;
      if (done.includes(request) ? act === "delete" : act === "add") this.#left.add(address);
      else if (act === "add") this.#left.delete(address);
    }
    return done.map(({ act }) => act);
  }
}

/** What was done: everything before the first refusal, and behind it what is named (RFC 5061 section 5.1, A7 and A8). */
function granted({ requests }: AsconfOnWire, ack: AsconfAckOnWire): AsconfOnWire["requests"] {
  let refusing = false;
  return requests.filter(({ id }) => {
    if (ack.refused.has(id)) refusing = true;
    return refusing ? ack.granted.has(id) : true;
  });
}
