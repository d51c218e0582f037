import type { Mark } from "../../main/api/contract.ts";
import { clampViewport, type Viewport } from "./viewport.ts";

/** The four instants of a failover, as far as the run reached them. */
export interface Failover {
  readonly faultUs?: number;
  readonly detectedUs?: number;
  readonly firstPacketUs?: number;
  readonly restoredUs?: number;
}

/** A stretch between two of those instants. */
export interface Band {
  readonly id: "detection" | "takeover" | "restoration";
  readonly title: string;
  readonly fromUs: number;
  readonly toUs: number;
}

/** How much of the undisturbed run the first view shows on either side of the failover. */
const AROUND_US = 150_000;

/** The first fault, and the first instant of each later kind that follows it. */
export function findFailover(marks: readonly Mark[]): Failover {
  const ordered = [...marks].sort((one, other) => one.atUs - other.atUs);
  // Where nothing was broken, a planned switch-over is what there is to look at.
  const fault =
    ordered.find((mark) => mark.kind === "fault") ?? ordered.find((mark) => mark.kind === "handover");
  if (fault === undefined) return {};
  const after = (kind: Mark["kind"]): number | undefined =>
    ordered.find((mark) => mark.kind === kind && mark.atUs >= fault.atUs)?.atUs;
  const detectedUs = after("detected");
  const firstPacketUs = after("first-packet");
  const restoredUs = after("restored");
  return {
    faultUs: fault.atUs,
    ...(detectedUs === undefined ? {} : { detectedUs }),
    ...(firstPacketUs === undefined ? {} : { firstPacketUs }),
    ...(restoredUs === undefined ? {} : { restoredUs }),
  };
}

/** Bands in time order; an instant that is missing joins its neighbours into one longer band. */
export function failoverBands(failover: Failover): Band[] {
  const bands: Band[] = [];
  let fromUs = failover.faultUs;
  const add = (id: Band["id"], title: string, toUs: number | undefined): void => {
    if (fromUs === undefined || toUs === undefined || toUs < fromUs) return;
    bands.push({ id, title, fromUs, toUs });
    fromUs = toUs;
  };
  add("detection", "unnoticed", failover.detectedUs);
  add("takeover", "takeover", failover.firstPacketUs);
  add("restoration", "recovery", failover.restoredUs);
  return bands;
}

/** The view that shows the whole failover at once; the whole run where there was none. */
export function failoverViewport(failover: Failover, bounds: Viewport): Viewport {
  if (failover.faultUs === undefined) return bounds;
  const { faultUs, detectedUs = faultUs, firstPacketUs = faultUs, restoredUs = faultUs } = failover;
  const last = Math.max(detectedUs, firstPacketUs, restoredUs);
  return clampViewport({ fromUs: faultUs - AROUND_US, toUs: last + AROUND_US }, bounds);
}

/** The mark after (`direction` 1) or before (-1) an instant, or undefined at the end of the run. */
export function stepMark(marks: readonly Mark[], fromUs: number, direction: 1 | -1): Mark | undefined {
  let best: Mark | undefined;
  for (const mark of marks) {
    const ahead = direction === 1 ? mark.atUs > fromUs : mark.atUs < fromUs;
    if (!ahead) continue;
    if (best === undefined || (direction === 1 ? mark.atUs < best.atUs : mark.atUs > best.atUs)) best = mark;
  }
  return best;
}
