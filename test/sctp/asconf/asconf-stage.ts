import type { ProtocolParameters } from "../../../agents/sctp/index.ts";
import { noExtensions } from "../../../agents/sctp/index.ts";
import type { AsconfAckChunk, Chunk, Parameter } from "../../../agents/sctp/wire/index.ts";
import { addressParameter, writePacket } from "../../../agents/sctp/wire/index.ts";
import { Bench, peer, peerToo, us, usToo } from "../handshake/bench.ts";
import type { Envelope, Sent } from "../handshake/bench.ts";

export const added = "192.0.2.40";
export const ours = "192.0.2.13";

export const extensions: ProtocolParameters["extensions"] = { ...noExtensions, addressReconfiguration: true };

type AddressChange = Extract<Parameter, { readonly correlationId: number; readonly address: unknown }>;

export const change = (
  type: AddressChange["type"],
  address: string,
  correlationId: number = 1,
): Parameter => ({
  type,
  correlationId,
  address: addressParameter(address),
});

/** An association in which both sides may change their addresses; without AUTH, so that chunks are easy to make. */
export class AsconfStage {
  readonly bench: Bench;
  readonly tag: number;
  #serial: number = 1000;

  constructor(
    parameters: Partial<ProtocolParameters> = {},
    peerAddresses: readonly string[] = [peer, peerToo],
    chunkTypes: readonly number[] = [0xc1, 0x80],
  ) {
    this.bench = new Bench({ extensions, asconfWithoutAuthentication: true, ...parameters });
    this.tag = this.bench.accept({
      parameters: [...peerAddresses.map(addressParameter), { type: "SUPPORTED_EXTENSIONS", chunkTypes }],
    });
    for (const address of peerAddresses) this.confirm(address);
    this.bench.notifications.length = 0;
  }

  /** Answers the HEARTBEAT that probes an address of the peer. */
  confirm(address: string): void {
    const { bench, tag } = this;
    const { paths } = bench.endpoint.snapshot().associations[0]!;
    const info = paths.find((each) => each.address === address)?.heartbeat?.nonce;
    if (info !== undefined) bench.give([{ type: "HEARTBEAT_ACK", info }], { tag, from: address });
    else if (!bench.state(tag).confirmedAddresses.has(address)) {
      bench.endpoint.requestHeartbeat(tag, address, bench.nowMs);
      bench.sent();
      this.confirm(address);
    }
  }

  /** The next ASCONF of the peer, or one with a number of its own. */
  asconf(
    parameters: readonly Parameter[],
    serialNumber: number = this.#serial++,
    lookup: string = peer,
  ): Chunk {
    return { type: "ASCONF", serialNumber, address: addressParameter(lookup), parameters };
  }

  give(chunks: readonly Chunk[], envelope: Envelope = {}): Sent[] {
    return this.bench.give(chunks, { tag: this.tag, ...envelope });
  }

  /** A packet of the peer. */
  bytes(chunks: readonly Chunk[]): Uint8Array {
    return writePacket({ sourcePort: 7000, destinationPort: 7000, verificationTag: this.tag, chunks });
  }

  /** Gives the peer's next ASCONF; answers what the ASCONF-ACK says. */
  ask(parameters: readonly Parameter[], envelope: Envelope = {}): AsconfAckChunk {
    return ackIn(this.give([this.asconf(parameters)], envelope));
  }

  get peerAddresses(): readonly string[] {
    return this.bench.state(this.tag).agreement.peerAddresses;
  }

  get localAddresses(): readonly string[] {
    return this.bench.state(this.tag).agreement.localAddresses;
  }

  send(size: number = 10): Sent[] {
    const message = { streamId: 0, ppid: 0, unordered: false, payload: new Uint8Array(size) };
    this.bench.endpoint.send(this.tag, message, this.bench.nowMs);
    return this.bench.sent();
  }

  /** The peer's answer to the ASCONF that is out. */
  acknowledge(parameters: readonly Parameter[] = [], envelope: Envelope = {}): Sent[] {
    const serialNumber = this.bench.state(this.tag).asconf.inFlight?.serial ?? 0;
    return this.give([{ type: "ASCONF_ACK", serialNumber, parameters }], envelope);
  }

  get told(): unknown[] {
    return this.bench.notifications
      .splice(0)
      .map(({ notification }) =>
        notification.type === "local-address-change"
          ? [notification.change, notification.address, notification.accepted]
          : notification.type === "peer-address-change"
            ? [notification.address, notification.state]
            : [notification.type],
      );
  }
}

export function ackIn(packets: readonly Sent[]): AsconfAckChunk {
  const ack = packets.flatMap(({ chunks }) => chunks).find((each) => each.type === "ASCONF_ACK");
  if (ack?.type !== "ASCONF_ACK") throw new Error("no ASCONF-ACK was sent");
  return ack;
}

export const refusal = (cause: string, correlationId: number = 1): object => ({
  type: "ERROR_CAUSE_INDICATION",
  correlationId,
  causes: [{ type: cause }],
});

export const asconfIn = (
  packets: readonly Sent[],
): Sent & { readonly asconf: Extract<Chunk, { type: "ASCONF" }> } => {
  const sent = packets.find(({ chunks }) => chunks.some(({ type }) => type === "ASCONF"));
  const asconf = sent?.chunks.find((each) => each.type === "ASCONF");
  if (sent === undefined || asconf?.type !== "ASCONF") throw new Error("no ASCONF was sent");
  return { ...sent, asconf };
};

export { peer, peerToo, us, usToo };
