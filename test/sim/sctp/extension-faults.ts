import type {
  AddressReply,
  EndpointConfig,
  EndpointOutputs,
  EndpointSnapshot,
  KeyAnswer,
  RandomSource,
  ReconfigurationReply,
  Route,
  WantedReconfiguration,
} from "../../../agents/sctp/index.ts";
import { AuthenticationChecker } from "./checker/authentication-checker.ts";
import { checksumOf, readPacket } from "./checker/packet-reader.ts";
import type { Side } from "./knobs.ts";
import { otherSide } from "./knobs.ts";
import { bendPackets, changed, sealed, typeOf } from "./mutant-tools.ts";
import type { AddressAct, KeyAct, PathSizes, PortFactory } from "./port.ts";
import { RealPort } from "./port.ts";

type Outbound = EndpointOutputs["packets"][number];

const ecneType = 12;
const cwrType = 13;
const authType = 15;
const reConfigType = 130;
const asconfType = 193;
export const responseParameter = 16;
export const outgoingParameter = 13;

export const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
const isGood = (bytes: Uint8Array): boolean => viewOf(bytes).getUint32(8, true) === checksumOf(bytes);

/** The first parameter of RE-CONFIG in front of a packet; undefined where there is none, or AUTH in front of it. */
export const reConfigParameter = (bytes: Uint8Array): number | undefined =>
  typeOf(bytes) === reConfigType ? viewOf(bytes).getUint16(16) : undefined;

export const isRequest = (bytes: Uint8Array): boolean => {
  const parameter = reConfigParameter(bytes);
  return parameter !== undefined && parameter !== responseParameter;
};

/** The packet without its first chunk; undefined where nothing is left. */
function withoutFirst(bytes: Uint8Array): Uint8Array | undefined {
  const end = 12 + ((viewOf(bytes).getUint16(14) + 3) & ~3);
  if (end >= bytes.length) return undefined;
  const rest = new Uint8Array(bytes.length - end + 12);
  rest.set(bytes.subarray(0, 12));
  rest.set(bytes.subarray(end), 12);
  return sealed(rest);
}

export class DeniesItselfTheReset extends RealPort {
  override receive(bytes: Uint8Array, route: Route, nowMs: number, marked: boolean): void {
    const performed = reConfigParameter(bytes) === responseParameter && viewOf(bytes).getUint32(24) === 1;
    const bent = performed && isGood(bytes) ? changed(bytes, (view) => view.setUint32(24, 2)) : bytes;
    super.receive(bent, route, nowMs, marked);
  }
}

export class AsksTwiceAtOnce extends RealPort {
  override takeOutputs(): EndpointOutputs {
    const outputs = super.takeOutputs();
    const second = outputs.packets
      .filter(({ bytes }) => isRequest(bytes))
      .map((packet) => ({
        ...packet,
        bytes: changed(packet.bytes, (view) => view.setUint32(20, view.getUint32(20) + 1)),
      }));
    return { ...outputs, packets: [...outputs.packets, ...second] };
  }
}

/** Changes a field of 32 bits of RE-CONFIG in the packets that leave. */
export const bendsReConfig = (
  at: number,
  by: number,
  concerns: (bytes: Uint8Array) => boolean,
): PortFactory => {
  class Bent extends RealPort {
    override takeOutputs(): EndpointOutputs {
      return bendPackets(super.takeOutputs(), ({ bytes }) =>
        concerns(bytes) ? changed(bytes, (view) => view.setUint32(at, view.getUint32(at) + by)) : bytes,
      );
    }
  }
  return (config, random) => new Bent(config, random);
};

export class ChangesItsAnswers extends RealPort {
  #responses: number = 0;
  override takeOutputs(): EndpointOutputs {
    return bendPackets(super.takeOutputs(), ({ bytes }) => {
      if (reConfigParameter(bytes) !== responseParameter || ++this.#responses % 2 === 0) return bytes;
      return changed(bytes, (view) => view.setUint32(24, view.getUint32(24) === 1 ? 2 : 1));
    });
  }
}

/** Says that it resets streams, and goes on sending on them. */
export class DoesNotWaitForTheReset extends RealPort {
  #last: Outbound | undefined;
  #request: Outbound | undefined;

  override takeOutputs(): EndpointOutputs {
    const outputs = super.takeOutputs();
    this.#last = outputs.packets.findLast(({ association }) => association !== 0) ?? this.#last;
    const request = this.#request;
    this.#request = undefined;
    return request === undefined ? outputs : { ...outputs, packets: [...outputs.packets, request] };
  }

  override reconfigure(handle: number, wanted: WantedReconfiguration, nowMs: number): ReconfigurationReply {
    const state = this.state(handle);
    const last = this.#last;
    if (wanted.kind !== "outgoing-reset" || state === undefined || last?.association !== handle)
      return super.reconfigure(handle, wanted, nowMs);
    const bytes = new Uint8Array(32);
    bytes.set(last.bytes.subarray(0, 12));
    const view = new DataView(bytes.buffer);
    view.setUint32(12, (reConfigType << 24) | 20);
    view.setUint32(16, (outgoingParameter << 16) | 16);
    view.setUint32(20, state.reconfiguration.nextRequest);
    view.setUint32(24, state.reconfiguration.peerNextRequest - 1);
    view.setUint32(28, state.send.nextTsn - 1);
    this.#request = { ...last, bytes: sealed(bytes), reason: "reconfiguration" };
    return "accepted";
  }
}

/** Knows what both sides said about authentication, and their keys, so that it can sign what it bends. */
class Signer extends RealPort {
  readonly #authentication: AuthenticationChecker = new AuthenticationChecker();
  readonly #side: Side;

  constructor(config: EndpointConfig, random: RandomSource) {
    super(config, random);
    this.#side = config.localAddresses[0]?.startsWith("192.") === true ? "a" : "b";
  }

  override setKey(handle: number | undefined, keyId: number, secret: Uint8Array): KeyAnswer {
    this.#authentication.keySet(this.#side, keyId, secret);
    return super.setKey(handle, keyId, secret);
  }

  override takeOutputs(): EndpointOutputs {
    const outputs = super.takeOutputs();
    for (const { bytes } of outputs.packets) this.#note(this.#side, bytes);
    return outputs;
  }

  override receive(bytes: Uint8Array, route: Route, nowMs: number, marked: boolean): void {
    if (isGood(bytes)) this.#note(otherSide(this.#side), bytes);
    super.receive(bytes, route, nowMs, marked);
  }

  #note(side: Side, bytes: Uint8Array): void {
    if (typeOf(bytes) !== 1 && typeOf(bytes) !== 2) return;
    for (const chunk of readPacket(bytes).chunks) {
      if (chunk.kind === "init" || chunk.kind === "init-ack")
        this.#authentication.setUp(side, chunk.tag, chunk.authentication);
    }
  }

  /** The packet with a right HMAC in the AUTH chunk in front. `association`: the tag of ours that it belongs to. */
  protected signed(bytes: Uint8Array, association: number, peerTag: number): Uint8Array {
    const copy = bytes.slice();
    const view = viewOf(copy);
    const auth = { kind: "auth", keyId: view.getUint16(16), hmacId: view.getUint16(18), at: 12 } as const;
    this.#authentication.sign(this.#side, association, peerTag, copy, auth);
    return sealed(copy);
  }
}

export class TakesForgedPackets extends Signer {
  override receive(bytes: Uint8Array, route: Route, nowMs: number, marked: boolean): void {
    const tag = viewOf(bytes).getUint32(4);
    const agreement = isGood(bytes) ? this.state(tag)?.agreement : undefined;
    const trusted = agreement !== undefined && typeOf(bytes) === authType;
    super.receive(trusted ? this.signed(bytes, tag, agreement.peerTag) : bytes, route, nowMs, marked);
  }
}

export class LeavesAuthOut extends RealPort {
  override takeOutputs(): EndpointOutputs {
    return bendPackets(super.takeOutputs(), ({ bytes }) =>
      typeOf(bytes) === authType ? withoutFirst(bytes) : bytes,
    );
  }
}

export class SignsWrong extends RealPort {
  override takeOutputs(): EndpointOutputs {
    return bendPackets(super.takeOutputs(), ({ bytes }) =>
      typeOf(bytes) === authType ? changed(bytes, (_, copy) => void (copy[24]! ^= 1)) : bytes,
    );
  }
}

export class KeepsTheOldKey extends RealPort {
  override changeKey(act: KeyAct, handle: number | undefined, keyId: number): KeyAnswer {
    return act === "activate" ? "done" : super.changeKey(act, handle, keyId);
  }
}

/** Changes the serial number of ASCONF, which stands behind AUTH. */
export const bendsAsconf = (alsoTheTrueOne: boolean): PortFactory => {
  class Bent extends Signer {
    override takeOutputs(): EndpointOutputs {
      const outputs = super.takeOutputs();
      const packets = outputs.packets.flatMap((packet) => {
        const { bytes, association } = packet;
        const authEnd = 12 + ((viewOf(bytes).getUint16(14) + 3) & ~3);
        if (typeOf(bytes) !== authType || bytes[authEnd] !== asconfType) return [packet];
        const later = changed(bytes, (view) => view.setUint32(authEnd + 4, view.getUint32(authEnd + 4) + 1));
        const bent = { ...packet, bytes: this.signed(later, association, viewOf(bytes).getUint32(4)) };
        return alsoTheTrueOne ? [packet, bent] : [bent];
      });
      return { ...outputs, packets };
    }
  }
  return (config, random) => new Bent(config, random);
};

/** Remembers an address that a notification names, and sends a later packet from there or to there. */
export const usesAddress = (
  named: (notification: EndpointOutputs["notifications"][number]["notification"]) => string | undefined,
  bend: (packet: Outbound, address: string) => Outbound,
): PortFactory => {
  class Bent extends RealPort {
    #address: { readonly association: number; readonly address: string } | undefined;
    override takeOutputs(): EndpointOutputs {
      const outputs = super.takeOutputs();
      const remembered = this.#address;
      for (const { association, notification } of outputs.notifications) {
        const address = named(notification);
        if (address !== undefined) this.#address = { association, address };
      }
      if (remembered === undefined) return outputs;
      const packets = outputs.packets.map((packet) =>
        packet.association === remembered.association ? bend(packet, remembered.address) : packet,
      );
      return { ...outputs, packets };
    }
  }
  return (config, random) => new Bent(config, random);
};

export class AddsWithoutAsking extends RealPort {
  #added: string | undefined;
  override changeAddress(act: AddressAct, handle: number, address: string, nowMs: number): AddressReply {
    if (act === "add") this.#added = address;
    return super.changeAddress(act, handle, address, nowMs);
  }
  override takeOutputs(): EndpointOutputs {
    const added = this.#added;
    const outputs = super.takeOutputs();
    if (added === undefined) return outputs;
    const packets = outputs.packets.map((packet) => ({ ...packet, local: added }));
    return { ...outputs, packets };
  }
}

export class EchoesOnce extends RealPort {
  #echoed: number | undefined;
  override takeOutputs(): EndpointOutputs {
    return bendPackets(super.takeOutputs(), ({ bytes }) => {
      if (typeOf(bytes) !== ecneType) return bytes;
      const tsn = viewOf(bytes).getUint32(16);
      const again = this.#echoed === tsn;
      this.#echoed = tsn;
      return again ? withoutFirst(bytes) : bytes;
    });
  }
}

export class NeverSaysCwr extends RealPort {
  override takeOutputs(): EndpointOutputs {
    return bendPackets(super.takeOutputs(), ({ bytes }) =>
      typeOf(bytes) === cwrType ? withoutFirst(bytes) : bytes,
    );
  }
}

/** Takes each echo for one of what it sent last, and does not let that be seen in CWR. */
export class HalvesWithEachEcho extends RealPort {
  #echoed: number = 0;
  override receive(bytes: Uint8Array, route: Route, nowMs: number, marked: boolean): void {
    const nextTsn = this.state(viewOf(bytes).getUint32(4))?.send.nextTsn;
    const bends = nextTsn !== undefined && typeOf(bytes) === ecneType && isGood(bytes);
    if (bends) this.#echoed = viewOf(bytes).getUint32(16);
    const bent = bends ? changed(bytes, (view) => view.setUint32(16, nextTsn - 1)) : bytes;
    super.receive(bent, route, nowMs, marked);
  }
  override takeOutputs(): EndpointOutputs {
    return bendPackets(super.takeOutputs(), ({ bytes }) =>
      typeOf(bytes) === cwrType ? changed(bytes, (view) => view.setUint32(16, this.#echoed)) : bytes,
    );
  }
}

export class NeverHalves extends RealPort {
  readonly #largest: Map<string, number> = new Map<string, number>();
  override paths(handle: number): ReadonlyMap<string, PathSizes> {
    const kept = [...super.paths(handle)].map(([address, sizes]): [string, PathSizes] => {
      const key = `${handle} ${address}`;
      const windowBytes = Math.max(sizes.windowBytes, this.#largest.get(key) ?? 0);
      this.#largest.set(key, windowBytes);
      return [address, { ...sizes, windowBytes }];
    });
    return new Map(kept);
  }
}

export class RestoreForgetsKeys extends RealPort {
  protected override taken(snapshot: EndpointSnapshot): EndpointSnapshot {
    const keys = { keys: [[0, new Uint8Array(0)]] as const, activeKeyId: 0, retired: [] };
    return { ...snapshot, keys, associations: snapshot.associations.map((each) => ({ ...each, keys })) };
  }
}
