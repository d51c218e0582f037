import type { BecamePrimary, ClaimAct, InstanceRecord } from "../replica/index.ts";
import { AddressClaim } from "../replica/index.ts";
import { BorrowedAddress } from "./borrowed-address.ts";
import type { HostClock } from "./clock.ts";
import { linkAddressOf, linkAddressText } from "./neighbour-frames.ts";
import type { OutsideLink } from "./outside-link.ts";
import type { PacketTransport } from "./packet-transport.ts";

/** What is around an address takeover. */
export interface TakeoverSurroundings {
  readonly clock: HostClock;
  record(records: readonly InstanceRecord[]): void;
  /** At the address; rejects with one sentence. */
  openTransport(): Promise<PacketTransport>;
  /** Packets can leave from the address, and come to it, by this; undefined: no more. */
  onTransport(transport: PacketTransport | undefined): void;
}

/** How often is looked whether somebody has answered; the claim has nothing that is due more often. */
const lookMs = 25;

/** The outside address of the other member: on this computer while this one serves in its place and nobody else has it. */
export class AddressTakeover {
  readonly #claim: AddressClaim;
  readonly #link: OutsideLink;
  readonly #around: TakeoverSurroundings;
  #tookOver: boolean = false;
  #partnerIsGone: boolean = true;
  #timer: NodeJS.Timeout | undefined;
  #held: BorrowedAddress | undefined;
  #transport: PacketTransport | undefined;
  /** Taking and giving back take a moment each, and go one after the other. */
  #underWay: Promise<void> = Promise.resolve();

  constructor(address: string, link: OutsideLink, around: TakeoverSurroundings) {
    this.#claim = new AddressClaim(address);
    this.#link = link;
    this.#around = around;
  }

  /** A word of the other member came, or its link is gone. */
  partner(state: "heard" | "gone"): void {
    this.#partnerIsGone = state === "gone";
  }

  /** After each turn of the member. */
  settled(isPrimary: boolean, became: BecamePrimary | undefined): void {
    if (became?.by === "takeover") this.#partnerIsGone = true;
    if (became !== undefined) this.#tookOver = became.by === "takeover";
    this.#tookOver &&= isPrimary;
    const standing = { tookOver: this.#tookOver, partnerIsGone: this.#partnerIsGone };
    this.#claim.stand(standing, this.#around.clock.nowMs());
    if (this.#timer !== undefined || this.#claim.isIdle) {
      this.#carryOut();
      return;
    }
    // What came before anybody wanted to know is old.
    this.#link.watch.heard();
    this.#timer = setInterval(() => this.#look(), lookMs);
    this.#look();
  }

  #look(): void {
    const nowMs = this.#around.clock.nowMs();
    const owner = this.#link.watch.heard();
    if (owner !== undefined) this.#claim.claimedBy(linkAddressText(owner), nowMs);
    this.#claim.advance(nowMs);
    this.#carryOut();
    if (!this.#claim.isIdle) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #carryOut(): void {
    for (const act of this.#claim.takeActs()) this.#do(act);
    const records = this.#claim.takeRecords();
    if (records.length > 0) this.#around.record(records);
  }

  #do(act: ClaimAct): void {
    const { watch } = this.#link;
    switch (act.kind) {
      case "ask":
        return watch.ask();
      case "announce":
        return watch.announce(watch.own);
      case "take":
        this.#underWay = this.#underWay.then(() => this.#take());
        return;
      case "give-back":
        this.#underWay = this.#underWay.then(() => this.#giveBack(act.owner));
        return;
    }
  }

  async #take(): Promise<void> {
    try {
      this.#held = await BorrowedAddress.add(this.#claim.address, this.#link.device);
      this.#transport = await this.#around.openTransport();
      this.#around.onTransport(this.#transport);
      this.#claim.taken(this.#around.clock.nowMs());
    } catch (error) {
      await this.#giveBack(undefined);
      const reason = error instanceof Error ? error.message : String(error);
      this.#claim.refused(reason, this.#around.clock.nowMs());
    }
    this.#look();
  }

  async #giveBack(owner: string | undefined): Promise<void> {
    if (this.#transport !== undefined) this.#around.onTransport(undefined);
    this.#transport?.close();
    this.#transport = undefined;
    await this.#held?.giveBack();
    this.#held = undefined;
    // Who had it before may not say so by itself, and others go on sending to us.
    if (owner !== undefined) this.#link.watch.announce(linkAddressOf(owner));
  }

  /** The address goes with this program, at the latest. */
  close(): void {
    clearInterval(this.#timer);
    this.#underWay = this.#underWay.then(() => this.#giveBack(undefined));
    this.#link.watch.close();
  }
}
