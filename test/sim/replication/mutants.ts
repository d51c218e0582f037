import type { ClusterFrame, LinkName, MemberOptions, MemberOutputs } from "../../../agents/replica/index.ts";
import { Member } from "../../../agents/replica/index.ts";
import type { EndpointOutputs } from "../../../agents/sctp/index.ts";
import { Endpoint } from "../../../agents/sctp/index.ts";
import type { Knobs } from "./knobs.ts";
import type { Makers } from "./stage.ts";
import { realMakers } from "./stage.ts";

/**
 * Systems with one fault each, made of the real one by bending what goes in and comes out. The checker has to
 * find each of them; otherwise its silence about the real system means nothing.
 */
export interface Mutant {
  readonly name: string;
  readonly makers: Makers;
  /** Where the fault shows in rare runs only: makes every run such a one. */
  readonly focus?: (knobs: Knobs) => Knobs;
  /** Seeds, from 1 on, within which it is found. */
  readonly withinSeeds: number;
  /** Properties of which one is named when it is found. */
  readonly properties: readonly string[];
}

/** A SACK leaves although nobody else holds what it acknowledges. */
class SackBeforeCommit extends Endpoint {
  override takeOutputs(): EndpointOutputs {
    const outputs = super.takeOutputs();
    const packets = outputs.packets.map((each) =>
      each.reason === "sack" ? { ...each, dependsOn: 0 } : each,
    );
    return { ...outputs, packets };
  }
}

/** What was delivered is told to the holder as received only. */
class DeliveryMarkForgotten extends Endpoint {
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
class EpochNotChecked extends Member {
  override receiveFrame(link: LinkName, frame: ClusterFrame, nowMs: number): void {
    const changes = ["handover", "claimed"].includes(frame.kind) || this.role !== "primary";
    super.receiveFrame(link, changes ? frame : { ...frame, epoch: this.epoch }, nowMs);
  }
}

/** Sends on what another member wanted sent, whatever has become of that. */
class RelayWithoutEpoch extends Member {
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
class GateOpenedTooEarly extends Member {
  override takeOutputs(nowMs: number): MemberOutputs {
    const outputs = super.takeOutputs(nowMs);
    if (!outputs.frames.some(({ frame }) => frame.kind === "synced")) return outputs;
    for (const association of this.active?.endpoint.associations() ?? [])
      super.receiveFrame("partner", { kind: "held", epoch: this.epoch, association, sequence: 1e9 }, nowMs);
    return outputs;
  }
}

/** Goes on as soon as it reads that it was handed the associations, however old that word is. */
class HandoverWithoutProof extends Member {
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

const withEndpoint = (Made: typeof Endpoint): Makers => ({
  ...realMakers,
  endpoint: (config, random) => new Made(config, random),
});
const withMember = (Made: new (options: MemberOptions, nowMs: number) => Member): Makers => ({
  ...realMakers,
  member: (options, nowMs) => new Made(options, nowMs),
});

/** The primary stands still for so long that the standby takes over, and goes on. */
function zombie(knobs: Knobs): Knobs {
  const frozen = {
    machine: "a",
    forMs: 3 * knobs.takeoverAfterMs,
    timersFirst: false,
    batch: false,
  } as const;
  const happenings = [{ atMs: 200, what: { kind: "freeze", ...frozen } as const }];
  return { ...knobs, fencing: "prefer-availability", activeMs: 1500, crashes: [], happenings };
}

export const mutants: readonly Mutant[] = [
  {
    name: "SACK before commit",
    makers: withEndpoint(SackBeforeCommit),
    withinSeeds: 200,
    properties: ["the cumulative TSN never goes back", "liveness"],
  },
  {
    name: "delivery mark forgotten",
    makers: withEndpoint(DeliveryMarkForgotten),
    withinSeeds: 60,
    properties: ["nothing is delivered twice", "an update delivers one message"],
  },
  {
    name: "epoch not checked",
    makers: withMember(EpochNotChecked),
    focus: zombie,
    withinSeeds: 30,
    properties: ["nothing of a fenced epoch is sent"],
  },
  {
    name: "relay without epoch",
    makers: withMember(RelayWithoutEpoch),
    withinSeeds: 400,
    properties: ["nothing of a fenced epoch is sent"],
  },
  {
    name: "gate opened too early",
    makers: withMember(GateOpenedTooEarly),
    withinSeeds: 60,
    properties: ["what is released was acknowledged before"],
  },
  {
    name: "handover without proof",
    makers: withMember(HandoverWithoutProof),
    withinSeeds: 400,
    properties: [
      "nothing of a fenced epoch is sent",
      "every primary has an epoch of its own, later than all before",
    ],
  },
];
