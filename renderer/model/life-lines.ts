import type { Lane, Outage, RunOverview, Service } from "../../main/api/contract.ts";
import { hostOfLane } from "./packet-kinds.ts";

export interface Span {
  readonly fromUs: number;
  readonly toUs: number;
}

/** What a lane's line shows: when it lived, and on the lane of an instance when it served under which epoch. */
export interface LifeLine {
  readonly alive: readonly Span[];
  readonly gone: readonly Span[];
  readonly serving: readonly Service[];
}

/** Whether an outage of a host takes a lane with it: nobody answers at the address of an instance that is gone. */
function concerns({ host, what }: Outage, lane: Lane): boolean {
  if (host !== hostOfLane(lane)) return false;
  return lane === "a" || lane === "b" || lane === "keeper" ? what === "instance" : true;
}

/** Of both ends. */
const servicesOfRun = ({ services, outsideServices }: RunOverview): readonly Service[] => [
  ...services,
  ...outsideServices,
];

/** A lane that stands for an address of the cluster alone; a computer of the outside end has one lane. */
const isAddress = (lane: Lane): boolean => lane === "a-address" || lane === "b-address";

export function lifeLine(lane: Lane, overview: RunOverview): LifeLine {
  const { fromUs, toUs } = overview;
  const gone = overview.outages
    .filter((outage) => concerns(outage, lane))
    .map((outage) => ({ fromUs: outage.fromUs, toUs: outage.toUs ?? toUs }))
    .toSorted((one, other) => one.fromUs - other.fromUs);
  const alive: Span[] = [];
  let since = fromUs;
  for (const span of gone) {
    if (span.fromUs > since) alive.push({ fromUs: since, toUs: span.fromUs });
    since = Math.max(since, span.toUs);
  }
  if (since < toUs) alive.push({ fromUs: since, toUs });
  const host = hostOfLane(lane);
  const serving = isAddress(lane) ? [] : servicesOfRun(overview).filter((service) => service.host === host);
  return { alive, gone, serving };
}
