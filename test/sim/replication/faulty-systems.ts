import { tsnAdd } from "../../../agents/sctp/base/serial.ts";
import { readPacket } from "../sctp/checker/packet-reader.ts";
import type {
  ClusterFrame,
  KeeperOptions,
  LinkName,
  MemberOptions,
  MemberOutputs,
} from "../../../agents/replica/index.ts";
import { Keeper, Member } from "../../../agents/replica/index.ts";
import type { AssociationState, EndpointOutputs } from "../../../agents/sctp/index.ts";
import { Endpoint } from "../../../agents/sctp/index.ts";

/*
 * The system with one fault each: the real one, with what goes in and comes out bent. It knows nothing of that.
 */

/** A SACK leaves although nobody else holds what it acknowledges. */
export class SackBeforeCommit extends Endpoint {
  override takeOutputs(): EndpointOutputs {
    const outputs = super.takeOutputs();
    const packets = outputs.packets.map((each) =>
      each.reason === "sack" ? { ...each, dependsOn: 0 } : each,
    );
    return { ...outputs, packets };
  }
}

/** What was delivered is told to the holder as received only. */
export class DeliveryMarkForgotten extends Endpoint {
  override takeOutputs(): EndpointOutputs {
    const outputs = super.takeOutputs();
    const updates = outputs.updates.map((each) =>
      each.update.kind === "dataDelivered"
        ? { ...each, update: { ...each.update, kind: "dataReceived" as const } }
        : each,
    );
    return { ...outputs, updates };
  }
}

/** Takes every frame for one of its own epoch, but those that change it on purpose. */
export class EpochNotChecked extends Member {
  override receiveFrame(link: LinkName, frame: ClusterFrame, nowMs: number): void {
    const changes = ["handover", "claimed"].includes(frame.kind) || this.role !== "primary";
    super.receiveFrame(link, changes ? frame : { ...frame, epoch: this.epoch }, nowMs);
  }
}

/** Sends on what another member wanted sent, whatever has become of that. */
export class RelayWithoutEpoch extends Member {
  readonly #late: MemberOutputs["packets"] = [];

  override receiveFrame(link: LinkName, frame: ClusterFrame, nowMs: number): void {
    if (frame.kind === "outbound" && this.role === "primary") {
      const about = { reason: "data", dependsOn: 0, association: 0 } as const;
      this.#late.push({ ...frame.route, bytes: frame.packet, ...about });
    }
    super.receiveFrame(link, frame, nowMs);
  }

  override takeOutputs(nowMs: number): MemberOutputs {
    const outputs = super.takeOutputs(nowMs);
    return { ...outputs, packets: [...this.#late.splice(0), ...outputs.packets] };
  }
}

/** Believes that whole states are held as soon as they are on their way. */
export class GateOpenedTooEarly extends Member {
  override takeOutputs(nowMs: number): MemberOutputs {
    const outputs = super.takeOutputs(nowMs);
    if (!outputs.frames.some(({ frame }) => frame.kind === "synced")) return outputs;
    for (const association of this.active?.endpoint.associations() ?? [])
      super.receiveFrame("partner", { kind: "held", epoch: this.epoch, association, sequence: 1e9 }, nowMs);
    return outputs;
  }
}

/** Goes on as soon as it reads that it was handed the associations, however old that word is. */
export class HandoverWithoutProof extends Member {
  override receiveFrame(link: LinkName, frame: ClusterFrame, nowMs: number): void {
    super.receiveFrame(link, frame, nowMs);
    if (frame.kind !== "handover") return;
    this.proveAtMs = nowMs;
  }

  proveAtMs: number | undefined;

  override takeOutputs(nowMs: number): MemberOutputs {
    const outputs = super.takeOutputs(nowMs);
    if (this.role !== "arriving" || this.proveAtMs === undefined) return outputs;
    this.proveAtMs = undefined;
    super.receiveFrame("partner", { kind: "beat", epoch: this.epoch, stampMs: nowMs }, nowMs);
    const more = super.takeOutputs(nowMs);
    return {
      ...more,
      packets: [...outputs.packets, ...more.packets],
      frames: [...outputs.frames, ...more.frames],
      records: [...outputs.records, ...more.records],
    };
  }
}

/** Lets its holder wait for twice the interval. */
export class IntervalTooLong extends Member {
  constructor(options: MemberOptions, nowMs: number) {
    const { policy } = options;
    const isInterval = policy.kind === "interval";
    super(
      isInterval ? { ...options, policy: { ...policy, intervalMs: 2 * policy.intervalMs } } : options,
      nowMs,
    );
  }
}

/** The holder is told of one TSN less than the primary may use. */
export class LeaseOffByOne extends Member {
  override takeOutputs(nowMs: number): MemberOutputs {
    const outputs = super.takeOutputs(nowMs);
    const frames = outputs.frames.map((each) => {
      const { frame } = each;
      if (frame.kind !== "lease") return each;
      const lease = { ...frame.lease, limitTsn: tsnAdd(frame.lease.limitTsn, -1) };
      return { ...each, frame: { ...frame, lease } };
    });
    return { ...outputs, frames };
  }

  override receiveFrame(link: LinkName, frame: ClusterFrame, nowMs: number): void {
    if (frame.kind !== "leaseHeld") super.receiveFrame(link, frame, nowMs);
    else super.receiveFrame(link, { ...frame, limitTsn: tsnAdd(frame.limitTsn, 1) }, nowMs);
  }
}

/** Goes on from an older state as if nobody had seen more. */
export class OlderStateTakenForLast extends Endpoint {
  override resume(state: AssociationState, nowMs: number): number {
    return super.resume(state, nowMs, {});
  }
}

/** The outside computer is not asked what it has. */
export class ProbeSkipped extends Endpoint {
  override takeOutputs(): EndpointOutputs {
    const outputs = super.takeOutputs();
    const isProbe = ({ bytes }: EndpointOutputs["packets"][number]): boolean =>
      readPacket(bytes).chunks.some((chunk) => chunk.kind === "data" && chunk.payloadBytes === 1);
    return { ...outputs, packets: outputs.packets.filter((each) => !isProbe(each)) };
  }
}

/** Takes whoever claims at his word: the primary will be silent, however it beats. */
export class GrantsWhilePrimaryBeats extends Keeper {
  readonly #patienceMs: number;

  constructor(options: KeeperOptions) {
    super(options);
    this.#patienceMs = 2 * options.takeoverAfterMs;
  }

  override receiveFrame(link: string, frame: ClusterFrame, nowMs: number): void {
    let atMs = nowMs;
    // In steps, since it knows what it means to have stood still.
    if (frame.kind === "claim")
      for (const endMs = nowMs + this.#patienceMs; atMs < endMs; atMs += this.#patienceMs / 32)
        super.advance(atMs);
    super.receiveFrame(link, frame, atMs);
  }
}
