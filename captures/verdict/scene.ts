import { collectDeliveries } from "./deliveries.ts";
import type { StreamDeliveries } from "./deliveries.ts";
import { fromOutside, isOutside, withOwnBooks } from "./ends.ts";
import { failoverInstants } from "./failover.ts";
import type { FailoverInstants } from "./failover.ts";
import { readHandshake } from "./handshake.ts";
import type { Handshake, WireTransmission } from "./handshake.ts";
import type { History, HistoryHost } from "./history.ts";
import type { PolicyPromise } from "./policy.ts";
import { isAsynchronous, PolicyTimeline } from "./policy.ts";
import type { Succession } from "./tenures.ts";
import { successionOf } from "./tenures.ts";
import { joinTransmissions } from "./transmissions.ts";

/** A history with what several checkers need of it, worked out once, as one end of the association sees it. */
export interface Scene {
  /** The whole run, but for the updates of the other end: each end numbers its own from 1. */
  readonly history: History;
  readonly primary?: HistoryHost;
  readonly secondary?: HistoryHost;
  readonly peer?: HistoryHost;
  /** Transmissions between the cluster and the peer, oldest first. */
  readonly wire: readonly WireTransmission[];
  readonly handshake: Handshake;
  readonly deliveries: ReadonlyMap<string, StreamDeliveries>;
  readonly failover: FailoverInstants;
  readonly succession: Succession;
  readonly policies: PolicyTimeline;
  /** The third computer of the cluster, where there is one that keeps books of its own. */
  readonly keeper?: HistoryHost;
  /** The same run as seen from the outside end, where that is a cluster, too: there it is the cluster. */
  readonly outside?: Scene;
  /** Of the scene of the outside end: the one that has it. */
  readonly near?: Scene;
}

/** The computers of this scene's cluster, as they stand before the title of what is asked of one end. */
export const endName = ({ primary, secondary }: Scene): string =>
  [primary?.name, secondary?.name].filter((name) => name !== undefined).join("/");

/** The policy under which an instance was replaced by one that may know less; absent: there was none. */
export function lossyPolicy({ succession, policies }: Scene): PolicyPromise | undefined {
  const { tenures } = succession;
  const replaced = tenures.filter(({ toUs }, index) => {
    // A planned switch-over waits until everything is held.
    return toUs !== undefined && tenures[index + 1]?.began === "takeover";
  });
  return replaced.map(({ toUs = 0 }) => policies.at(toUs)).find(isAsynchronous);
}

/** Requests and answers went over the association, and no numbered messages. */
export function isDialogue({ history }: Pick<Scene, "history">): boolean {
  const { application } = history.terms ?? {};
  return application === "requester" || application === "responder";
}

/** The host whose books say what was held for `server` at a time of this policy; undefined: nobody keeps any. */
export function holderOf(scene: Scene, server: string, policy: PolicyPromise): HistoryHost | undefined {
  if (policy.placement === "store") return scene.keeper;
  return scene.primary?.name === server ? scene.secondary : scene.primary;
}

/** By how much two stamps of different hosts may be wrong against each other: the sum of the two largest errors. */
export function clockSlackMicros(hosts: readonly HistoryHost[]): number {
  const errors = hosts.map((host) => host.clockErrorMicros).sort((left, right) => right - left);
  return (errors[0] ?? 0) + (errors[1] ?? 0);
}

function wireOf(history: History): readonly WireTransmission[] {
  const peers = new Set<string>();
  for (const host of history.hosts) if (isOutside(host)) peers.add(host.outsideAddress);
  const wire: WireTransmission[] = [];
  for (const joined of joinTransmissions(history.packets, clockSlackMicros(history.hosts))) {
    const { sourceAddress, destinationAddress } = joined.packet.sctp;
    // A third party's packet toward the peer counts too: whatever claims to be the cluster is judged.
    if (peers.has(sourceAddress)) wire.push({ ...joined, toward: "cluster" });
    else if (peers.has(destinationAddress)) wire.push({ ...joined, toward: "peer" });
  }
  return wire;
}

/** The scene of the run; with that of the outside end in it, where that is a cluster, too. */
export function setScene(history: History): Scene {
  const succession = successionOf(history.hosts, history.events, history.updates);
  const deliveries = collectDeliveries(history, succession);
  const near = sceneOf(history, succession, deliveries);
  const across = fromOutside(history);
  if (across === undefined) return near;
  const theirs = successionOf(across.hosts, across.events, across.updates);
  return { ...near, outside: { ...sceneOf(across, theirs, deliveries), near } };
}

function sceneOf(
  whole: History,
  succession: Succession,
  deliveries: ReadonlyMap<string, StreamDeliveries>,
): Scene {
  const history = withOwnBooks(whole);
  const byRole = (role: HistoryHost["role"]): HistoryHost | undefined =>
    history.hosts.find((host) => host.role === role);
  const primary = byRole("primary");
  const secondary = byRole("secondary");
  const peer = byRole("peer");
  const wire = wireOf(history);
  const third = byRole("keeper");
  // A store that is not ours, Redis, keeps no books of our kind: the primary's own say what it had acknowledged.
  const keepsBooks = [history.events, history.updates].some((list) =>
    list.some(({ host }) => host === third?.name),
  );
  const keeper = keepsBooks ? third : undefined;
  return {
    history,
    ...(primary === undefined ? {} : { primary }),
    ...(secondary === undefined ? {} : { secondary }),
    ...(peer === undefined ? {} : { peer }),
    wire,
    handshake: readHandshake(wire),
    deliveries,
    failover: failoverInstants(history, deliveries, succession),
    succession,
    policies: new PolicyTimeline(history, succession.tenures),
    ...(keeper === undefined ? {} : { keeper }),
  };
}
