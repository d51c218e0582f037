import { PropertyViolation } from "../../sctp/checker/violation.ts";
import { CommitRules } from "./commit-rules.ts";
import type { HistoryEvent, ProcessName } from "./history.ts";
import type { SentTotal } from "./message-ledger.ts";
import { MessageLedger } from "./message-ledger.ts";
import { WireRules } from "./wire-rules.ts";

/** What the policy promises. */
export interface Promises {
  /** Nothing leaves before it is held: every update is waited for. */
  readonly commits: boolean;
}

/** Decides from the recorded history alone whether the properties of `replication.md` hold; throws where one does not. */
export class HistoryChecker {
  readonly wire: WireRules = new WireRules();
  readonly messages: MessageLedger = new MessageLedger();
  readonly #commit: CommitRules;
  #wasEnded: boolean = false;
  #epoch: number = 0;
  #primary: ProcessName | undefined;

  constructor(promises: Promises) {
    this.#commit = new CommitRules(promises.commits);
  }

  note(event: HistoryEvent): void {
    switch (event.kind) {
      case "primary":
        this.#becamePrimary(event);
        break;
      case "cluster-sends":
        this.wire.sends(event);
        break;
      case "released":
        this.#commit.released(event);
        break;
      case "acknowledged":
        this.#commit.acknowledged(event);
        break;
      case "alone":
      case "guarded":
        this.#commit.stands({ ...event, kind: event.kind });
        break;
      case "cluster-delivers":
        this.messages.clusterDelivers(event);
        break;
      case "cluster-confirms":
        this.messages.clusterConfirms(event);
        break;
      case "peer-delivers":
        this.messages.peerDelivers(event);
        break;
      case "peer-event":
        this.#peerEvent(event.name, event.text);
        break;
      case "shutdown":
        this.#wasEnded = true;
        this.wire.ended();
        break;
      default:
        break;
    }
  }

  #becamePrimary(event: Extract<HistoryEvent, { kind: "primary" }>): void {
    const before = this.#primary;
    if (event.epoch <= this.#epoch) {
      const who = before === undefined ? "nobody" : `${before.machine}${before.process}`;
      const text = `${event.machine}${event.process} becomes primary under epoch ${event.epoch}; ${who} was under ${this.#epoch}`;
      throw new PropertyViolation("every primary has an epoch of its own, later than all before", text);
    }
    this.#epoch = event.epoch;
    this.#primary = event;
    this.wire.primary(event.epoch);
    this.messages.goesOn(event);
    this.#commit.primary(event);
  }

  #peerEvent(name: string, text: string): void {
    if (name === "association-lost" && !this.#wasEnded)
      throw new PropertyViolation("the peer keeps one association", text);
    if (name === "association-up-again")
      throw new PropertyViolation("the peer keeps one association", "it had to set up another one");
  }

  /** All that was delivered so far is what it should be. */
  checkDeliveries(): void {
    this.messages.checkCluster();
  }

  /** What is still owed of this. */
  missing(totals: readonly SentTotal[]): number {
    return this.messages.missing(totals);
  }
}
