import { NumberedApplication } from "../../agents/application/index.ts";
import type { ClusterFrame, MemberOptions } from "../../agents/replica/index.ts";
import { Member } from "../../agents/replica/index.ts";
import { linkVersion } from "../../agents/replica/frames.ts";
import type { InstanceRecord } from "../../agents/replica/records.ts";
import type { LinkName } from "../../agents/replica/sending-right.ts";
import { Endpoint, seededRandom } from "../../agents/sctp/index.ts";
import { addressA, addressB } from "../sim/cluster.ts";
import { endpointConfig } from "../sim/endpoints.ts";

export const timing = { beatIntervalMs: 25, leaseMs: 250, takeoverAfterMs: 400 };

export function memberOptions(options: Partial<MemberOptions>): MemberOptions {
  const config = { ...endpointConfig([addressA, addressB], true), ownAddress: addressA };
  return {
    startsAs: "secondary",
    makeEndpoint: () => new Endpoint(config, seededRandom(1)),
    makeApplication: () => new NumberedApplication("down"),
    partnerAddresses: [],
    fencing: "keep-primary",
    policy: { kind: "every-update" },
    keeper: undefined,
    ...timing,
    ...options,
  };
}

/** A member whose links end in the test, which plays everybody else. */
export class MemberByHand {
  nowMs: number = 1000;
  readonly member: Member;
  readonly said: { readonly to: LinkName; readonly frame: ClusterFrame }[] = [];
  readonly records: InstanceRecord[] = [];

  constructor(options: Partial<MemberOptions>) {
    this.member = new Member(memberOptions(options), this.nowMs);
  }

  /** A standby that the primary of epoch 1 counts on, and that knows that it lives now. */
  static current(options: Partial<MemberOptions> = {}): MemberByHand {
    const standby = new MemberByHand(options);
    standby.linkUp("partner");
    standby.reads("partner", { kind: "hello", epoch: 1, version: linkVersion, role: "primary" });
    standby.reads("partner", { kind: "synced", epoch: 1 });
    standby.reads("partner", { kind: "beat", epoch: 1, stampMs: 1, mirrorMs: standby.nowMs });
    return standby;
  }

  /** A primary of epoch 1 with a standby that is current. */
  static guarded(options: Partial<MemberOptions> = {}): MemberByHand {
    const primary = new MemberByHand({ startsAs: "primary", ...options });
    primary.linkUp("partner");
    primary.reads("partner", { kind: "hello", epoch: 1, version: linkVersion, role: "standby" });
    // To the `solo` with which it greeted.
    primary.reads("partner", { kind: "soloGranted", epoch: 1, number: 1 });
    primary.said.length = 0;
    primary.records.length = 0;
    return primary;
  }

  linkUp(link: LinkName): void {
    this.member.linkUp(link, this.nowMs);
    this.turn();
  }

  closed(link: LinkName): void {
    this.member.linkDown(link, true, this.nowMs);
    this.turn();
  }

  /** Which says nothing about the process at the other end. */
  givenUp(link: LinkName): void {
    this.member.linkDown(link, false, this.nowMs);
    this.turn();
  }

  /** All of it in one turn. */
  reads(link: LinkName, ...frames: readonly ClusterFrame[]): void {
    for (const frame of frames) this.member.receiveFrame(link, frame, this.nowMs);
    this.turn();
  }

  turn(): void {
    const { frames, records } = this.member.takeOutputs(this.nowMs);
    this.said.push(...frames);
    this.records.push(...records);
  }

  /** Lets time pass, awake all the while. */
  pass(forMs: number): void {
    const endMs = this.nowMs + forMs;
    for (;;) {
      const dueMs = this.member.nextDeadlineMs() ?? Infinity;
      this.nowMs = Math.max(this.nowMs, Math.min(dueMs, endMs));
      this.member.advance(this.nowMs);
      this.turn();
      if (dueMs > endMs) return;
    }
  }

  saidTo(link: LinkName): string[] {
    return this.said.filter(({ to }) => to === link).map(({ frame }) => frame.kind);
  }

  hasRecorded(name: string): boolean {
    return this.records.some((record) => record.kind === "event" && record.name === name);
  }
}
