import type { ClusterFrame, InstanceRecord, LinkName, MemberOutputs } from "../replica/index.ts";
import { eventRecord, isLossRecord } from "../replica/index.ts";
import type { OutboundPacket } from "../sctp/index.ts";
import { packetChecksum } from "../sctp/index.ts";
import type { HostClock } from "./clock.ts";
import type { MemberLink } from "./cluster-link.ts";
import type { PacketTransport, SendPacket } from "./packet-transport.ts";

const lateText =
  "this computer stood still before it sent: the packets are dropped, since another may have taken over";

/** The ways out of an agent: its links to the cluster, its transport, and its record, in this order; losses are recorded first. */
export class Outbox {
  readonly links: Map<LinkName, MemberLink> = new Map<LinkName, MemberLink>();
  transport: PacketTransport | undefined;
  /** At the other member's address, while that is on this computer. */
  partnerTransport: PacketTransport | undefined;
  readonly #clock: HostClock;
  readonly #record: (records: readonly InstanceRecord[]) => void;

  constructor(clock: HostClock, record: (records: readonly InstanceRecord[]) => void) {
    this.#clock = clock;
    this.#record = record;
  }

  /** Carries out what a member wants; its packets only while it surely still has the right to send. */
  carryOut({ packets, frames, records, refusals, sendUntilMs }: MemberOutputs, epoch: number): void {
    const losses = records.filter(isLossRecord);
    if (losses.length > 0) this.#record(losses);
    // Then the links: what waits for another computer should not wait for anything else.
    for (const [name, link] of this.links) {
      link.send(frames.filter(({ to }) => to === name).map(({ frame }) => frame));
    }
    for (const name of refusals) this.links.get(name)?.giveUp();
    const others = losses.length === 0 ? records : records.filter((record) => !isLossRecord(record));
    this.send(packets, epoch, others, sendUntilMs);
  }

  /** Packets from an address that is not on this computer leave from the partner's. Nothing leaves after `untilMs`. */
  send(
    packets: readonly OutboundPacket[],
    epoch: number,
    records: InstanceRecord[],
    untilMs: number = Number.POSITIVE_INFINITY,
  ): void {
    const own: SendPacket[] = [];
    const forPartner: SendPacket[] = [];
    const relayed: ClusterFrame[] = [];
    const sent: InstanceRecord[] = [];
    for (const packet of packets) {
      const { association, local, remote, remotePort, bytes, reason, dependsOn } = packet;
      const isOwn = this.transport?.has(local) === true;
      if (isOwn || this.partnerTransport?.has(local) === true) {
        const at = Math.round(this.#clock.nowMs() * 1000);
        (isOwn ? own : forPartner).push(packet);
        const checksum = packetChecksum(bytes);
        sent.push({ kind: "sent", at, association, local, remote, checksum, reason, dependsOn });
      } else {
        relayed.push({ kind: "outbound", epoch, route: { local, remote, remotePort }, packet: bytes });
      }
    }
    // The last look at the clock is the last thing before the call that sends: who is stopped in between is not seen.
    const nowMs = this.#clock.nowMs();
    if (packets.length > 0 && nowMs > untilMs) {
      records.push(eventRecord("stall", lateText, nowMs, { packets: packets.length }));
    } else {
      this.transport?.send(own);
      if (forPartner.length > 0) this.partnerTransport?.send(forPartner);
      if (relayed.length > 0) this.links.get("partner")?.send(relayed);
      records.push(...sent);
    }
    this.#record(records);
  }

  /** Ends on purpose: the other computers are told, so that nobody takes over. */
  close(epoch: number): void {
    for (const link of this.links.values()) {
      link.send([{ kind: "leaving", epoch }]);
      link.close();
    }
    for (const transport of [this.transport, this.partnerTransport]) transport?.close();
    this.transport = undefined;
    this.partnerTransport = undefined;
  }
}
