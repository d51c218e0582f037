import type { ReactElement } from "react";
import type { Lane, LeaseHeld, RunOverview, Service } from "../../main/api/contract.ts";
import { yAt, type LadderGeometry } from "../charts/ladder/geometry.ts";
import { lifeLine, type Span } from "../model/life-lines.ts";

interface LifeLineProps {
  readonly lane: Lane;
  readonly geometry: LadderGeometry;
  readonly overview: RunOverview;
}

/** Colours repeat after so many epochs; the number beside the bar does not. */
const EPOCH_COLOURS = 4;

const epochClass = (epoch: number): string => `epoch-${epoch % EPOCH_COLOURS}`;

function clipped({ top, bottom, ...geometry }: LadderGeometry, { fromUs, toUs }: Span): [number, number] {
  const whole = { ...geometry, top, bottom };
  const clamp = (atUs: number): number => Math.min(bottom, Math.max(top, yAt(whole, atUs)));
  return [clamp(fromUs), clamp(toUs)];
}

/** Solid while it lives, dotted while it is gone; thick, in the colour of the epoch, where the instance serves. */
export function LifeLine({ lane, geometry, overview }: LifeLineProps): ReactElement {
  const x = geometry.laneX[lane];
  const { alive, gone, serving } = lifeLine(lane, overview);
  const line = (span: Span, kind: string): ReactElement | null => {
    const [y1, y2] = clipped(geometry, span);
    return y2 <= y1 ? null : (
      <line key={`${kind} ${span.fromUs}`} className={kind} x1={x} x2={x} y1={y1} y2={y2} />
    );
  };
  return (
    <g className="life-line">
      {alive.map((span) => line(span, "alive"))}
      {gone.map((span) => line(span, "dead"))}
      {serving.map((service) => {
        const [y1, y2] = clipped(geometry, service);
        if (y2 <= y1) return null;
        const className = `serving ${epochClass(service.epoch)}`;
        return <rect key={service.epoch} className={className} x={x - 3} y={y1} width={6} height={y2 - y1} />;
      })}
    </g>
  );
}

const TAG_WIDTH = 50;
const TAG_HEIGHT = 15;

/** The epoch at the head of each bar, so that its colour needs no key. */
export function EpochTags({ geometry, overview }: Omit<LifeLineProps, "lane">): ReactElement {
  return (
    <g className="epoch-tags">
      {geometry.lanes.flatMap(({ lane }) =>
        lifeLine(lane, overview).serving.map((service) => (
          <EpochTag
            key={`${lane} ${service.epoch}`}
            x={geometry.laneX[lane]}
            geometry={geometry}
            service={service}
          />
        )),
      )}
    </g>
  );
}

function EpochTag({
  x,
  geometry,
  service,
}: {
  readonly x: number;
  readonly geometry: LadderGeometry;
  readonly service: Service;
}): ReactElement | null {
  const [y1, y2] = clipped(geometry, service);
  if (y2 - y1 < TAG_HEIGHT) return null;
  return (
    <g className={epochClass(service.epoch)}>
      <rect className="epoch-tag" x={x - TAG_WIDTH / 2} y={y1} width={TAG_WIDTH} height={TAG_HEIGHT} rx={3} />
      <text x={x} y={y1 + 11}>
        epoch {service.epoch}
      </text>
    </g>
  );
}

/** Nearer than this they would hide the bar behind them: then only the table tells them. */
const LEASE_DISTANCE_PX = 22;
const LEASE_PX = 4;

/** Diamonds on the lane of the instance that serves: from there on it might use TSNs up to a new limit. */
export function LeaseMarks({ geometry, overview }: Omit<LifeLineProps, "lane">): ReactElement | null {
  const { fromUs, toUs } = geometry.view;
  const shown = overview.leases.filter(({ atUs }) => atUs >= fromUs && atUs <= toUs);
  if (shown.length * LEASE_DISTANCE_PX > geometry.bottom - geometry.top) return null;
  return (
    <g className="leases">
      {shown.map((lease) => (
        <LeaseMark key={`${lease.atUs} ${lease.limitTsn}`} geometry={geometry} lease={lease} />
      ))}
    </g>
  );
}

function LeaseMark({
  geometry,
  lease,
}: {
  readonly geometry: LadderGeometry;
  readonly lease: LeaseHeld;
}): ReactElement {
  const x = geometry.laneX[lease.host === "b" ? "b" : "a"];
  const y = yAt(geometry, lease.atUs);
  const d = `M${x - LEASE_PX} ${y} L${x} ${y - LEASE_PX} L${x + LEASE_PX} ${y} L${x} ${y + LEASE_PX} Z`;
  return (
    <path className="lease" d={d}>
      <title>{`lease acknowledged: TSNs below ${lease.limitTsn}`}</title>
    </path>
  );
}
