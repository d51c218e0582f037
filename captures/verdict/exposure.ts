import { isOutside } from "./ends.ts";
import { breaksSomething } from "./failover.ts";
import type { MissingMessage } from "./losses.ts";
import type { EventBound, PolicyPromise } from "./policy.ts";
import { isAsynchronous } from "./policy.ts";
import type { Evidence } from "./report.ts";
import type { Scene } from "./scene.ts";
import { clockSlackMicros } from "./scene.ts";
import type { Tenure } from "./tenures.ts";

/** What a synchronisation may take on its way, beside the time by which a computer was seen to stand still. */
const transferMicros = 25_000;

/** How old the losses were against what the policy allows. */
export interface Exposure {
  /** What lies beyond the bound. */
  readonly beyond: readonly Evidence[];
  /** In words that follow a number of losses. */
  readonly within: string;
}

/** A takeover under an asynchronous policy, and from when on nothing more could reach the holder. */
interface Break {
  readonly policy: PolicyPromise;
  readonly tenure: Tenure;
  readonly fromUs: number;
}

function breaksOf({ succession: { tenures }, policies, history }: Scene): Break[] {
  const others = new Set(history.hosts.filter(isOutside).map(({ name }) => name));
  return tenures.flatMap((tenure, index) => {
    const { toUs } = tenure;
    if (toUs === undefined || tenures[index + 1]?.began !== "takeover") return [];
    const policy = policies.at(toUs);
    if (!isAsynchronous(policy)) return [];
    const fault = history.faults.find(
      (mark) =>
        breaksSomething(mark) && !others.has(mark.host) && mark.at >= tenure.fromUs && mark.at <= toUs,
    );
    return [{ policy, tenure, fromUs: fault?.at ?? toUs }];
  });
}

/** The longest time for which a member or the holder stood still, by their own records. */
function longestStall({ history }: Scene): number {
  return history.events.reduce((longest, { name, detail }) => {
    const { stalledMs } = detail;
    return name === "stall" && typeof stalledMs === "number" ? Math.max(longest, stalledMs * 1000) : longest;
  }, 0);
}

const pointTo = ({ seen }: MissingMessage): Partial<Evidence> =>
  seen === undefined ? {} : { atUs: seen.atUs, packetId: seen.packetId, host: seen.host };

const nameOf = ({ flow, streamId, number }: MissingMessage): string =>
  `flow ${flow}, stream ${streamId}, number ${number}`;

const milliseconds = (micros: number): string => `${(micros / 1000).toFixed(1)} ms`;

/** When a message got into the state: sent by the cluster, or come to it in the last copy that the peer sent. */
const passedAt = ({ isInbound, seen }: MissingMessage): number | undefined =>
  isInbound ? seen?.lastUs : seen?.atUs;

/** Policy `interval`: nothing may be lost that passed more than one interval before the break. */
function byInterval(lost: readonly MissingMessage[], at: Break, slackMicros: number): Exposure {
  const allowedMicros = (at.policy.intervalMs ?? 0) * 1000 + slackMicros;
  let oldest = 0;
  const beyond: Evidence[] = [];
  for (const message of lost) {
    const passedUs = passedAt(message);
    if (passedUs === undefined) continue;
    const ageMicros = at.fromUs - passedUs;
    oldest = Math.max(oldest, ageMicros);
    if (ageMicros <= allowedMicros) continue;
    const text = `${nameOf(message)} passed ${milliseconds(ageMicros)} before the fault; the interval and its transfer take ${milliseconds(allowedMicros)}`;
    beyond.push({ text, ...pointTo(message) });
  }
  return { beyond, within: `, the oldest ${milliseconds(oldest)} before the fault` };
}

function sizeOf(scene: Scene, { flow, streamId, number }: MissingMessage): number {
  const record = scene.history.messages.find(
    (each) => each.flow === flow && each.streamId === streamId && each.number === number,
  );
  return record?.sizeBytes ?? 0;
}

/** Policy `event`: what had passed when the last synchronisation should have begun is no more than may wait. */
function byEvents(
  scene: Scene,
  lost: readonly MissingMessage[],
  bounds: readonly EventBound[],
  at: Break,
  slackMicros: number,
): Exposure {
  const settled = lost.filter(
    (message) => (passedAt(message) ?? Number.POSITIVE_INFINITY) < at.fromUs - slackMicros,
  );
  const beyond = bounds.flatMap(({ what, count }): Evidence[] => {
    // Each message makes at least one update and has at least one TSN.
    const amount =
      what === "bytes" ? settled.reduce((sum, message) => sum + sizeOf(scene, message), 0) : settled.length;
    if (amount <= count) return [];
    const unit = what === "bytes" ? "bytes" : "messages";
    const text = `${amount} ${unit} were lost that passed more than ${milliseconds(slackMicros)} before the fault; the event comes after ${count} ${what}`;
    return [{ text, atUs: at.fromUs, host: at.tenure.host }];
  });
  const most = bounds.map(({ what, count }) => `${count} ${what}`).join(" or ");
  return { beyond, within: most === "" ? "" : `, at most ${most} waited` };
}

/** Policy `impending-failure`, from then on every update: nothing that passed after that may be lost. */
function afterAnnouncement(scene: Scene, lost: readonly MissingMessage[], at: Break): Exposure {
  const { events, updates } = scene.history;
  const announced = events.find(
    ({ name, at: us }) => name === "impending-failure" && us >= at.tenure.fromUs && us <= at.fromUs,
  );
  // Whoever holds it writes a whole state down as `opened`.
  const synchronised = updates.find(
    ({ act, change, at: us }) =>
      announced !== undefined &&
      act === "held" &&
      change === "opened" &&
      us >= announced.at &&
      us <= at.fromUs,
  );
  if (synchronised === undefined) return { beyond: [], within: "" };
  const beyond = lost.flatMap((message): Evidence[] => {
    if (message.seen === undefined) return [];
    const text = `${nameOf(message)} was lost although all was held before the fault, and every update from then on`;
    return [{ text, ...pointTo(message) }];
  });
  return { beyond, within: "" };
}

/** Judges losses by when they passed, against what the policy in force at the takeover allows. */
export function exposureOf(scene: Scene, lost: readonly MissingMessage[]): Exposure {
  const slackMicros = transferMicros + longestStall(scene) + clockSlackMicros(scene.history.hosts);
  const exposures = breaksOf(scene).map((each, index, all): Exposure => {
    const until = all[index + 1]?.tenure.fromUs ?? Number.POSITIVE_INFINITY;
    const mine = lost.filter(({ seen }) => {
      return seen === undefined || (seen.atUs >= each.tenure.fromUs && seen.atUs < until);
    });
    const { kind, bounds = [], thenEveryUpdate } = each.policy;
    if (kind === "interval") return byInterval(mine, each, slackMicros);
    if (kind === "event") return byEvents(scene, mine, bounds, each, slackMicros);
    return thenEveryUpdate === true ? afterAnnouncement(scene, mine, each) : { beyond: [], within: "" };
  });
  return {
    beyond: exposures.flatMap(({ beyond }) => beyond),
    within: exposures.map(({ within }) => within).find((within) => within !== "") ?? "",
  };
}
