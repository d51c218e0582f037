import { decodeFrame, encodeFrame } from "../../../agents/replica/index.ts";
import { processText } from "./checker/history.ts";
import type { ProcessName } from "./checker/history.ts";
import type { MemberName, PairName } from "./knobs.ts";
import { otherMember } from "./knobs.ts";
import type { Stage } from "./stage.ts";
import type { LinkItem } from "./stream-link.ts";
import type { GiveUp } from "./turns.ts";
import { frameText } from "./turns.ts";

/** The turns of the keeper: a frame comes in, and what comes of it is carried out. */
export class KeeperTurns {
  readonly #stage: Stage;
  readonly #giveUp: GiveUp;
  /** The connection of each pair, as the keeper knows it. */
  readonly #ids: Map<PairName, string> = new Map<PairName, string>();
  /** Whose process is at the other end of it. */
  readonly #members: Map<PairName, ProcessName> = new Map<PairName, ProcessName>();

  constructor(stage: Stage, giveUp: GiveUp) {
    this.#stage = stage;
    this.#giveUp = giveUp;
  }

  receiveItem(pair: PairName, item: LinkItem, drains: boolean): void {
    const { keeper, nowMs, trace, heardAtMs } = this.#stage;
    const { process } = keeper;
    if (process === undefined) return;
    const localMs = keeper.localMs(nowMs);
    heardAtMs.set(`${pair}>k`, nowMs);
    if (item.kind === "frame") this.#receiveFrame(pair, item.bytes);
    else if (item.kind === "up") {
      const member = pair === "ak" ? "a" : "b";
      const id = `${pair} ${this.#stage.links.get(pair)?.connections ?? 0}`;
      this.#ids.set(pair, id);
      trace.note(nowMs, () => `k reads that link ${id} is up`);
      const name = this.#stage.nameOf(member);
      this.#members.set(pair, name);
      process.linkUp(id, localMs, processText(name));
    } else this.linkDown(pair, item.kind === "closed", false);
    if (drains) this.drain();
  }

  #receiveFrame(pair: PairName, bytes: Uint8Array): void {
    const { keeper, nowMs, trace } = this.#stage;
    const frame = decodeFrame(bytes);
    if (frame === undefined) throw new Error("a link carried a frame that cannot be read");
    trace.note(nowMs, () => `k reads from ${pair} ${frameText(frame)}`);
    const id = this.#ids.get(pair);
    if (id !== undefined) keeper.process?.receiveFrame(id, frame, keeper.localMs(nowMs));
  }

  linkDown(pair: PairName, closed: boolean, drains: boolean): void {
    const { keeper, nowMs, trace } = this.#stage;
    const id = this.#ids.get(pair);
    if (id === undefined) return;
    this.#ids.delete(pair);
    trace.note(
      nowMs,
      () => `k ${closed ? "reads that link" : "gives up link"} ${id}${closed ? " is closed" : ""}`,
    );
    keeper.process?.linkDown(id, closed, keeper.localMs(nowMs));
    if (drains) this.drain();
  }

  advance(): void {
    const { keeper, nowMs } = this.#stage;
    keeper.process?.advance(keeper.localMs(nowMs));
    this.drain();
  }

  drain(): void {
    const stage = this.#stage;
    const { process } = stage.keeper;
    if (process === undefined) return;
    const { frames, refusals, records } = process.takeOutputs();
    const pairs = new Map([...this.#ids].map(([pair, id]) => [id, pair]));
    for (const { to, frame } of frames) {
      const pair = pairs.get(to);
      const claimant = pair === undefined ? undefined : this.#members.get(pair);
      if (frame.kind === "claimed" && claimant !== undefined)
        this.#granted(pair === "ak" ? "a" : "b", claimant, frame.epoch);
      const link = pair === undefined ? undefined : stage.links.get(pair);
      const wasWritten =
        link?.write("k", { bytes: encodeFrame(frame), writer: stage.nameOf("k") }, stage.nowMs) === true;
      stage.trace.note(
        stage.nowMs,
        () => `k writes to ${to} ${frameText(frame)}${wasWritten ? "" : ": no link"}`,
      );
    }
    for (const record of records) {
      if (record.kind === "event") {
        if (record.name === "synchronised") stage.keeperIsCurrent = true;
        if (record.name === "solo") this.#letGoAlone();
        stage.count(`keeper ${record.name}`);
        stage.trace.note(stage.nowMs, () => `k ${record.name}: ${record.text}`);
      }
    }
    for (const { link } of refusals) {
      const pair = pairs.get(link);
      if (pair !== undefined) this.#giveUp(pair, "k");
    }
  }

  /** A grant to a process that has died meanwhile binds too. */
  #granted(member: MemberName, claimant: ProcessName, epoch: number): void {
    const stage = this.#stage;
    stage.granted = { to: claimant, epoch };
    const { process, processNumber } = stage.members[member];
    const isDead = process === undefined || processNumber !== claimant.process;
    const other = stage.members[otherMember(member)].process;
    if (isDead && (other?.epoch ?? 0) < epoch) stage.isLost = true;
  }

  /** A promise to a primary that has died meanwhile binds too: it may have gone on alone before. */
  #letGoAlone(): void {
    const stage = this.#stage;
    stage.keeperIsCurrent = false;
    if (stage.primary === undefined) stage.mayBeLost ??= "the keeper let the primary go on alone, which died";
  }
}
