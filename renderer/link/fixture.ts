import type {
  Answer,
  Args,
  DeskLink,
  LadderWindow,
  LagSlice,
  PacketDetail,
  PacketRow,
  RequestName,
  RunOverview,
  RunSummary,
  Transmission,
} from "../../main/api/contract.ts";
import { infoOf } from "./fixture/chunks.ts";
import { frameBytes, makeFrame } from "./fixture/frame.ts";
import { stateAt } from "./fixture/state.ts";
import { tellStory, type Story, type StoryPacket } from "./fixture/story.ts";
import { lossyStory } from "./fixture/lossy-story.ts";
import { headlineOf, lossyHeadline, verdictOf } from "./fixture/verdict.ts";

/** A desk without a lab: synthetic runs from a seed, for development and for tests of the interface. */

export interface FixtureOptions {
  readonly seed: number;
  /** No runs at all, to show how the interface looks on its first day. */
  readonly empty?: boolean;
}

const START_US: number = Date.UTC(2026, 10, 22, 3, 12, 4) * 1_000;
const DENSITY_SLICES = 400;
const LAG_SLICES = 160;
/** The run that shows all of replication; the others tell the plain failover. */
const LOSSY_RUN = "demo-5";
const ADDRESSES: Readonly<Record<string, string>> = { a: "192.0.2.11", b: "192.0.2.12", peer: "192.0.2.20" };
const TAG_TO_CLUSTER = 0x7a6b5c4d;
const TAG_TO_PEER = 0x1f2e3d4c;
const DAMAGED = "The run file is damaged from byte 40960 on; restore it from a copy or delete the folder.";

interface Observation {
  readonly atUs: number;
  readonly host: string;
  readonly packet: StoryPacket;
}

/** Everything about the one story, worked out once. */
interface Book {
  readonly story: Story;
  /** Every packet as seen at each end, by time; row `n` has id `n + 1`. */
  readonly observations: readonly Observation[];
  readonly transmissions: readonly Transmission[];
}

export function fixtureDesk(options: FixtureOptions): DeskLink {
  const story = tellStory(options.seed, START_US);
  const common = writeBook(story);
  const lossy = writeBook(lossyStory(story));
  const runs = options.empty === true ? [] : listRuns(story);
  const bookOf = (runId: string): Book => (findRun(runs, runId).id === LOSSY_RUN ? lossy : common);
  return {
    async send<K extends RequestName>(name: K, args: Args<K>): Promise<Answer<K>> {
      const answers: { [N in RequestName]: (args: Args<N>) => Answer<N> } = {
        "runs.list": () => runs,
        "run.open": ({ runId }) => overviewOf(bookOf(runId), findRun(runs, runId)),
        "run.ladder": (window) => ladderOf(bookOf(window.runId), window),
        "run.packets": ({ runId, offset, limit, filter }) => {
          const book = bookOf(runId);
          const matching = matchingRows(book, filter);
          return {
            total: matching.length,
            rows: matching.slice(offset, offset + limit).map((id) => rowOf(book, id)),
          };
        },
        "run.packet": ({ runId, packetId }) => detailOf(bookOf(runId), packetId),
        "run.packetIndexAt": ({ runId, atUs, filter }) => {
          const book = bookOf(runId);
          const matching = matchingRows(book, filter);
          const index = matching.findIndex((id) => observation(book, id).atUs >= atUs);
          return { index: index < 0 ? Math.max(0, matching.length - 1) : index };
        },
        "run.state": ({ runId, atUs }) => stateAt(bookOf(runId).story, atUs),
        "run.verdict": ({ runId }) => {
          const spoiled = findRun(runs, runId).outcome === "fail";
          const book = bookOf(runId);
          return verdictOf(book.story, (atUs) => nearestRow(book, atUs), spoiled);
        },
      };
      return answers[name](args);
    },
  };
}

function findRun(runs: readonly RunSummary[], runId: string): RunSummary {
  const run = runs.find((entry) => entry.id === runId);
  if (run === undefined) throw new Error(`There is no run ${runId}; go back to the list of runs.`);
  return run;
}

function listRuns(story: Story): RunSummary[] {
  const durationUs = story.toUs - story.fromUs;
  const run = (
    id: string,
    minutesAgo: number,
    title: string,
    peer: string,
    rest: Pick<RunSummary, "outcome" | "headline">,
  ): RunSummary => ({
    id,
    title,
    startedUs: story.fromUs - minutesAgo * 60_000_000,
    durationUs,
    peer,
    ...rest,
  });
  return [
    run("demo-1", 0, "demo: kill the primary under load", "understudy", {
      outcome: "pass",
      headline: headlineOf(story, "pass"),
    }),
    run("demo-2", 14, "demo: kill the primary under load", "usrsctp", {
      outcome: "fail",
      headline: headlineOf(story, "fail"),
    }),
    run("demo-3", 41, "demo: kill the primary under load", "understudy", {
      outcome: "cut-off",
      headline: "The desk ended while the run was recorded; what was recorded can be read.",
    }),
    run("demo-4", 300, "demo", "unknown", { outcome: "damaged", headline: DAMAGED }),
    run(LOSSY_RUN, 320, "demo: interval:50ms, kill, rejoin and hand over", "understudy", {
      outcome: "pass",
      headline: lossyHeadline(story),
    }),
  ];
}

function writeBook(story: Story): Book {
  const observations: Observation[] = story.packets.flatMap((packet) => {
    const sent = { atUs: packet.sentUs, host: hostAt(packet.from), packet };
    if (packet.receivedUs === undefined) return [sent];
    return [sent, { atUs: packet.receivedUs, host: hostAt(packet.to), packet }];
  });
  observations.sort((one, other) => one.atUs - other.atUs);
  const sentRow = new Map<number, number>();
  for (const [index, entry] of observations.entries()) {
    if (!sentRow.has(entry.packet.id)) sentRow.set(entry.packet.id, index + 1);
  }
  const transmissions = story.packets.map(({ chunks: _, ...packet }) => ({
    ...packet,
    packetId: sentRow.get(packet.id) ?? 0,
  }));
  return { story, observations, transmissions };
}

function hostAt(lane: string): string {
  return lane === "peer" ? "peer" : lane.charAt(0);
}

function overviewOf(book: Book, run: RunSummary): RunOverview {
  if (run.outcome === "damaged") throw new Error(DAMAGED);
  const { story } = book;
  return {
    run,
    terms: story.terms,
    services: story.services,
    outsideServices: [],
    outages: story.outages,
    leases: story.leases,
    policies: story.policies,
    hosts: story.hosts,
    associations: [7001],
    captures: ["a", "b", "peer"].map((host) => ({
      host,
      interfaceName: "out",
      engine: "tcpdump" as const,
      stampQuality: "kernel" as const,
      packets: book.observations.filter((entry) => entry.host === host).length,
      drops: 0,
      complete: true,
    })),
    fromUs: story.fromUs,
    toUs: story.toUs,
    marks: story.marks,
    counts: {
      packets: book.observations.length,
      transmissions: story.packets.length,
      updates: story.replications.length,
      messages: 14_512,
    },
    files: {
      folder: `runs/demo/${run.id}`,
      sqlite: `runs/demo/${run.id}/run.sqlite`,
      pcapng: `runs/demo/${run.id}/captures/run.pcapng`,
    },
  };
}

function ladderOf(book: Book, { fromUs, toUs, limit }: Args<"run.ladder">): LadderWindow {
  const touches = (from: number, to: number): boolean => to >= fromUs && from <= toUs;
  const transmissions = book.transmissions.filter((item) =>
    touches(item.sentUs, item.receivedUs ?? item.sentUs),
  );
  const replications = book.story.replications.filter((item) =>
    touches(item.madeUs, item.ackedUs ?? item.madeUs),
  );
  const total = transmissions.length + replications.length;
  const lag = lagOf(book.story, fromUs, toUs);
  if (total <= limit)
    return { fromUs, toUs, exact: true, transmissions, replications, density: [], total, lag };
  const density = new Map<string, { from: Transmission["from"]; to: Transmission["to"]; counts: number[] }>();
  const count = (from: Transmission["from"], to: Transmission["to"], atUs: number): void => {
    const key = `${from} ${to}`;
    const entry = density.get(key) ?? { from, to, counts: Array.from({ length: DENSITY_SLICES }, () => 0) };
    density.set(key, entry);
    const slice = Math.floor(((atUs - fromUs) / (toUs - fromUs)) * DENSITY_SLICES);
    const place = Math.min(DENSITY_SLICES - 1, Math.max(0, slice));
    entry.counts[place] = (entry.counts[place] ?? 0) + 1;
  };
  for (const item of transmissions) count(item.from, item.to, item.sentUs);
  for (const item of replications) count(item.from ?? "a", item.to ?? "b", item.madeUs);
  return {
    fromUs,
    toUs,
    exact: false,
    transmissions: [],
    replications: [],
    density: [...density.values()],
    total,
    lag,
  };
}

/** Age of the oldest update that is not held, at its worst in each of equal slices. */
function lagOf({ replications, marks }: Story, fromUs: number, toUs: number): LagSlice[] {
  const faults = marks.filter(({ kind }) => kind === "fault").map(({ atUs }) => atUs);
  const width = (toUs - fromUs) / LAG_SLICES;
  const slices: LagSlice[] = [];
  for (let index = 0; index < LAG_SLICES; index += 1) {
    const [start, end] = [fromUs + index * width, fromUs + (index + 1) * width];
    let lagUs = 0;
    let lost = false;
    for (const { madeUs, heldUs } of replications) {
      const until = heldUs ?? faults.find((fault) => fault >= madeUs) ?? toUs;
      if (madeUs >= end || until <= start) continue;
      lagUs = Math.max(lagUs, Math.min(until, end) - madeUs);
      lost ||= heldUs === undefined;
    }
    if (lagUs > 0) slices.push({ fromUs: start, toUs: end, lagUs, lost });
  }
  return slices;
}

function observation(book: Book, id: number): Observation {
  const entry = book.observations[id - 1];
  if (entry === undefined) throw new Error(`There is no packet ${id} in this run.`);
  return entry;
}

function matchingRows(book: Book, filter: string): number[] {
  const words = filter
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  const ids: number[] = [];
  for (let id = 1; id <= book.observations.length; id += 1) {
    const text = words.length === 0 ? "" : searchText(book, id);
    if (words.every((word) => text.includes(word))) ids.push(id);
  }
  return ids;
}

function searchText(book: Book, id: number): string {
  const { host, packet } = observation(book, id);
  return `${infoOf(packet.chunks)} ${host} ${ADDRESSES[hostAt(packet.from)]} ${ADDRESSES[hostAt(packet.to)]}`.toLowerCase();
}

function rowOf(book: Book, id: number): PacketRow {
  const { atUs, host, packet } = observation(book, id);
  return {
    id,
    atUs,
    host,
    interfaceName: "out",
    source: ADDRESSES[hostAt(packet.from)] ?? "",
    destination: ADDRESSES[hostAt(packet.to)] ?? "",
    lengthBytes: frameBytes(packet.chunks),
    verificationTag: tagOf(packet),
    checksumGood: true,
    chunks: packet.chunks,
    info: infoOf(packet.chunks),
  };
}

function tagOf(packet: StoryPacket): number {
  if (packet.chunks[0]?.type === "INIT") return 0;
  return packet.from === "peer" ? TAG_TO_CLUSTER : TAG_TO_PEER;
}

function detailOf(book: Book, id: number): PacketDetail {
  const row = rowOf(book, id);
  const frame = makeFrame(row.source, row.destination, row.verificationTag, row.chunks);
  const { packet, host } = observation(book, id);
  const fromCluster = packet.from !== "peer" && host === hostAt(packet.from);
  const dependsOn = book.story.replications.findLast((item) => (item.ackedUs ?? Infinity) <= row.atUs);
  return {
    row,
    tree: frame.tree,
    bytesHex: frame.bytesHex,
    ...(fromCluster && dependsOn !== undefined
      ? {
          sentBecause: {
            reason: packet.repeats === undefined ? packet.kind : "takeover-retransmission",
            dependsOn: dependsOn.lastSequence,
            ...(dependsOn.heldUs === undefined ? {} : { heldUs: dependsOn.heldUs }),
          },
        }
      : {}),
  };
}

function nearestRow(book: Book, atUs: number): number {
  const index = book.observations.findIndex((entry) => entry.atUs >= atUs);
  return (index < 0 ? book.observations.length - 1 : index) + 1;
}
