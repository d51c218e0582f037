import type { ReConfigOnWire } from "../../sctp/checker/extension-reader.ts";
import type { DataOnWire, PacketOnWire } from "../../sctp/checker/packet-reader.ts";
import { hold, steps } from "../../sctp/checker/violation.ts";
import type { HistoryEvent } from "./history.ts";
import { processText } from "./history.ts";

type Sent = Extract<HistoryEvent, { kind: "cluster-sends" }>;

/** Acknowledgements of one epoch, by the address that they came from: two addresses are two ways. */
interface Acknowledged {
  readonly epoch: number;
  readonly highest: Map<string, number>;
}

/** What the outside computer could see of the cluster, and what it must never see. */
export class WireRules {
  #epoch: number = 0;
  #wasEnded: boolean = false;
  #wasRestarted: boolean = false;
  /** By verification tag. */
  readonly #payloads: Map<number, Map<number, number>> = new Map();
  readonly #acknowledged: Map<number, Acknowledged[]> = new Map();
  /** The highest cumulative TSN that the outside computer said. */
  #peerHas: number | undefined;
  /** A primary that has not asked the outside computer yet what it has, though its own state may be older. */
  #asksFirst: boolean = false;
  /** After the last reset of all numbers. */
  #firstTsn: number | undefined;
  packets: number = 0;

  /** `lags`: its state may be older than what was acknowledged. */
  primary(epoch: number, lags: boolean): void {
    this.#epoch = epoch;
    if (lags) this.#acknowledged.clear();
    this.#asksFirst = lags;
  }

  peerSends({ chunks }: PacketOnWire): void {
    for (const chunk of chunks) {
      if (chunk.kind === "re-config") this.#renumbered(chunk);
      if (chunk.kind !== "sack") continue;
      const { cumulativeTsn } = chunk;
      if (this.#peerHas === undefined || steps(this.#peerHas, cumulativeTsn) > 0)
        this.#peerHas = cumulativeTsn;
    }
  }

  /** RFC 6525 section 5.2.4: TSNs go on half of the number space further. Twice that is where they were before. */
  #renumbered({ parameters }: ReConfigOnWire): void {
    for (const parameter of parameters) {
      if (parameter.request !== "response" || parameter.receiverNextTsn === undefined) continue;
      if (parameter.receiverNextTsn !== this.#firstTsn) this.#payloads.clear();
      this.#firstTsn = parameter.receiverNextTsn;
    }
  }

  ended(): void {
    this.#wasEnded = true;
  }

  /** The association is set up again, as the last resort. */
  restarted(): void {
    this.#wasRestarted = true;
  }

  sends(event: Sent, { tag, chunks }: PacketOnWire): void {
    this.packets += 1;
    hold(event.epoch >= this.#epoch, "nothing of a fenced epoch is sent", () => {
      return `${processText(event)} sends a packet of epoch ${event.epoch} in epoch ${this.#epoch}`;
    });
    for (const chunk of chunks) {
      switch (chunk.kind) {
        case "abort":
          hold(this.#wasEnded, "the peer sees no ABORT", () => `causes ${chunk.causes.join(", ")}`);
          break;
        case "init":
          hold(this.#wasRestarted, "the peer sees no INIT", () => `from ${event.from}`);
          break;
        case "data":
          this.#asks(event, chunk);
          if (!this.#isProbe(chunk)) this.#data(tag, chunk.tsn, chunk.fingerprint);
          break;
        case "sack":
        case "shutdown":
          this.#cumulativeTsn(event, tag, chunk.cumulativeTsn);
          break;
        default:
          break;
      }
    }
  }

  /** A question that is lost was asked: it is repeated, and then any answer counts. */
  drops({ chunks }: PacketOnWire): void {
    if (chunks.some((chunk) => chunk.kind === "data" && isQuestion(chunk))) this.#asksFirst = false;
  }

  #asks({ epoch }: Sent, chunk: DataOnWire): void {
    if (isQuestion(chunk)) this.#asksFirst = false;
    hold(!this.#asksFirst, "who goes on from an older state asks first", () => {
      return `epoch ${epoch} begins with TSN ${chunk.tsn}`;
    });
  }

  /** One byte under a TSN that the peer has: it throws that away and says what it has. */
  #isProbe(chunk: DataOnWire): boolean {
    return isQuestion(chunk) && this.#peerHas !== undefined && steps(chunk.tsn, this.#peerHas) >= 0;
  }

  #data(tag: number, tsn: number, fingerprint: number): void {
    let payloads = this.#payloads.get(tag);
    if (payloads === undefined) this.#payloads.set(tag, (payloads = new Map()));
    const before = payloads.get(tsn);
    hold(before === undefined || before === fingerprint, "no TSN carries two payloads", () => `TSN ${tsn}`);
    payloads.set(tsn, fingerprint);
  }

  /** Within an epoch each way counts for itself; what is said in a later one covers all that was said before. */
  #cumulativeTsn({ epoch, from }: Sent, tag: number, tsn: number): void {
    let epochs = this.#acknowledged.get(tag);
    if (epochs === undefined) this.#acknowledged.set(tag, (epochs = []));
    let own = epochs.at(-1);
    if (own === undefined || own.epoch !== epoch) epochs.push((own = { epoch, highest: new Map() }));
    for (const each of epochs) {
      for (const [way, highest] of each.highest) {
        if (each === own && way !== from) continue;
        hold(steps(highest, tsn) >= 0, "the cumulative TSN never goes back", () => {
          return `epoch ${epoch} acknowledges ${tsn} from ${from}; epoch ${each.epoch} had ${highest} from ${way}`;
        });
      }
    }
    own.highest.set(from, tsn);
  }
}

/** The load has no message of one byte. */
const isQuestion = ({ payloadBytes, unordered }: DataOnWire): boolean => payloadBytes === 1 && unordered;
