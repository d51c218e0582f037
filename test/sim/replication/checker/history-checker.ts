import { readPacket } from "../../sctp/checker/packet-reader.ts";
import { PropertyViolation, hold } from "../../sctp/checker/violation.ts";
import { CommitRules } from "./commit-rules.ts";
import type { LagBound } from "./lag-rule.ts";
import { LagRule } from "./lag-rule.ts";
import type { HistoryEvent, ProcessName } from "./history.ts";
import type { Accounts, Missing } from "./losses.ts";
import { Losses } from "./losses.ts";
import type { SentTotal } from "./message-ledger.ts";
import { MessageLedger } from "./message-ledger.ts";
import { WireRules } from "./wire-rules.ts";

/** What the policy promises. */
export interface Promises {
  /** Nothing leaves before it is held: every update is waited for. */
  readonly commits: boolean;
  /** Whether and after which time updates are held. */
  readonly lag: LagBound | undefined;
  /** The outside computer knows no other way out of a state that it cannot be told of. */
  readonly mayRestart: boolean;
  /** Over so many streams goes the flow that the cluster numbers. */
  readonly streams: number;
}

/** Decides from the recorded history alone whether the properties of `replication.md` hold; throws where one does not. */
export class HistoryChecker {
  readonly wire: WireRules = new WireRules();
  readonly messages: MessageLedger;
  readonly losses: Losses = new Losses();
  readonly lag: LagRule;
  readonly #commit: CommitRules;
  readonly #promises: Promises;
  #wasEnded: boolean = false;
  #epoch: number = 0;
  #primary: ProcessName | undefined;

  constructor(promises: Promises) {
    this.#promises = promises;
    this.#commit = new CommitRules(promises.commits);
    this.lag = new LagRule(promises.lag);
    this.messages = new MessageLedger(!promises.commits);
  }

  note(event: HistoryEvent): void {
    switch (event.kind) {
      case "primary":
        this.#becamePrimary(event);
        break;
      case "cluster-sends": {
        const packet = readPacket(event.bytes);
        this.wire.sends(event, packet);
        if (!this.#promises.commits) this.losses.sees("outbound", packet, event.bytes);
        break;
      }
      case "cluster-drops":
        this.wire.drops(readPacket(event.bytes));
        break;
      case "peer-sends":
        if (!this.#promises.commits) this.#peerSends(event.bytes);
        break;
      case "lease-held":
        this.#commit.leaseHeld(event);
        break;
      case "leases-over":
        this.#commit.leasesOver(event);
        break;
      case "cluster-assigns":
        this.#commit.assigns(event);
        this.lag.makes(event);
        break;
      case "cluster-reports-loss":
        if (event.epoch >= this.#epoch) this.losses.reports(event);
        break;
      case "cluster-restarts":
        hold(this.#promises.mayRestart, "an association is restarted as the last resort only", () => {
          return `${event.machine}${event.process} does, under epoch ${this.#epoch}`;
        });
        this.wire.restarted();
        break;
      case "cluster-skips":
        this.losses.skips(event);
        break;
      case "cluster-gives-up":
        this.losses.givesUp(event);
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
        this.lag.makes(event);
        break;
      case "cluster-confirms":
        this.messages.clusterConfirms(event);
        break;
      case "peer-delivers":
        this.messages.peerDelivers(event);
        break;
      case "peer-drops-echo":
        this.messages.peerDropsEcho(event);
        break;
      case "peer-event":
        this.#peerEvent(event.name, event.text);
        break;
      case "died":
        this.lag.disturbed(event.atMs, event.atMs);
        break;
      case "disturbed":
        this.lag.disturbed(event.sinceMs, event.atMs);
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
    hold(
      !event.lags || !this.#promises.commits,
      "with output commit nobody goes on from an older state",
      () => {
        return `${event.machine}${event.process} does, under epoch ${event.epoch}`;
      },
    );
    this.wire.primary(event.epoch, event.lags);
    this.messages.goesOn(event);
    this.lag.primary(event);
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

  #peerSends(bytes: Uint8Array): void {
    const packet = readPacket(bytes);
    this.wire.peerSends(packet);
    this.losses.sees("inbound", packet, bytes);
  }

  /** What is still owed of this: what did not arrive, and is not accounted for where the policy may lose something. */
  owed(totals: readonly SentTotal[]): readonly Missing[] {
    const missing = this.messages.missing(totals);
    return this.#promises.commits || missing.length === 0 ? missing : this.accounts(missing).unexplained;
  }

  accounts(missing: readonly Missing[]): Accounts {
    return this.losses.accountFor(missing, this.#promises.streams);
  }
}
