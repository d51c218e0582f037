import { HostClock } from "../../../agents/host/clock.ts";
import { EndpointHost } from "../../../agents/host/endpoint-host.ts";
import type { EndpointUser } from "../../../agents/host/endpoint-host.ts";
import { loadNativeIo } from "../../../agents/host/native-io.ts";
import { openTransport } from "../../../agents/host/open-transport.ts";
import type { PacketTransport } from "../../../agents/host/packet-transport.ts";
import { hostRandom } from "../../../agents/host/random.ts";
import { UdpTransport } from "../../../agents/host/udp-transport.ts";
import { decodeUpdate } from "../../../agents/replica/index.ts";
import { encodeUpdate } from "../../../agents/replica/update-codec.ts";
import { Endpoint, rfc9260Parameters, writeLease } from "../../../agents/sctp/index.ts";
import type { Delivery, Notification, OutgoingMessage } from "../../../agents/sctp/index.ts";
import { Tallies, numberedMessage } from "./numbered.ts";
import type { OurCall, OurSetting, SendOrder } from "./our-peer.ts";

/** Messages that are still to be sent. */
interface Load {
  readonly order: SendOrder;
  turn: number;
}

interface Traffic {
  readonly received: Tallies;
  /** Parts of messages that are being delivered, by stream and order. */
  readonly parts: Map<string, Uint8Array[]>;
  readonly sentOn: Map<number, number>;
  readonly echoes: OutgoingMessage[];
  load: Load | undefined;
}

const newTraffic = (): Traffic => ({
  received: new Tallies(),
  parts: new Map(),
  sentOn: new Map(),
  echoes: [],
  load: undefined,
});

async function openWay({ way, udpPort }: OurSetting, address: string): Promise<PacketTransport> {
  if (way === "dgram") return UdpTransport.open({ address, udpPort });
  return openTransport({ address, way: way === "raw" ? "raw" : { udpPort } }, loadNativeIo());
}

/** The message that ends with this delivery; undefined while parts of it are missing (RFC 6458 section 6.1.7). */
function whole(parts: Map<string, Uint8Array[]>, delivery: Delivery): Uint8Array | undefined {
  if (delivery.beginning && delivery.ending) return delivery.payload;
  const key = `${delivery.streamId} ${delivery.unordered}`;
  const earlier = delivery.beginning ? [] : (parts.get(key) ?? []);
  parts.set(key, [...earlier, delivery.payload]);
  if (!delivery.ending) return undefined;
  parts.delete(key);
  return Buffer.concat([...earlier, delivery.payload]);
}

/** Our endpoint on real sockets, told by the test what to do. Ends with the test's process. */
class OurPeer implements EndpointUser {
  readonly #host: EndpointHost;
  readonly #setting: OurSetting;
  readonly #traffic: Map<number, Traffic> = new Map<number, Traffic>();

  private constructor(setting: OurSetting, transports: readonly PacketTransport[]) {
    this.#setting = setting;
    const { addresses, port, listening, parameters, extensions } = setting;
    const [ownAddress = ""] = addresses;
    const endpoint = new Endpoint(
      {
        localPort: port,
        localAddresses: addresses,
        ownAddress,
        listening,
        cookieKey: hostRandom.bytes(32),
        parameters: {
          ...rfc9260Parameters,
          ...parameters,
          extensions: { ...rfc9260Parameters.extensions, ...extensions },
        },
      },
      hostRandom,
    );
    endpoint.useOtherAddresses(addresses.length > 1);
    this.#host = new EndpointHost({ endpoint, transports, clock: new HostClock(), user: this });
  }

  static async open(setting: OurSetting): Promise<OurPeer> {
    const all = [...setting.addresses, ...setting.spareAddresses];
    const open = all.map((address) => openWay(setting, address));
    return new OurPeer(setting, await Promise.all(open));
  }

  #trafficOf(association: number): Traffic {
    const traffic = this.#traffic.get(association) ?? newTraffic();
    this.#traffic.set(association, traffic);
    return traffic;
  }

  onDelivery(delivery: Delivery): void {
    const { association, streamId, ppid, unordered } = delivery;
    const traffic = this.#trafficOf(association);
    const payload = whole(traffic.parts, delivery);
    if (payload === undefined) return;
    traffic.received.add(streamId, payload);
    if (!this.#setting.echoes) return;
    traffic.echoes.push({ streamId, ppid, unordered, payload });
    this.#pump(association);
  }

  onNotification(association: number, notification: Notification): void {
    // Payloads that come back are long, and not looked at.
    process.send?.({ association, notification: { ...notification, payload: undefined } });
  }

  onRoom(association: number): void {
    this.#pump(association);
  }

  /** Sends what there is room for; asks to be called again where there is none. */
  #pump(association: number): void {
    const traffic = this.#trafficOf(association);
    for (let message = this.#next(traffic); message !== undefined; message = this.#next(traffic)) {
      const answer = this.#host.send(association, message);
      if (answer === "queue-full") {
        this.#host.awaitRoom(association, 256 * 1024);
        return;
      }
      if (answer !== "accepted") {
        process.send?.({ association, problem: `send: ${answer}` });
        return;
      }
      this.#advance(traffic);
    }
  }

  #next({ echoes, load, sentOn }: Traffic): OutgoingMessage | undefined {
    const [echo] = echoes;
    if (echo !== undefined || load === undefined || load.turn === load.order.count) return echo;
    const { streams, sizes, unordered = false, reliability } = load.order;
    const streamId = load.turn % streams;
    const number = sentOn.get(streamId) ?? 0;
    const payload = numberedMessage(number, streamId, sizes[load.turn % sizes.length] ?? 1);
    return { streamId, ppid: number, unordered, payload, ...(reliability && { reliability }) };
  }

  #advance(traffic: Traffic): void {
    if (traffic.echoes.shift() !== undefined || traffic.load === undefined) return;
    const streamId = traffic.load.turn % traffic.load.order.streams;
    traffic.sentOn.set(streamId, (traffic.sentOn.get(streamId) ?? 0) + 1);
    traffic.load.turn += 1;
  }

  carryOut(call: OurCall): unknown {
    switch (call.verb) {
      case "connect":
        return this.#host.connect(call.remote, call.port);
      case "send":
        this.#trafficOf(call.association).load = { order: call.order, turn: 0 };
        return this.#pump(call.association);
      case "received":
        return this.#trafficOf(call.association).received.list();
      case "invoke":
        return this.#host.turn((endpoint, nowMs) => {
          const method: unknown = Reflect.get(endpoint, call.method);
          if (typeof method !== "function") throw new Error(`an endpoint has no ${call.method}`);
          return Reflect.apply(method, endpoint, call.timed ? [...call.args, nowMs] : call.args) as unknown;
        });
      case "facts": {
        const state = this.#host.turn((endpoint) => endpoint.state(call.association));
        if (state === undefined) return undefined;
        const { phase, primaryAddress, confirmedAddresses, agreement } = state;
        return { phase, primaryAddress, confirmedAddresses: [...confirmedAddresses], agreement };
      }
      case "held": {
        const state = this.#host.turn((endpoint) => endpoint.state(call.association));
        if (state === undefined) throw new Error("there is no such association");
        return { state: encodeUpdate({ kind: "opened", state }), lease: writeLease(state, call.blockTsns) };
      }
      case "resume": {
        const update = decodeUpdate(call.held.state);
        if (update?.kind !== "opened") throw new Error("that is no state");
        const terms = { lag: { lease: call.held.lease }, lostAddresses: call.lostAddresses };
        return this.#host.turn((endpoint, nowMs) => endpoint.resume(update.state, nowMs, terms));
      }
      case "counters":
        return this.#host.turn((endpoint) => ({ ...endpoint.counters }));
    }
  }
}

const peer = await OurPeer.open(JSON.parse(process.argv[2] ?? "") as OurSetting);
process.on("message", ({ id, call }: { readonly id: number; readonly call: OurCall }) => {
  try {
    process.send?.({ id, answer: peer.carryOut(call) });
  } catch (error) {
    process.send?.({ id, failure: String(error) });
  }
});
process.on("disconnect", () => process.exit());
process.send?.({ ready: true });
