import type {
  AddressReply,
  AssociationState,
  EndpointConfig,
  EndpointOutputs,
  EndpointSnapshot,
  IcmpReport,
  KeyAnswer,
  OutgoingMessage,
  RandomSource,
  ReconfigurationReply,
  Route,
  SendAnswer,
  WantedReconfiguration,
} from "../../../agents/sctp/index.ts";
import { decodeSnapshot, encodeSnapshot, secretsOf } from "../../../agents/replica/snapshot/codec.ts";
import { Endpoint } from "../../../agents/sctp/index.ts";

export interface PathSizes {
  readonly windowBytes: number;
  readonly slowStartThresholdBytes: number;
  readonly packetSizeBytes: number;
}

export type AddressAct = "add" | "delete" | "set-primary";
export type KeyAct = "activate" | "deactivate" | "delete";

/** What the simulator does with an endpoint. Mutants of the stack stand here in its place. */
export interface EndpointPort {
  receive(bytes: Uint8Array, route: Route, nowMs: number, congestionExperienced: boolean): void;
  connect(remote: string | readonly string[], peerPort: number, nowMs: number): number;
  send(handle: number, message: OutgoingMessage, nowMs: number): SendAnswer;
  shutdown(handle: number, nowMs: number): void;
  abort(handle: number, reason: string, nowMs: number): void;
  advance(nowMs: number): void;
  nextDeadlineMs(): number | undefined;
  takeOutputs(): EndpointOutputs;
  state(handle: number): AssociationState | undefined;
  receiveIcmp(report: IcmpReport, nowMs: number): void;
  consumed(handle: number, bytes: number, nowMs: number): void;
  pendingBytes(handle: number): number;
  /** Congestion window and packet size by address. */
  paths(handle: number): ReadonlyMap<string, PathSizes>;
  reconfigure(handle: number, wanted: WantedReconfiguration, nowMs: number): ReconfigurationReply;
  changeAddress(act: AddressAct, handle: number, address: string, nowMs: number): AddressReply;
  setKey(handle: number | undefined, keyId: number, secret: Uint8Array): KeyAnswer;
  changeKey(act: KeyAct, handle: number | undefined, keyId: number): KeyAnswer;
  /** Takes the state out and puts it into a new endpoint. */
  restore(): void;
}

export type PortFactory = (config: EndpointConfig, random: RandomSource) => EndpointPort;

export class RealPort implements EndpointPort {
  readonly #config: EndpointConfig;
  readonly #random: RandomSource;
  #endpoint: Endpoint;

  constructor(config: EndpointConfig, random: RandomSource) {
    this.#config = config;
    this.#random = random;
    this.#endpoint = new Endpoint(config, random);
    if (config.localAddresses.length > 1) this.#endpoint.useOtherAddresses(true);
  }

  receive(bytes: Uint8Array, route: Route, nowMs: number, congestionExperienced: boolean): void {
    this.#endpoint.receive(bytes, route, nowMs, congestionExperienced);
  }

  connect(remote: string | readonly string[], peerPort: number, nowMs: number): number {
    return this.#endpoint.connect(remote, peerPort, nowMs);
  }

  send(handle: number, message: OutgoingMessage, nowMs: number): SendAnswer {
    return this.#endpoint.send(handle, message, nowMs);
  }

  shutdown(handle: number, nowMs: number): void {
    this.#endpoint.shutdown(handle, nowMs);
  }

  abort(handle: number, reason: string, nowMs: number): void {
    this.#endpoint.abort(handle, reason, nowMs);
  }

  advance(nowMs: number): void {
    this.#endpoint.advance(nowMs);
  }

  nextDeadlineMs(): number | undefined {
    return this.#endpoint.nextDeadlineMs();
  }

  takeOutputs(): EndpointOutputs {
    return this.#endpoint.takeOutputs();
  }

  state(handle: number): AssociationState | undefined {
    return this.#endpoint.state(handle);
  }

  receiveIcmp(report: IcmpReport, nowMs: number): void {
    this.#endpoint.receiveIcmp(report, nowMs);
  }

  consumed(handle: number, bytes: number, nowMs: number): void {
    this.#endpoint.consumed(handle, bytes, nowMs);
  }

  pendingBytes(handle: number): number {
    return this.#endpoint.pendingBytes(handle);
  }

  paths(handle: number): ReadonlyMap<string, PathSizes> {
    const paths = this.#endpoint.statistics(handle)?.paths ?? [];
    return new Map(paths.map((path) => [path.address, path]));
  }

  reconfigure(handle: number, wanted: WantedReconfiguration, nowMs: number): ReconfigurationReply {
    return this.#endpoint.reconfigure(handle, wanted, nowMs);
  }

  changeAddress(act: AddressAct, handle: number, address: string, nowMs: number): AddressReply {
    if (act === "add") return this.#endpoint.addAddress(handle, address, nowMs);
    if (act === "delete") return this.#endpoint.removeAddress(handle, address, nowMs);
    return this.#endpoint.setPeerPrimary(handle, address, nowMs);
  }

  setKey(handle: number | undefined, keyId: number, secret: Uint8Array): KeyAnswer {
    return this.#endpoint.setKey(handle, keyId, secret);
  }

  changeKey(act: KeyAct, handle: number | undefined, keyId: number): KeyAnswer {
    if (act === "activate") return this.#endpoint.activateKey(handle, keyId);
    if (act === "deactivate") return this.#endpoint.deactivateKey(handle, keyId);
    return this.#endpoint.deleteKey(handle, keyId);
  }

  restore(): void {
    const before = this.#endpoint;
    this.#endpoint = Endpoint.restore(this.taken(before.snapshot()), this.#config, this.#random);
    // Whatever becomes of the one that was left behind is nothing to its successor.
    for (const handle of [...before.associations()]) before.abort(handle, "left behind", 0);
    before.takeOutputs();
  }

  /** What is put back of what was taken out: all of it, after it was bytes. */
  protected taken(snapshot: EndpointSnapshot): EndpointSnapshot {
    const decoded = decodeSnapshot(encodeSnapshot(snapshot), secretsOf(snapshot));
    if (!decoded.ok) throw new Error(decoded.reason);
    return decoded.snapshot;
  }
}
