import type {
  AssociationState,
  EndpointConfig,
  Notification,
  ProtocolParameters,
} from "../../../agents/sctp/index.ts";
import { Endpoint, rfc9260Parameters, seededRandom, tsn } from "../../../agents/sctp/index.ts";
import type {
  Chunk,
  InitAckChunk,
  InitChunk,
  Parameter,
  SctpPacket,
} from "../../../agents/sctp/wire/index.ts";
import { parsePacket, writePacket } from "../../../agents/sctp/wire/index.ts";

export const us = "192.0.2.11";
export const usToo = "192.0.2.12";
export const peer = "192.0.2.20";
export const peerToo = "192.0.2.21";
export const stranger = "198.51.100.66";
const port = 7000;
export const peerTag = 77;

/** A packet that the endpoint sent. */
export interface Sent extends SctpPacket {
  readonly from: string;
  readonly to: string;
  readonly bytes: Uint8Array;
}

export interface Envelope {
  readonly from?: string;
  readonly to?: string;
  readonly tag?: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
}

/** One endpoint on virtual time, and a peer that is played chunk by chunk. */
export class Bench {
  endpoint: Endpoint;
  readonly config: EndpointConfig;
  nowMs: number = 1_000_000;
  readonly notifications: { readonly association: number; readonly notification: Notification }[] = [];

  constructor(
    parameters: Partial<ProtocolParameters> = {},
    config: Partial<EndpointConfig> = {},
    seed: number = 5,
  ) {
    this.config = {
      localPort: port,
      localAddresses: [us, usToo],
      ownAddress: us,
      listening: true,
      cookieKey: new Uint8Array(32).fill(7),
      parameters: { ...rfc9260Parameters, heartbeatEnabled: false, ...parameters },
      ...config,
    };
    this.endpoint = new Endpoint(this.config, seededRandom(seed));
  }

  /** Gives a packet to the endpoint; answers what it sends at once. */
  give(chunks: readonly Chunk[], envelope: Envelope = {}): Sent[] {
    const { tag = 0, sourcePort = port, destinationPort = port } = envelope;
    return this.giveBytes(
      writePacket({ sourcePort, destinationPort, verificationTag: tag, chunks }),
      envelope,
    );
  }

  giveBytes(bytes: Uint8Array, { from = peer, to = us }: Envelope = {}): Sent[] {
    this.endpoint.receive(bytes, { local: to, remote: from }, this.nowMs);
    return this.sent();
  }

  sent(): Sent[] {
    const { packets, notifications } = this.endpoint.takeOutputs();
    this.notifications.push(...notifications);
    return packets.map(({ local, remote, bytes }) => {
      const parsed = parsePacket(bytes);
      if (!parsed.ok || !parsed.checksumGood) throw new Error("a packet of ours cannot be read");
      return { ...parsed.packet, from: local, to: remote, bytes };
    });
  }

  /** Moves the clock to the next deadline; answers what is sent then. */
  nextDeadline(): Sent[] {
    this.nowMs = this.endpoint.nextDeadlineMs() ?? this.nowMs;
    this.endpoint.advance(this.nowMs);
    return this.sent();
  }

  connect(remote: string | readonly string[] = peer): { readonly handle: number; readonly init: InitChunk } {
    const handle = this.endpoint.connect(remote, port, this.nowMs);
    const init = this.sent()[0]?.chunks[0];
    if (init?.type !== "INIT") throw new Error("no INIT was sent");
    return { handle, init };
  }

  /** The answer to an INIT of the peer, and the COOKIE ECHO for it. */
  handshake(
    fields: Partial<InitChunk> = {},
    envelope: Envelope = {},
  ): { readonly initAck: InitAckChunk; readonly echo: Chunk; readonly sent: Sent } {
    const [sent] = this.give([initOf(fields)], envelope);
    const initAck = sent?.chunks[0];
    if (sent === undefined || initAck?.type !== "INIT_ACK") throw new Error("no INIT ACK was sent");
    const cookie = initAck.parameters.find((each) => each.type === "STATE_COOKIE")?.cookie;
    return { initAck, echo: { type: "COOKIE_ECHO", cookie: cookie ?? new Uint8Array(0) }, sent };
  }

  /** The peer sets an association up; answers our tag. */
  accept(fields: Partial<InitChunk> = {}, envelope: Envelope = {}): number {
    const { initAck, echo } = this.handshake(fields, envelope);
    this.give([echo], { ...envelope, tag: initAck.initiateTag });
    return initAck.initiateTag;
  }

  /** We set one up with the peer. */
  established(remote: string | readonly string[] = peer, parameters: readonly Parameter[] = []): number {
    const { handle } = this.connect(remote);
    this.give([initAckOf({ parameters: [...parameters, cookie] })], { tag: handle });
    this.give([{ type: "COOKIE_ACK" }], { tag: handle });
    return handle;
  }

  state(handle: number): AssociationState {
    const state = this.endpoint.state(handle);
    if (state === undefined) throw new Error("there is no such association");
    return state;
  }

  /** Association changes of one handle, in order. */
  changes(handle: number): string[] {
    return this.notifications
      .filter(({ association }) => association === handle)
      .flatMap(({ notification }) =>
        notification.type === "association-change" ? [notification.state] : [],
      );
  }
}

export const cookie: Parameter = { type: "STATE_COOKIE", cookie: new Uint8Array(40).fill(9) };

export const initOf = (fields: Partial<InitChunk> = {}): InitChunk => ({
  type: "INIT",
  initiateTag: peerTag,
  advertisedWindow: 100_000,
  outboundStreams: 10,
  inboundStreams: 10,
  initialTsn: tsn(1000),
  parameters: [],
  ...fields,
});

export const initAckOf = (fields: Partial<InitAckChunk> = {}): InitAckChunk => ({
  ...initOf(),
  parameters: [cookie],
  ...fields,
  type: "INIT_ACK",
});

export const types = (packets: readonly SctpPacket[]): string[] =>
  packets.map(({ chunks }) => chunks.map((chunk) => chunk.type).join("+"));

export const unknownParameter = (typeNumber: number, length: number = 4): Parameter => ({
  type: "UNKNOWN",
  typeNumber,
  value: new Uint8Array(length).fill(1),
});
