import type { EventName, FlowName, SendReason } from "../../agents/control/records.ts";
import type { ChunkSummary, SctpSummary } from "../../captures/dissect/summary.ts";
import type {
  CaptureInfo,
  FaultMark,
  FlowTotal,
  History,
  HistoryHost,
  HostAcked,
  HostEvent,
  HostMessage,
  HostSent,
  HostUpdate,
  MessageHead,
  ObservedPacket,
  RunTerms,
} from "../../captures/verdict/history.ts";

/** A list of a `History` that a test may change before it is judged. */
type Draft<T> = { -readonly [K in keyof T]: T[K] };

const startUs = 1_700_000_000_000_000;
export const addressOf = { a: "192.0.2.11", b: "192.0.2.12", peer: "192.0.2.20" } as const;
export type HostName = keyof typeof addressOf;

const tags = { peer: 0x1111_1111, cluster: 0x2222_2222 };
export const firstTsn = { peer: 0xffff_fffa, cluster: 5000 };

const type = {
  DATA: 0,
  INIT: 1,
  INIT_ACK: 2,
  SACK: 3,
  HEARTBEAT: 4,
  HEARTBEAT_ACK: 5,
  ABORT: 6,
  COOKIE_ECHO: 10,
  COOKIE_ACK: 11,
  SHUTDOWN_COMPLETE: 14,
} as const;

export function chunk(name: keyof typeof type, fields: Partial<ChunkSummary> = {}): ChunkSummary {
  return { type: name, typeNumber: type[name], flags: 0, lengthBytes: 16, ...fields };
}

export function dataChunk(tsn: number, streamId: number, ssn: number, payloadBytes = 32): ChunkSummary {
  const lengthBytes = 16 + payloadBytes;
  const whole = { beginning: true, ending: true, unordered: false, flags: 3 };
  return chunk("DATA", { tsn, streamId, ssn, ppid: 0, payloadBytes, lengthBytes, ...whole });
}

export function sackChunk(cumulativeTsn: number): ChunkSummary {
  return chunk("SACK", { cumulativeTsn, advertisedWindow: 65_536, gaps: [], duplicateTsns: [] });
}

/**
 * Tells a run step by step on one clock and writes down what all parts would have recorded. Every list
 * is open: a test plants its violation and then asks for the history.
 */
export class HistoryBuilder {
  now = startUs;
  hosts: Draft<HistoryHost>[] = [
    { name: "a", role: "primary", outsideAddress: addressOf.a, clockErrorMicros: 0 },
    { name: "b", role: "secondary", outsideAddress: addressOf.b, clockErrorMicros: 0 },
    { name: "peer", role: "peer", outsideAddress: addressOf.peer, clockErrorMicros: 0 },
  ];
  captures: Draft<CaptureInfo>[] = [];
  packets: Draft<ObservedPacket>[] = [];
  updates: Draft<HostUpdate>[] = [];
  acked: Draft<HostAcked>[] = [];
  sent: Draft<HostSent>[] = [];
  messages: Draft<HostMessage>[] = [];
  events: Draft<HostEvent>[] = [];
  faults: Draft<FaultMark>[] = [];
  totals: Draft<FlowTotal>[] = [];
  terms: Draft<RunTerms> = {};
  heads: Draft<MessageHead>[] = [];
  #checksum = 0x1000;
  #sequence = 0;
  /** Updates that were made and not sent to the holder yet. */
  #waiting: HostUpdate[] = [];
  readonly #tsn = { ...firstTsn };
  readonly #numbers = new Map<string, number>();

  /** Numbers the messages of a flow and stream: 0, 1, 2 ... */
  nextNumber(flow: FlowName, streamId: number): number {
    const key = `${flow}/${streamId}`;
    const number = this.#numbers.get(key) ?? 0;
    this.#numbers.set(key, number + 1);
    return number;
  }

  nextTsn(side: "peer" | "cluster"): number {
    const tsn = this.#tsn[side];
    this.#tsn[side] = (tsn + 1) >>> 0;
    return tsn;
  }

  wait(micros: number): this {
    this.now += micros;
    return this;
  }

  /** A packet on its way; 100 us later it arrives, unless it is lost. */
  transmit(
    from: HostName,
    to: HostName,
    chunks: readonly ChunkSummary[],
    how: { reason?: SendReason; dependsOn?: number; lost?: boolean; tag?: number; recorded?: boolean } = {},
  ): SctpSummary {
    const first = chunks[0]?.type;
    const tag = how.tag ?? (first === "INIT" ? 0 : to === "peer" ? tags.peer : tags.cluster);
    this.#checksum += 1;
    const sctp: SctpSummary = {
      sourceAddress: addressOf[from],
      destinationAddress: addressOf[to],
      transport: "udp",
      udpSourcePort: 9899,
      udpDestinationPort: 9899,
      sourcePort: from === "peer" ? 7001 : 7000,
      destinationPort: from === "peer" ? 7000 : 7001,
      verificationTag: tag,
      checksum: this.#checksum,
      checksumGood: true,
      sctpBytes: 12 + chunks.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0),
      chunks,
      truncated: false,
    };
    if (how.recorded !== false) {
      this.sent.push({
        kind: "sent",
        at: this.now,
        host: from,
        local: addressOf[from],
        remote: addressOf[to],
        checksum: sctp.checksum,
        reason: how.reason ?? "data",
        dependsOn: how.dependsOn ?? 0,
      });
    }
    this.observe(from, "out", this.now + 5, sctp);
    if (how.lost !== true) this.observe(to, "in", this.now + 105, sctp);
    this.now += 110;
    return sctp;
  }

  observe(host: HostName, direction: "out" | "in", at: number, sctp: SctpSummary): void {
    this.packets.push({ id: 0, at, host, interfaceName: "out", direction, sctp });
  }

  /** The primary makes a change, the secondary holds it 50 us later, the primary knows 40 us after that. */
  replicate(change: string, tsn?: number): number {
    this.#sequence += 1;
    const common = { kind: "update", sequence: this.#sequence, epoch: 1, change, bytes: "AQID" } as const;
    const about = tsn === undefined ? {} : { tsn };
    this.updates.push({ ...common, ...about, host: "a", at: this.now, act: "made" });
    this.updates.push({ ...common, ...about, host: "b", at: this.now + 50, act: "held" });
    this.acked.push({ kind: "acked", host: "a", at: this.now + 90, sequence: this.#sequence });
    this.now += 100;
    return this.#sequence;
  }

  /** A member makes a change that nobody holds yet: the secondary, now alone, in epoch 2, if nothing else is said. */
  makeAlone(change: string, tsn?: number, host: HostName = "b", epoch = 2): number {
    this.#sequence += 1;
    const update: HostUpdate = {
      kind: "update",
      sequence: this.#sequence,
      epoch,
      change,
      bytes: "AQID",
      ...(tsn === undefined ? {} : { tsn }),
      host,
      at: this.now,
      act: "made",
    };
    this.updates.push(update);
    this.#waiting.push(update);
    return this.#sequence;
  }

  /** What waits goes to the holder, which knows of each delivery by it; 90 us later its maker knows. */
  flush(holder: "a" | "b"): this {
    for (const update of this.#waiting) {
      this.updates.push({ ...update, host: holder, at: this.now + 50, act: "held" });
      const delivered = this.messages.find(
        ({ act, host, sequence }) =>
          act === "delivered" && host === update.host && sequence === update.sequence,
      );
      if (delivered !== undefined) this.messages.push({ ...delivered, host: holder, at: this.now + 50 });
    }
    const maker = this.#waiting[0]?.host;
    if (maker !== undefined)
      this.acked.push({ kind: "acked", host: maker, at: this.now + 90, sequence: this.#sequence });
    this.#waiting = [];
    this.now += 100;
    return this;
  }

  /** The holder gets the whole state as it is now, and writes it down as `opened`. */
  holdWhole(maker: "a" | "b", holder: "a" | "b", epoch: number): this {
    const sequence = this.#sequence;
    const whole = { kind: "update", act: "held", epoch, change: "opened", bytes: "AQID" } as const;
    this.updates.push({ ...whole, host: holder, at: this.now + 50, sequence });
    this.acked.push({ kind: "acked", host: maker, at: this.now + 90, sequence });
    this.#waiting = [];
    this.now += 100;
    return this;
  }

  /** The next instance knows nothing of what waits: it gives these numbers out again. */
  rollBack(): void {
    this.#sequence -= this.#waiting.length;
    this.#waiting = [];
  }

  skipTsns(side: "peer" | "cluster", count: number): void {
    this.#tsn[side] = (this.#tsn[side] + count) >>> 0;
  }

  message(
    host: HostName,
    act: "sent" | "delivered",
    flow: FlowName,
    streamId: number,
    number: number,
    sequence?: number,
  ): void {
    this.messages.push({
      kind: "message",
      at: this.now,
      host,
      act,
      flow,
      streamId,
      number,
      sizeBytes: 32,
      intact: true,
      ...(sequence === undefined ? {} : { sequence }),
    });
  }

  event(host: HostName, name: EventName, text: string, detail: HostEvent["detail"] = {}): void {
    this.events.push({ kind: "event", at: this.now, host, name, text, detail });
  }

  /** The history as the store would give it: every list by time, packets numbered in that order. */
  history(): History {
    const byTime = <T extends { readonly at: number }>(list: readonly T[]): T[] =>
      [...list].sort((left, right) => left.at - right.at);
    return {
      hosts: this.hosts,
      captures: this.captures,
      packets: byTime(this.packets).map((packet, index) => ({ ...packet, id: index + 1 })),
      updates: byTime(this.updates),
      acked: byTime(this.acked),
      sent: byTime(this.sent),
      messages: byTime(this.messages),
      events: byTime(this.events),
      faults: byTime(this.faults),
      totals: this.totals,
      ...(Object.keys(this.terms).length === 0 ? {} : { terms: this.terms }),
      ...(this.heads.length === 0 ? {} : { messageHeads: this.heads }),
    };
  }
}

export function setUp(run: HistoryBuilder): void {
  const init = { initiateTag: tags.peer, tsn: firstTsn.peer, addresses: [] as string[] };
  run.transmit("peer", "a", [chunk("INIT", init)], { reason: "setup" });
  const initAck = { initiateTag: tags.cluster, tsn: firstTsn.cluster, addresses: [addressOf.a, addressOf.b] };
  run.transmit("a", "peer", [chunk("INIT_ACK", initAck)], { reason: "setup" });
  run.transmit("peer", "a", [chunk("COOKIE_ECHO")], { reason: "setup" });
  const opened = run.replicate("opened");
  run.transmit("a", "peer", [chunk("COOKIE_ACK")], { reason: "setup", dependsOn: opened });
  run.event("peer", "association-up", "the association is up");
  run.transmit("peer", "b", [chunk("HEARTBEAT")], { reason: "heartbeat" });
  run.transmit("b", "peer", [chunk("HEARTBEAT_ACK")], { reason: "heartbeat-ack" });
  run.event("peer", "address-confirmed", `the address ${addressOf.b} is confirmed`);
}

/** One message up and one down through the primary, everything replicated first. */
function exchangeThroughA(run: HistoryBuilder, streamId: number): void {
  const up = run.nextNumber("up", streamId);
  const upTsn = run.nextTsn("peer");
  run.message("peer", "sent", "up", streamId, up);
  run.transmit("peer", "a", [dataChunk(upTsn, streamId, up)]);
  run.replicate("dataReceived", upTsn);
  const delivered = run.replicate("delivered", upTsn);
  run.message("a", "delivered", "up", streamId, up, delivered);
  run.message("b", "delivered", "up", streamId, up, delivered);
  run.transmit("a", "peer", [sackChunk(upTsn)], { reason: "sack", dependsOn: delivered });
  const down = run.nextNumber("down", streamId);
  const downTsn = run.nextTsn("cluster");
  const queued = run.replicate("messageQueued");
  run.message("a", "sent", "down", streamId, down, queued);
  const assigned = run.replicate("tsnAssigned", downTsn);
  run.transmit("a", "peer", [dataChunk(downTsn, streamId, down)], { dependsOn: assigned });
  run.message("peer", "delivered", "down", streamId, down);
  run.transmit("peer", "a", [sackChunk(downTsn)], { reason: "sack" });
}

function exchangeThroughB(run: HistoryBuilder, streamId: number): void {
  const up = run.nextNumber("up", streamId);
  const upTsn = run.nextTsn("peer");
  run.message("peer", "sent", "up", streamId, up);
  run.transmit("peer", "b", [dataChunk(upTsn, streamId, up)]);
  run.makeAlone("dataReceived", upTsn);
  run.message("b", "delivered", "up", streamId, up, run.makeAlone("delivered", upTsn));
  run.transmit("b", "peer", [sackChunk(upTsn)], { reason: "sack" });
  const down = run.nextNumber("down", streamId);
  const downTsn = run.nextTsn("cluster");
  run.message("b", "sent", "down", streamId, down, run.makeAlone("tsnAssigned", downTsn));
  run.transmit("b", "peer", [dataChunk(downTsn, streamId, down)]);
  run.message("peer", "delivered", "down", streamId, down);
  run.transmit("peer", "b", [sackChunk(downTsn)], { reason: "sack" });
}

/** The primary dies with one DATA on its way that does not arrive; the secondary sends it again. */
function failOver(run: HistoryBuilder): void {
  const streamId = 0;
  const down = run.nextNumber("down", streamId);
  const tsn = run.nextTsn("cluster");
  run.message("a", "sent", "down", streamId, down, run.replicate("messageQueued"));
  const assigned = run.replicate("tsnAssigned", tsn);
  run.transmit("a", "peer", [dataChunk(tsn, streamId, down)], { dependsOn: assigned, lost: true });
  run.wait(500);
  run.faults.push({ at: run.now, host: "a", fault: "kill", text: "SIGKILL of the agent on a" });
  run.wait(50_000);
  run.event("b", "primary-lost", "the primary instance is gone");
  run.wait(100);
  run.event("b", "takeover-started", "taking over in epoch 2");
  run.wait(100);
  run.transmit("b", "peer", [dataChunk(tsn, streamId, down)], { reason: "takeover-retransmission" });
  run.message("peer", "delivered", "down", streamId, down);
  run.transmit("peer", "b", [sackChunk(tsn)], { reason: "sack" });
  run.event("b", "takeover-complete", "the association goes on");
}

/** What is written down at the end of a run: totals, and how each capture went. */
export function conclude(run: HistoryBuilder): void {
  for (const flow of ["up", "down"] as const) {
    for (const streamId of [0, 1]) run.totals.push({ flow, streamId, sent: run.nextNumber(flow, streamId) });
  }
  for (const host of ["a", "b", "peer"] as const) {
    const packets = run.packets.filter((packet) => packet.host === host).length;
    const engine = { engine: "dumpcap", stampQuality: "kernel" } as const;
    run.captures.push({ host, interfaceName: "out", ...engine, packets, drops: 0, complete: true });
  }
}

/** A clean run: set-up, `rounds` exchanges on two streams, failover, `rounds` exchanges, totals. */
export function goodRun(rounds = 6): HistoryBuilder {
  const run = new HistoryBuilder();
  setUp(run);
  for (let round = 0; round < rounds; round += 1) {
    exchangeThroughA(run.wait(1000), round % 2);
  }
  failOver(run);
  for (let round = 0; round < rounds; round += 1) {
    exchangeThroughB(run.wait(1000), round % 2);
  }
  conclude(run);
  return run;
}
