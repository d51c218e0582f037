import type { Knobs, Side } from "../knobs.ts";
import { otherSide } from "../knobs.ts";
import { AddressChanges } from "./address-changes.ts";
import { CongestionEcho } from "./congestion-echo.ts";
import type { InitOnWire } from "./packet-reader.ts";
import { Reconfigurations } from "./reconfigurations.ts";
import { StreamNumbers } from "./stream-numbers.ts";
import { Transfer } from "./transfer.ts";

/** All that is judged of what one side sends and asks in one association. */
export interface Direction {
  readonly initialTsn: number;
  readonly transfer: Transfer;
  readonly streams: StreamNumbers;
  readonly requests: Reconfigurations;
  readonly addresses: AddressChanges;
  readonly echo: CongestionEcho;
}

/** Both directions of each association, by the tags of its sides, from what INIT and INIT ACK say. */
export class Directions {
  readonly #knobs: Knobs;
  /** By the side that sends, its tag and the tag of the other one. */
  readonly #directions: Readonly<Record<Side, Map<number, Map<number, Direction>>>> = {
    a: new Map(),
    b: new Map(),
  };
  readonly #setUps: Map<string, InitOnWire> = new Map<string, InitOnWire>();

  constructor(knobs: Knobs) {
    this.#knobs = knobs;
  }

  setUp(side: Side, init: InitOnWire): void {
    this.#setUps.set(`${side} ${init.tag}`, init);
  }

  /** What `sender` sends in an association that has the tag `own` there and `peer` on the other side. */
  of(sender: Side, own: number, peer: number): Direction {
    const ofSide = this.#directions[sender];
    let withTag = ofSide.get(own);
    if (withTag === undefined) {
      withTag = new Map();
      ofSide.set(own, withTag);
    }
    let direction = withTag.get(peer);
    if (direction === undefined) {
      direction = this.#begin(`${sender} ${own} to ${peer}`, sender, own, peer);
      withTag.set(peer, direction);
    }
    return direction;
  }

  #begin(name: string, sender: Side, own: number, peer: number): Direction {
    const { parameters, standbyAddresses } = this.#knobs[sender];
    const { maxBurst, rtoMinMs } = parameters;
    const windowBytes = this.#knobs[otherSide(sender)].parameters.receiveBufferBytes;
    const transfer = new Transfer(name, { maxBurst, rtoMinMs, windowBytes });
    const { initialTsn = 0, outboundStreams = 65_536 } = this.#setUps.get(`${sender} ${own}`) ?? {};
    const { inboundStreams = 65_536 } = this.#setUps.get(`${otherSide(sender)} ${peer}`) ?? {};
    const count = Math.min(outboundStreams, inboundStreams);
    const streams = new StreamNumbers(name, count, this.#knobs.ssnNearWrap);
    transfer.onNew = (chunk) => streams.sent(chunk, transfer.hasGivenUp);
    return {
      initialTsn,
      transfer,
      streams,
      requests: new Reconfigurations(name, initialTsn),
      addresses: new AddressChanges(name, initialTsn, standbyAddresses),
      echo: new CongestionEcho(name),
    };
  }
}
