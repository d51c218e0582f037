import type { ChunkSummary } from "../../dissect/summary.ts";
import { AckTimeline, HeldThrough, readHeldBooks } from "../books.ts";
import type { HeldBooks, HeldUpdate } from "../books.ts";
import { CausalClock } from "../causal-clock.ts";
import type { Checker, Finding } from "../checker.ts";
import { decide, EvidenceList, passed, unknown } from "../checker.ts";
import { captureGap, stampsAreLate } from "../completeness.ts";
import { Guard } from "../guard.ts";
import type { History, HistoryHost, ObservedPacket } from "../history.ts";
import { isAsynchronous } from "../policy.ts";
import type { Scene } from "../scene.ts";
import { holderOf } from "../scene.ts";
import type { Tenure } from "../tenures.ts";

/** Something that a packet promises to the peer and that the holder must hold before the packet leaves. */
interface Promised {
  readonly what: string;
  readonly held: HeldUpdate | undefined;
  /** No policy excuses it. */
  readonly structural?: boolean;
}

/** When the holder's books end: what is missing later than that was perhaps only not recorded. */
function bookEnd(history: History, host: string): number {
  const lists = [history.updates, history.events, history.messages, history.sent];
  return lists.reduce((end, list) => {
    const last = list.findLast((record) => record.host === host);
    return last === undefined ? end : Math.max(end, last.at);
  }, Number.NEGATIVE_INFINITY);
}

/** Walks the packets of a serving member in order of leaving and names what each promises for the first time. */
class PromiseReader {
  readonly #held: HeldBooks;
  readonly #heldThrough: HeldThrough | undefined;
  readonly #sentTsns: Set<number>;
  #acknowledged = false;

  /** @param sentTsns TSNs that were sent before; is added to */
  constructor(scene: Scene, held: HeldBooks, sentTsns: Set<number>) {
    this.#held = held;
    this.#sentTsns = sentTsns;
    const first = scene.handshake.initialTsn.peer ?? held.firstReceived;
    if (first !== undefined) this.#heldThrough = new HeldThrough(first, held.received);
  }

  read(packet: ObservedPacket): Promised[] {
    return packet.sctp.chunks.flatMap((chunk) => this.#promisedBy(chunk));
  }

  #promisedBy(chunk: ChunkSummary): Promised[] {
    switch (chunk.type) {
      case "DATA":
      case "I_DATA": {
        if (chunk.tsn === undefined || this.#sentTsns.has(chunk.tsn)) return [];
        this.#sentTsns.add(chunk.tsn);
        return [{ what: `DATA with the new TSN ${chunk.tsn}`, held: this.#held.assigned(chunk.tsn) }];
      }
      case "COOKIE_ACK":
      case "COOKIE_ECHO":
        return [{ what: chunk.type.replace("_", " "), held: this.#held.opened, structural: true }];
      case "SACK":
      case "SHUTDOWN":
        return chunk.cumulativeTsn === undefined
          ? []
          : this.#acknowledgement(chunk.type, chunk.cumulativeTsn);
      default:
        return [];
    }
  }

  #acknowledgement(type: string, cumulativeTsn: number): Promised[] {
    const promised: Promised[] = [];
    if (!this.#acknowledged)
      promised.push({ what: `first ${type}`, held: this.#held.opened, structural: true });
    this.#acknowledged = true;
    const through = this.#heldThrough;
    const steps = through?.stepsTo(cumulativeTsn) ?? 0;
    // A cumulative TSN below the first one acknowledges nothing.
    if (steps >= 0) {
      promised.push({
        what: `${type} with cumulative TSN ${cumulativeTsn}`,
        held: through?.lookUp(cumulativeTsn),
      });
    }
    return promised;
  }
}

type Judgement = "held" | "violated" | "undecided";

interface Clocks {
  readonly errorMicros: number;
  readonly lateStamps: boolean;
  readonly booksEndAt: number;
  readonly causal: CausalClock;
  readonly acks: AckTimeline;
}

function judgePromise(clocks: Clocks, packet: ObservedPacket, held: HeldUpdate | undefined): Judgement {
  const { errorMicros, lateStamps, booksEndAt } = clocks;
  if (held === undefined) return packet.at > booksEndAt - errorMicros ? "undecided" : "violated";
  if (held.isHearsay === true) return held.at <= packet.at ? "held" : "undecided";
  const { earliest, latest } = clocks.causal.onPrimary(held.at);
  if (Math.max(earliest, held.at - errorMicros) > packet.at) return "violated";
  if (lateStamps) return "undecided";
  if (Math.min(latest, held.at + errorMicros) <= packet.at) return "held";
  // Inside the clock error: what the primary itself knew, on its own clock, decides.
  const knownAt = clocks.acks.firstAt(held.sequence);
  return knownAt !== undefined && knownAt <= packet.at ? "held" : "undecided";
}

function describe(promised: Promised, packet: ObservedPacket, holder: string): string {
  if (promised.held === undefined) return `${promised.what} left, and ${holder} has no record of holding it`;
  const lateMicros = promised.held.at - packet.at;
  const late =
    lateMicros > 0
      ? `${lateMicros} us after it left`
      : `${-lateMicros} us before it left, within the clock error`;
  return `${promised.what}: ${holder} held it (update ${promised.held.sequence}) ${late}`;
}

/** What is added up over all tenures of a run. */
interface Tally {
  readonly violations: EvidenceList;
  readonly undecided: EvidenceList;
  readonly holders: Set<string>;
  readonly sentTsns: Set<number>;
  promises: number;
  /** Promises that left while nobody held the state. */
  alone: number;
}

function examineTenure(
  scene: Scene,
  tenure: Tenure,
  server: HistoryHost,
  holder: HistoryHost,
  tally: Tally,
): void {
  const { history, policies } = scene;
  const { fromUs, toUs = Number.POSITIVE_INFINITY } = tenure;
  const { placement } = policies.at(toUs);
  const guard = new Guard(history.events, tenure, placement);
  const inTenure = ({ at }: { readonly at: number }): boolean => at >= fromUs && at < toUs;
  const acks = new AckTimeline(history.acked.filter((each) => each.host === server.name && inTenure(each)));
  const clocks: Clocks = {
    errorMicros: server.clockErrorMicros + holder.clockErrorMicros,
    lateStamps: stampsAreLate(history, server.name),
    booksEndAt: bookEnd(history, holder.name),
    causal: new CausalClock(history.updates, acks, server.name, holder.name),
    acks,
  };
  const held = readHeldBooks(history, holder.name, tenure, placement === "store");
  const reader = new PromiseReader(scene, held, tally.sentTsns);
  for (const packet of history.packets) {
    if (packet.host !== server.name || packet.direction !== "out" || !inTenure(packet)) continue;
    const excused = isAsynchronous(policies.at(packet.at));
    for (const promised of reader.read(packet)) {
      if (excused && promised.structural !== true) continue;
      if (!guard.at(packet.at)) {
        tally.alone += 1;
        continue;
      }
      tally.promises += 1;
      tally.holders.add(holder.name);
      const judgement = judgePromise(clocks, packet, promised.held);
      if (judgement === "held") continue;
      (judgement === "violated" ? tally.violations : tally.undecided).add({
        text: describe(promised, packet, holder.name),
        atUs: packet.at,
        packetId: packet.id,
        host: packet.host,
      });
    }
  }
}

function examine(scene: Scene): Finding {
  const { primary, secondary, history, policies, succession } = scene;
  if (primary === undefined || secondary === undefined)
    return unknown("the record names no primary and secondary");
  const [firstPolicy] = policies.all;
  const firstHolder = firstPolicy === undefined ? secondary : holderOf(scene, primary.name, firstPolicy);
  if (firstHolder !== undefined) {
    const holds = history.updates.some(({ act, host }) => act === "held" && host === firstHolder.name);
    const synchronised = history.events.some(({ name }) => name === "synchronised");
    if (!holds && !synchronised) return unknown(`no update held by ${firstHolder.name} was recorded`);
  }
  const tally: Tally = {
    violations: new EvidenceList(),
    undecided: new EvidenceList(),
    holders: new Set(),
    sentTsns: new Set(),
    promises: 0,
    alone: 0,
  };
  for (const tenure of succession.tenures) {
    const server = tenure.host === primary.name ? primary : secondary;
    const policy = policies.at(tenure.toUs ?? Number.POSITIVE_INFINITY);
    const holder = holderOf(scene, server.name, policy);
    if (holder !== undefined) examineTenure(scene, tenure, server, holder, tally);
  }
  const { violations, undecided, promises, alone } = tally;
  if (promises === 0) {
    const missing = captureGap(history, primary.name);
    return policies.all.every(isAsynchronous) && missing === undefined
      ? passed("nothing left that this policy does not excuse")
      : unknown(`no packet that needs a commit was captured on ${primary.name}`);
  }
  const holders = [...tally.holders].join(" or ");
  const afterwards = succession.tenures.length > 1 && alone > 0;
  const rest = afterwards || alone === 0 ? "" : `; ${alone} more left while nobody held the state`;
  return decide({
    violations,
    undecided,
    failSummary: `${violations.total} of ${promises} promises left before ${holders} held them`,
    passSummary: `${promises} promises${policies.all.every(isAsynchronous) ? " of the set-up" : ""}, each held by ${holders} first${rest}`,
    gap: captureGap(history, primary.name),
  });
}

export const outputCommit: Checker = {
  id: "output-commit",
  title: "Nothing left the primary before the secondary held it",
  rule: "Output commit; RFC 9260 sections 6.1 and 6.2: a sent TSN and a cumulative TSN are promises",
  perEnd: true,
  // A store that is no agent of ours keeps no books; what the primary knew of it is the commit gate's matter.
  applies: (scene) => {
    const { primary, policies } = scene;
    if (primary === undefined) return true;
    return policies.all.some((policy) => policy.placement === "standby" || scene.keeper !== undefined);
  },
  examine,
};
