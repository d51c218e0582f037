import type { LadderWindow, Lane, Replication, Service, Transmission } from "../../../main/api/contract.ts";
import { instantAt, yAt, type LadderGeometry } from "./geometry.ts";

/** One packet as a line in the picture. */
export interface PacketLine {
  readonly transmission: Transmission;
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
  readonly repeated: boolean;
  readonly lost: boolean;
}

export interface ReplicationLine {
  readonly replication: Replication;
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  /** Undefined while the secondary never held it. */
  readonly heldY?: number;
  readonly ackedY?: number;
}

/** A slice of the density answer: a bar that grows from the sender's lane toward the receiver's. */
export interface DensityBar {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly from: Lane;
  readonly to: Lane;
  readonly count: number;
}

/** How far the holder was behind, as bars that grow outward from the lane of the instance that served. */
export interface LagBand {
  readonly bars: readonly (Rectangle & { readonly lost: boolean })[];
  /** The longest bar's lag, and where it stands. */
  readonly most?: {
    readonly lagUs: number;
    readonly x: number;
    readonly y: number;
    readonly outward: 1 | -1;
  };
}

interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface LadderLayout {
  readonly geometry: LadderGeometry;
  readonly exact: boolean;
  /** By `sentUs`; all that touch the view. */
  readonly packets: readonly PacketLine[];
  readonly replications: readonly ReplicationLine[];
  readonly bars: readonly DensityBar[];
  readonly lag: LagBand;
  /** Packets with room for their text: none other runs through it. */
  readonly withText: ReadonlySet<PacketLine>;
  /** By id: what packets in view repeat, drawn or not; a line may lie far outside the view. */
  readonly firstCopies: ReadonlyMap<number, PacketLine>;
  /** Pixels of height that one packet has on average: decides on arrow heads, glyphs and texts. */
  readonly spacing: number;
}

/** A lost packet is drawn as far as this share of the way, with the transit of its neighbours. */
const LOST_SHARE = 0.55;
/** A density bar may fill this share of the distance to the next lane. */
const BAR_SHARE = 0.44;

export function layoutLadder(
  ladder: LadderWindow,
  geometry: LadderGeometry,
  hidden: ReadonlySet<Transmission["kind"]>,
  services: readonly Service[] = [],
): LadderLayout {
  const shown = ladder.transmissions.filter((item) => !hidden.has(item.kind));
  const transit = medianTransit(ladder.transmissions);
  const packets = shown
    .map((item) => packetLine(item, geometry, transit))
    .filter((line) => inView(line, geometry));
  const replications = ladder.replications
    .map((item) => replicationLine(item, geometry))
    .filter(
      (line) =>
        Math.max(line.y1, line.heldY ?? 0, line.ackedY ?? 0) >= geometry.top && line.y1 <= geometry.bottom,
    );
  const spacing = (geometry.bottom - geometry.top) / Math.max(1, packets.length);
  return {
    geometry,
    exact: ladder.exact,
    packets,
    replications,
    bars: ladder.exact ? [] : densityBars(ladder, geometry),
    lag: lagBand(ladder, geometry, services),
    withText: spacing >= TEXT_SPACING_PX ? linesWithText(packets) : new Set(),
    firstCopies: firstCopies(ladder, packets, geometry, transit),
    spacing,
  };
}

/** In a denser picture a few stray texts would only distract. */
const TEXT_SPACING_PX = 3.5;
/** Height of a text above its line. */
const TEXT_ROOM_PX = 13;

function linesWithText(packets: readonly PacketLine[]): Set<PacketLine> {
  const chosen = new Set<PacketLine>();
  let above = Number.NEGATIVE_INFINITY;
  for (const line of packets) {
    const middle = (line.y1 + line.y2) / 2;
    if (middle - above >= TEXT_ROOM_PX) chosen.add(line);
    above = Math.max(above, middle);
  }
  return chosen;
}

function firstCopies(
  ladder: LadderWindow,
  packets: readonly PacketLine[],
  geometry: LadderGeometry,
  transitUs: number,
): Map<number, PacketLine> {
  const wanted = new Set(packets.map((line) => line.transmission.repeats).filter((id) => id !== undefined));
  const found = ladder.transmissions.filter((item) => wanted.has(item.id));
  return new Map(found.map((item) => [item.id, packetLine(item, geometry, transitUs)]));
}

function inView(line: PacketLine, geometry: LadderGeometry): boolean {
  return Math.max(line.y1, line.y2) >= geometry.top && Math.min(line.y1, line.y2) <= geometry.bottom;
}

function medianTransit(items: readonly Transmission[]): number {
  const transits = items.flatMap((item) =>
    item.receivedUs === undefined ? [] : [item.receivedUs - item.sentUs],
  );
  transits.sort((one, other) => one - other);
  return transits[transits.length >> 1] ?? 0;
}

function packetLine(item: Transmission, geometry: LadderGeometry, transitUs: number): PacketLine {
  const x1 = geometry.laneX[item.from];
  const target = geometry.laneX[item.to];
  const lost = item.receivedUs === undefined;
  const endUs = item.receivedUs ?? item.sentUs + transitUs * LOST_SHARE;
  return {
    transmission: item,
    x1,
    y1: yAt(geometry, item.sentUs),
    x2: lost ? x1 + (target - x1) * LOST_SHARE : target,
    y2: yAt(geometry, endUs),
    repeated: item.repeats !== undefined,
    lost,
  };
}

function replicationLine(item: Replication, geometry: LadderGeometry): ReplicationLine {
  return {
    replication: item,
    x1: geometry.laneX[item.from ?? "a"],
    y1: yAt(geometry, item.madeUs),
    x2: geometry.laneX[item.to ?? "b"],
    ...(item.heldUs === undefined ? {} : { heldY: yAt(geometry, item.heldUs) }),
    ...(item.ackedUs === undefined ? {} : { ackedY: yAt(geometry, item.ackedUs) }),
  };
}

/** The longest lag in view fills this share of the distance to the next lane. */
const LAG_SHARE = 0.5;
/** Unless it is shorter than this: what output commit always waits for is no alarm. */
const NOTABLE_LAG_US = 5_000;
const LABELLED_LAG_PX = 5;

function lagBand(ladder: LadderWindow, geometry: LadderGeometry, services: readonly Service[]): LagBand {
  const shown = ladder.lag.filter(
    ({ fromUs, toUs }) => toUs >= geometry.view.fromUs && fromUs <= geometry.view.toUs,
  );
  const longest = shown.reduce<LadderWindow["lag"][number] | undefined>(
    (most, slice) => (most === undefined || slice.lagUs > most.lagUs ? slice : most),
    undefined,
  );
  if (longest === undefined) return { bars: [] };
  const room = (geometry.laneX.a - geometry.laneX["a-address"]) * LAG_SHARE;
  const place = (slice: LadderWindow["lag"][number]) => {
    const served = services.findLast(({ fromUs }) => fromUs < slice.toUs)?.host;
    const outward = served === "b" ? 1 : -1;
    const lane = geometry.laneX[served === "b" ? "b" : "a"] + outward * LAG_OFFSET_PX;
    const width = Math.max(1, (slice.lagUs / Math.max(longest.lagUs, NOTABLE_LAG_US)) * room);
    const y = Math.max(geometry.top, yAt(geometry, slice.fromUs));
    const height = Math.max(1, Math.min(geometry.bottom, yAt(geometry, slice.toUs)) - y);
    return { x: outward === 1 ? lane : lane - width, y, width, height, outward } as const;
  };
  const { x, y, width, outward } = place(longest);
  const bars = shown.map((slice) => ({ ...place(slice), lost: slice.lost }));
  if (width < LABELLED_LAG_PX) return { bars };
  return { bars, most: { lagUs: longest.lagUs, x: outward === 1 ? x + width : x, y, outward } };
}

/** Clear of the bar that marks the instance that serves. */
const LAG_OFFSET_PX = 5;

/** Bars of one sender in one slice stand one after the other, so that none hides another. */
function densityBars(ladder: LadderWindow, geometry: LadderGeometry): DensityBar[] {
  const most = Math.max(1, ...ladder.density.flatMap((lane) => Math.max(0, ...lane.counts)));
  const laneStep = Math.abs(geometry.laneX["a-address"] - geometry.laneX.peer);
  const used = new Map<string, number>();
  const bars: DensityBar[] = [];
  for (const { from, to, counts } of ladder.density) {
    const sign = geometry.laneX[to] >= geometry.laneX[from] ? 1 : -1;
    const sliceUs = (ladder.toUs - ladder.fromUs) / Math.max(1, counts.length);
    for (const [index, count] of counts.entries()) {
      const y = yAt(geometry, ladder.fromUs + index * sliceUs);
      const end = yAt(geometry, ladder.fromUs + (index + 1) * sliceUs);
      if (count === 0 || end < geometry.top || y > geometry.bottom) continue;
      const slot = `${from} ${sign} ${index}`;
      const before = used.get(slot) ?? 0;
      const width = Math.max(1, (count / most) * laneStep * BAR_SHARE);
      used.set(slot, before + width);
      const start = geometry.laneX[from] + sign * before;
      bars.push({
        x: sign === 1 ? start : start - width,
        y,
        width,
        height: Math.max(1, end - y),
        from,
        to,
        count,
      });
    }
  }
  return bars;
}

/** The packet line nearest to a point, within `reachPx`. Lines must be ordered by `y1`. */
export function hitPacket(
  layout: LadderLayout,
  x: number,
  y: number,
  reachPx: number,
): PacketLine | undefined {
  let best: PacketLine | undefined;
  let bestDistance = reachPx;
  const tallest = layout.packets.reduce((most, line) => Math.max(most, line.y2 - line.y1), 0);
  for (
    let index = firstAtOrAfter(layout.packets, y - tallest - reachPx);
    index < layout.packets.length;
    index += 1
  ) {
    const line = layout.packets[index];
    if (line === undefined || line.y1 > y + reachPx) break;
    const distance = distanceToLine(line, x, y);
    if (distance <= bestDistance) {
      best = line;
      bestDistance = distance;
    }
  }
  return best;
}

function firstAtOrAfter(lines: readonly PacketLine[], y: number): number {
  let low = 0;
  let high = lines.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((lines[middle]?.y1 ?? Number.POSITIVE_INFINITY) < y) low = middle + 1;
    else high = middle;
  }
  return low;
}

function distanceToLine(line: PacketLine, x: number, y: number): number {
  const dx = line.x2 - line.x1;
  const dy = line.y2 - line.y1;
  const lengthSquared = dx * dx + dy * dy;
  const along = lengthSquared === 0 ? 0 : ((x - line.x1) * dx + (y - line.y1) * dy) / lengthSquared;
  const share = Math.min(1, Math.max(0, along));
  return Math.hypot(x - (line.x1 + share * dx), y - (line.y1 + share * dy));
}

/** The instant under a height, kept inside the view. */
export function scrubInstant(geometry: LadderGeometry, y: number): number {
  return instantAt(geometry, Math.min(geometry.bottom, Math.max(geometry.top, y)));
}
