import type { WantedReconfiguration } from "../../../agents/sctp/index.ts";
import type { SimContext } from "./context.ts";
import type { Exchange } from "./exchange.ts";
import type { Host } from "./host.ts";
import { secretOf } from "./host-keys.ts";
import type { ExtensionHappening } from "./knobs.ts";
import { sides } from "./knobs.ts";

/** Makes happen what users do with extensions: streams, addresses, keys. */
export class ExtensionHappenings {
  readonly #context: SimContext;
  readonly #exchange: Exchange;

  constructor(context: SimContext, exchange: Exchange) {
    this.#context = context;
    this.#exchange = exchange;
  }

  happen(what: ExtensionHappening): void {
    const { hosts } = this.#context;
    switch (what.kind) {
      case "reconfigure":
        return this.#reconfigure(hosts[what.side], what.wanted);
      case "address":
        return this.#changeAddress(hosts[what.side], what);
      case "key-set":
        return this.#setKey(what.keyId);
      case "key-use":
        return this.#useKey(hosts[what.side], what.keyId);
      case "key-delete":
        return this.#deleteKey(what.keyId);
    }
  }

  #reconfigure(host: Host, wanted: WantedReconfiguration): void {
    const { current } = host;
    const state = current && host.endpoint.state(current.handle);
    if (current === undefined || state === undefined || !host.mayReconfigure) return;
    const { inboundStreams, outboundStreams } = state.agreement;
    const cut = (streams: readonly number[], count: number): number[] => [
      ...new Set(streams.map((streamId) => streamId % count)),
    ];
    const possible: WantedReconfiguration =
      wanted.kind === "outgoing-reset"
        ? { ...wanted, streams: cut(wanted.streams, outboundStreams) }
        : wanted.kind === "incoming-reset"
          ? { ...wanted, streams: cut(wanted.streams, inboundStreams) }
          : wanted;
    host.endpoint.reconfigure(current.handle, possible, this.#context.nowMs + host.clockAheadMs);
    this.#exchange.drain(host);
  }

  #changeAddress(host: Host, { act, place, gone }: Extract<ExtensionHappening, { kind: "address" }>): void {
    const { current, interfaces } = host;
    const state = current && host.endpoint.state(current.handle);
    if (current?.status !== "up" || state === undefined) return;
    const { localAddresses } = state.agreement;
    const choices =
      act === "add" ? interfaces.all.filter((each) => !localAddresses.includes(each)) : localAddresses;
    const address = choices[place % Math.max(1, choices.length)];
    if (address === undefined) return;
    // Whoever has no other address that works stays where it is.
    const { inFlight, wanted } = state.asconf;
    const going = [...(inFlight?.requests ?? []), ...wanted].filter(({ kind }) => kind === "delete");
    const staying = localAddresses.filter((each) => !going.some((request) => request.address === each));
    if (act === "delete" && !interfaces.hasOther(address, staying)) return;
    const wasUp = interfaces.isUp(address);
    if (act === "add") interfaces.up(address);
    if (act === "delete" && gone) interfaces.down(address);
    const nowMs = this.#context.nowMs + host.clockAheadMs;
    const reply = host.endpoint.changeAddress(act, current.handle, address, nowMs);
    if (reply !== "accepted" && wasUp) interfaces.up(address);
    if (reply !== "accepted" && !wasUp) interfaces.down(address);
    this.#exchange.drain(host);
  }

  #handles(host: Host): readonly (number | undefined)[] {
    const alive = [...host.handles.keys()].filter((handle) => host.endpoint.state(handle) !== undefined);
    return [undefined, ...alive];
  }

  #setKey(keyId: number): void {
    for (const side of sides) {
      const host = this.#context.hosts[side];
      host.keys.set(host.endpoint, this.#handles(host), keyId);
      this.#context.wire.authentication.keySet(side, keyId, secretOf(keyId));
      this.#exchange.drain(host);
    }
  }

  #useKey(host: Host, keyId: number): void {
    if (!host.keys.has(keyId) || host.keys.active === keyId) return;
    host.keys.use(host.endpoint, this.#handles(host), keyId);
    this.#context.wire.authentication.keyActivated(host.side, keyId);
    this.#exchange.drain(host);
  }

  /** Nobody forgets a key that one of both still sends with. */
  #deleteKey(keyId: number): void {
    const { hosts, wire } = this.#context;
    if (sides.some((side) => hosts[side].keys.active === keyId || !hosts[side].keys.has(keyId))) return;
    for (const side of sides) {
      hosts[side].keys.delete(hosts[side].endpoint, this.#handles(hosts[side]), keyId);
      wire.authentication.keyDeleted(side, keyId);
      this.#exchange.drain(hosts[side]);
    }
  }
}
