import type { ChunkSummary } from "../../dissect/summary.ts";
import { HeldThrough } from "../books.ts";
import type { HeldUpdate } from "../books.ts";
import { CausalClock } from "../causal-clock.ts";
import type { Checker, Finding } from "../checker.ts";
import { decide, EvidenceList, unknown } from "../checker.ts";
import { captureGap, stampsAreLate } from "../completeness.ts";
import type { History, HistoryHost, ObservedPacket } from "../history.ts";
import type { Scene } from "../scene.ts";

/** Something that a packet promises to the peer and that the secondary must hold before the packet leaves. */
interface Promised {
  readonly what: string;
  readonly held: HeldUpdate | undefined;
}

/** When the secondary's books end: what is missing later than that was perhaps only not recorded. */
function bookEnd(history: History, host: string): number {
  const lists = [history.updates, history.events, history.messages, history.sent];
  return lists.reduce((end, list) => {
    const last = list.findLast((record) => record.host === host);
    return last === undefined ? end : Math.max(end, last.at);
  }, Number.NEGATIVE_INFINITY);
}

/** Walks the packets of the primary in order of leaving and names what each promises for the first time. */
class PromiseReader {
  readonly #scene: Scene;
  readonly #heldThrough: HeldThrough | undefined;
  readonly #sentTsns = new Set<number>();
  #acknowledged = false;

  constructor(scene: Scene) {
    this.#scene = scene;
    const first = scene.handshake.initialTsn.peer ?? scene.held.received.keys().next().value;
    if (first !== undefined) this.#heldThrough = new HeldThrough(first, scene.held.received);
  }

  read(packet: ObservedPacket): Promised[] {
    return packet.sctp.chunks.flatMap((chunk) => this.#promisedBy(chunk));
  }

  #promisedBy(chunk: ChunkSummary): Promised[] {
    const { held } = this.#scene;
    switch (chunk.type) {
      case "DATA":
      case "I_DATA": {
        if (chunk.tsn === undefined || this.#sentTsns.has(chunk.tsn)) return [];
        this.#sentTsns.add(chunk.tsn);
        return [{ what: `DATA with the new TSN ${chunk.tsn}`, held: held.assigned.get(chunk.tsn) }];
      }
      case "COOKIE_ACK":
      case "COOKIE_ECHO":
        return [{ what: chunk.type.replace("_", " "), held: held.opened }];
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
    if (!this.#acknowledged) promised.push({ what: `first ${type}`, held: this.#scene.held.opened });
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
}

function judgePromise(
  scene: Scene,
  clocks: Clocks,
  packet: ObservedPacket,
  held: HeldUpdate | undefined,
): Judgement {
  const { errorMicros, lateStamps, booksEndAt } = clocks;
  if (held === undefined) return packet.at > booksEndAt - errorMicros ? "undecided" : "violated";
  const { earliest, latest } = clocks.causal.onPrimary(held.at);
  if (Math.max(earliest, held.at - errorMicros) > packet.at) return "violated";
  if (lateStamps) return "undecided";
  if (Math.min(latest, held.at + errorMicros) <= packet.at) return "held";
  // Inside the clock error: what the primary itself knew, on its own clock, decides.
  const knownAt = scene.acks.firstAt(held.sequence);
  return knownAt !== undefined && knownAt <= packet.at ? "held" : "undecided";
}

function describe(promised: Promised, packet: ObservedPacket, secondary: string): string {
  if (promised.held === undefined)
    return `${promised.what} left, and ${secondary} has no record of holding it`;
  const lateMicros = promised.held.at - packet.at;
  const late =
    lateMicros > 0
      ? `${lateMicros} us after it left`
      : `${-lateMicros} us before it left, within the clock error`;
  return `${promised.what}: ${secondary} held it (update ${promised.held.sequence}) ${late}`;
}

function examineBetween(scene: Scene, primary: HistoryHost, secondary: HistoryHost): Finding {
  const { history } = scene;
  const clocks: Clocks = {
    errorMicros: primary.clockErrorMicros + secondary.clockErrorMicros,
    lateStamps: stampsAreLate(history, primary.name),
    booksEndAt: bookEnd(history, secondary.name),
    causal: new CausalClock(history.updates, scene.acks, primary.name, secondary.name),
  };
  const reader = new PromiseReader(scene);
  const violations = new EvidenceList();
  const undecided = new EvidenceList();
  let count = 0;
  for (const packet of history.packets) {
    if (packet.host !== primary.name || packet.direction !== "out") continue;
    for (const promised of reader.read(packet)) {
      count += 1;
      const judgement = judgePromise(scene, clocks, packet, promised.held);
      if (judgement === "held") continue;
      (judgement === "violated" ? violations : undecided).add({
        text: describe(promised, packet, secondary.name),
        atUs: packet.at,
        packetId: packet.id,
        host: packet.host,
      });
    }
  }
  if (count === 0) return unknown(`no packet that needs a commit was captured on ${primary.name}`);
  return decide({
    violations,
    undecided,
    failSummary: `${violations.total} of ${count} promises left before ${secondary.name} held them`,
    passSummary: `${count} promises, each held by ${secondary.name} first`,
    gap: captureGap(history, primary.name),
  });
}

function examine(scene: Scene): Finding {
  const { primary, secondary, held } = scene;
  if (primary === undefined || secondary === undefined)
    return unknown("the record names no primary and secondary");
  if (held.assigned.size + held.received.size === 0 && held.opened === undefined) {
    return unknown(`no update held by ${secondary.name} was recorded`);
  }
  return examineBetween(scene, primary, secondary);
}

export const outputCommit: Checker = {
  id: "output-commit",
  title: "Nothing left the primary before the secondary held it",
  rule: "Output commit; RFC 9260 sections 6.1 and 6.2: a sent TSN and a cumulative TSN are promises",
  examine,
};
