import { expect } from "vitest";
import type {
  Agreement,
  AssociationState,
  Delivery,
  Notification,
  ProtocolParameters,
} from "../../../agents/sctp/index.ts";
import {
  applyUpdate,
  noExtensions,
  openState,
  rfc9260Parameters,
  seededRandom,
  tsn,
} from "../../../agents/sctp/index.ts";
import { Association } from "../../../agents/sctp/association/association.ts";
import type { AssociationSetting } from "../../../agents/sctp/association/core.ts";
import { Outputs } from "../../../agents/sctp/association/outputs.ts";
import { createAssociationState } from "../../../agents/sctp/association/state.ts";
import type { Chunk, SackChunk } from "../../../agents/sctp/wire/index.ts";
import { PacketArena, parsePacket } from "../../../agents/sctp/wire/index.ts";
import { decodeUpdate } from "../../../agents/replica/index.ts";
import { encodeUpdate } from "../../../agents/replica/update-codec.ts";

const ours = "192.0.2.11";
const theirs = "192.0.2.20";

export interface ReceiverOptions {
  readonly initialTsn?: number;
  /** Where every stream begins, so that numbers wrap soon. */
  readonly initialSsn?: number;
  readonly streams?: number;
  readonly interleaving?: boolean;
  readonly partialReliability?: boolean;
  readonly holdsDeliveries?: boolean;
  readonly parameters?: Partial<ProtocolParameters>;
}

/** Comparable form of what was received. */
const plain = (state: AssociationState): unknown => ({
  ...state.receive,
  buffered: [...state.receive.buffered],
  unorderedSkips: [...state.receive.unorderedSkips],
  sequence: state.sequence,
  phase: state.phase,
});

/** What an association gets from its endpoint. */
export const settingFor = (options: ReceiverOptions = {}): AssociationSetting => ({
  localAddress: ours,
  parameters: { ...rfc9260Parameters, ...options.parameters },
  random: seededRandom(1),
  outputs: new Outputs(),
  arena: new PacketArena(),
  describesUpdates: true,
  holdsDeliveries: options.holdsDeliveries ?? false,
});

/** An established association as its peer sees it: chunks in; deliveries, notifications and answers out. */
export class Receiver {
  #association: Association;
  readonly #setting: AssociationSetting;
  /** The fold of all updates, each after a trip over the cluster link. */
  readonly #folded: AssociationState;
  readonly deliveries: Delivery[] = [];
  readonly notifications: Notification[] = [];
  /** All that was sent, in order. */
  readonly sent: Chunk[] = [];
  nowMs: number = 1000;

  constructor(options: ReceiverOptions = {}) {
    const streams = options.streams ?? 16;
    const agreement: Agreement = {
      localPort: 7000,
      peerPort: 7000,
      localTag: 1,
      peerTag: 2,
      localInitialTsn: tsn(1),
      peerInitialTsn: tsn(options.initialTsn ?? 100),
      localAddresses: [ours],
      peerAddresses: [theirs],
      outboundStreams: streams,
      inboundStreams: streams,
      peerWindowBytes: 100_000,
      peerExtensions: [],
      extensions: {
        ...noExtensions,
        interleaving: options.interleaving ?? false,
        partialReliability: options.partialReliability ?? false,
      },
    };
    this.#setting = settingFor(options);
    const state = createAssociationState(agreement, { phase: "established", peerAddress: theirs });
    const { initialSsn = 0 } = options;
    if (initialSsn !== 0) for (let id = 0; id < streams; id++) state.receive.nextSsn[id] = initialSsn;
    this.#folded = openState({ kind: "opened", state });
    this.#association = Association.open(state, this.#setting, this.nowMs);
    this.#association.flush();
    this.#setting.outputs.take();
  }

  get state(): AssociationState {
    return this.#association.state;
  }

  /** One packet. Answers the chunks that go back at once. */
  receive(...chunks: Chunk[]): Chunk[] {
    this.#association.receive(chunks, { local: ours, remote: theirs }, this.nowMs);
    return this.#take();
  }

  consumed(bytes: number): Chunk[] {
    this.#association.consumed(bytes, this.nowMs);
    return this.#take();
  }

  /** Lets time pass. */
  wait(ms: number): Chunk[] {
    this.nowMs += ms;
    this.#association.advance(this.nowMs);
    return this.#take();
  }

  /** Puts a restored copy in the place of the association. */
  restore(): void {
    const snapshot = this.#association.snapshot();
    this.#association = Association.restore(snapshot, this.#setting);
  }

  /** Puts an association in the place that goes on from the replicated state only, after a trip over the link. */
  resume(): void {
    const { state } = this.#association.snapshot();
    const travelled = decodeUpdate(encodeUpdate({ kind: "opened", state }));
    if (travelled?.kind !== "opened") throw new Error("the state cannot be read back");
    this.#association = Association.resume(travelled.state, this.#setting, this.nowMs);
    this.#take();
  }

  /** The fold of the updates is the state. */
  checkFold(): void {
    expect(plain(this.#folded)).toEqual(plain(this.state));
  }

  get lastSack(): SackChunk | undefined {
    return this.sent.findLast((chunk): chunk is SackChunk => chunk.type === "SACK");
  }

  /** What is larger than it may become whatever a peer sends. */
  checkBounds(): void {
    const { above, buffered, bufferedBytes, partial, skips } = this.state.receive;
    const { receiveBufferBytes } = this.#setting.parameters;
    expect(above.length).toBeLessThanOrEqual(2048);
    expect(bufferedBytes + 64 * buffered.size).toBeLessThanOrEqual(2 * receiveBufferBytes + 64 * 2);
    expect(partial.length).toBeLessThanOrEqual(1024);
    expect(skips.length).toBeLessThanOrEqual(buffered.size);
    for (const { payload } of buffered.values()) {
      expect(payload.buffer.byteLength).toBeLessThanOrEqual(4 * payload.length);
    }
  }

  #take(): Chunk[] {
    this.#association.flush();
    const { updates, packets, deliveries, notifications } = this.#setting.outputs.take();
    for (const { update } of updates) {
      const travelled = decodeUpdate(encodeUpdate(update));
      expect(travelled).toEqual(update);
      applyUpdate(this.#folded, travelled!);
    }
    this.deliveries.push(...deliveries);
    this.notifications.push(...notifications.map(({ notification }) => notification));
    const chunks = packets.flatMap(({ bytes }) => {
      const parsed = parsePacket(bytes);
      return parsed.ok ? parsed.packet.chunks : [];
    });
    this.sent.push(...chunks);
    return chunks;
  }
}
