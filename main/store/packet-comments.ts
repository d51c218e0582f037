import type Database from "better-sqlite3";
import type { Row } from "./columns.ts";

interface FrameFacts {
  readonly packetId: number;
  readonly atUs: number;
  readonly transmissionId: number | null;
  /** The observation that stands for the transmission; the other end's copy gets no comment of its own. */
  readonly isFirstSight: boolean;
  readonly repeats: number | null;
  readonly repeatedTsn: number | null;
}

interface FirstCopy {
  readonly frame: number;
  readonly atUs: number;
}

const titles: Readonly<Record<string, string>> = {
  fault: "FAULT",
  detected: "DETECTED",
  restored: "RESTORED",
  "association-up": "ASSOCIATION UP",
  "address-confirmed": "ADDRESS CONFIRMED",
  closed: "CLOSED",
};

const milliseconds = (micros: number): string => `${(micros / 1000).toFixed(1)} ms`;

/** Says beside the frames of an export what a colleague should notice. Frames must come in order of time. */
export class PacketComments {
  readonly #marks: Row[];
  readonly #firstCopies = new Map<number, FirstCopy>();
  readonly #repeated: ReadonlySet<number>;
  readonly #reason: Database.Statement<unknown[], Row>;

  constructor(database: Database.Database) {
    this.#marks = database.prepare<[], Row>("SELECT * FROM mark ORDER BY at_us, id").all();
    const repeated = database.prepare<[], Row>(
      "SELECT DISTINCT repeats FROM transmission WHERE repeats IS NOT NULL",
    );
    this.#repeated = new Set(repeated.all().map((row) => row["repeats"] as number));
    this.#reason = database.prepare(
      `SELECT sent.reason, sent.host FROM packet JOIN sent
         ON sent.checksum = packet.checksum AND sent.local = packet.source AND sent.remote = packet.destination
       WHERE packet.id = ? ORDER BY abs(sent.at_us - packet.at_us), sent.id LIMIT 1`,
    );
  }

  forFrame(frame: number, facts: FrameFacts): string[] {
    const comments = this.#marksUpTo(facts.atUs);
    if (facts.transmissionId !== null && facts.isFirstSight && this.#repeated.has(facts.transmissionId)) {
      this.#firstCopies.set(facts.transmissionId, { frame, atUs: facts.atUs });
    }
    if (facts.repeats !== null && facts.isFirstSight) comments.push(this.#retransmission(facts));
    return comments;
  }

  /** Marks that no frame has shown yet: the first frame at or after an instant carries it. */
  #marksUpTo(atUs: number): string[] {
    const texts: string[] = [];
    let mark = this.#marks[0];
    while (mark !== undefined && (mark["at_us"] as number) <= atUs) {
      this.#marks.shift();
      const before = atUs - (mark["at_us"] as number);
      const when = before === 0 ? "with this packet" : `${milliseconds(before)} before this packet`;
      const title = titles[mark["kind"] as string];
      const text = `${mark["text"]} (on ${mark["host"]}, ${when})`;
      texts.push(title === undefined ? text : `${title}: ${text}`);
      mark = this.#marks[0];
    }
    return texts;
  }

  #retransmission({ packetId, atUs, repeats, repeatedTsn }: FrameFacts): string {
    const first = repeats === null ? undefined : this.#firstCopies.get(repeats);
    const sent = this.#reason.get(packetId);
    const by = sent === undefined ? "" : ` by ${sent["host"]}, reason ${sent["reason"]}`;
    const copy =
      first === undefined
        ? ""
        : `; first copy in frame ${first.frame}, ${milliseconds(atUs - first.atUs)} earlier`;
    return `Retransmission of TSN ${repeatedTsn}${by}${copy}`;
  }
}
