import type {
  EndpointConfig,
  EndpointOutputs,
  EndpointSnapshot,
  ProtocolParameters,
  Route,
} from "../../../agents/sctp/index.ts";
import { checksumOf } from "./checker/packet-reader.ts";
import { extensionMutants } from "./extension-mutants.ts";
import type { Mutant } from "./mutant-tools.ts";
import { bendPackets, changed, dataType, sackType, sealed, typeOf } from "./mutant-tools.ts";
import type { PathSizes, PortFactory } from "./port.ts";
import { RealPort } from "./port.ts";

class SackOneTooMany extends RealPort {
  #sacks: number = 0;
  override takeOutputs(): EndpointOutputs {
    return bendPackets(super.takeOutputs(), ({ bytes }) => {
      if (typeOf(bytes) !== sackType || ++this.#sacks % 5 !== 0) return bytes;
      return changed(bytes, (view) => view.setUint32(16, view.getUint32(16) + 1));
    });
  }
}

class SackGoesBack extends RealPort {
  #first: Uint8Array | undefined;
  #sacks: number = 0;
  override takeOutputs(): EndpointOutputs {
    return bendPackets(super.takeOutputs(), ({ bytes }) => {
      if (typeOf(bytes) !== sackType || bytes.length !== 28) return bytes;
      this.#first ??= bytes;
      return ++this.#sacks % 5 === 0 ? this.#first : bytes;
    });
  }
}

class DeliversTwice extends RealPort {
  #count: number = 0;
  override takeOutputs(): EndpointOutputs {
    const outputs = super.takeOutputs();
    const deliveries = outputs.deliveries.flatMap((each) =>
      ++this.#count % 20 === 0 ? [each, each] : [each],
    );
    return { ...outputs, deliveries };
  }
}

class SwapsMessages extends RealPort {
  #held: EndpointOutputs["deliveries"] = [];
  #count: number = 0;
  override takeOutputs(): EndpointOutputs {
    const outputs = super.takeOutputs();
    const deliveries: EndpointOutputs["deliveries"] = [];
    for (const each of outputs.deliveries) {
      if (++this.#count % 10 === 0) this.#held.push(each);
      else deliveries.push(each, ...this.#held.splice(0));
    }
    return { ...outputs, deliveries };
  }
}

class LosesADelivery extends RealPort {
  #count: number = 0;
  override takeOutputs(): EndpointOutputs {
    const outputs = super.takeOutputs();
    return { ...outputs, deliveries: outputs.deliveries.filter(() => ++this.#count % 20 !== 0) };
  }
}

class ChangesWhatItRepeats extends RealPort {
  override takeOutputs(): EndpointOutputs {
    return bendPackets(super.takeOutputs(), ({ bytes, reason }) => {
      if (reason !== "t3-retransmission" || typeOf(bytes) !== dataType) return bytes;
      return changed(bytes, (_, copy) => void (copy[28]! ^= 1));
    });
  }
}

class SendsTwiceItsWindow extends RealPort {
  override paths(handle: number): ReadonlyMap<string, PathSizes> {
    const halved = (sizes: PathSizes): PathSizes => ({ ...sizes, windowBytes: sizes.windowBytes / 2 });
    return new Map([...super.paths(handle)].map(([address, sizes]) => [address, halved(sizes)]));
  }
}

class IgnoresTheReceiversWindow extends RealPort {
  override receive(bytes: Uint8Array, route: Route, nowMs: number, marked: boolean): void {
    const good =
      typeOf(bytes) === sackType &&
      new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true) === checksumOf(bytes);
    super.receive(
      good ? changed(bytes, (view) => view.setUint32(20, 0x100000)) : bytes,
      route,
      nowMs,
      marked,
    );
  }
}

class LosesRetransmissions extends RealPort {
  override takeOutputs(): EndpointOutputs {
    return bendPackets(super.takeOutputs(), ({ bytes, reason }) =>
      reason.endsWith("retransmission") ? undefined : bytes,
    );
  }
}

class ShutdownLosesTheLastMessage extends RealPort {
  #shuttingDown: boolean = false;
  override shutdown(handle: number, nowMs: number): void {
    this.#shuttingDown = true;
    super.shutdown(handle, nowMs);
  }
  override takeOutputs(): EndpointOutputs {
    const outputs = super.takeOutputs();
    return this.#shuttingDown ? { ...outputs, deliveries: [] } : outputs;
  }
}

class RepeatsAcknowledgedData extends RealPort {
  #kept: EndpointOutputs["packets"][number] | undefined;
  #count: number = 0;
  override takeOutputs(): EndpointOutputs {
    const outputs = super.takeOutputs();
    const data = outputs.packets.find(({ bytes }) => typeOf(bytes) === dataType);
    this.#kept ??= data;
    if (data === undefined || ++this.#count % 15 !== 0 || data.association !== this.#kept?.association)
      return outputs;
    return { ...outputs, packets: [...outputs.packets, { ...this.#kept, bytes: this.#kept.bytes.slice() }] };
  }
}

class TakesDamagedPackets extends RealPort {
  override receive(bytes: Uint8Array, route: Route, nowMs: number, marked: boolean): void {
    super.receive(sealed(bytes.slice()), route, nowMs, marked);
  }
}

class PacketsTooLarge extends RealPort {
  override takeOutputs(): EndpointOutputs {
    return bendPackets(super.takeOutputs(), ({ bytes }) => {
      if (typeOf(bytes) !== dataType || bytes.length < 1000) return bytes;
      const padded = new Uint8Array(bytes.length + 600);
      padded.set(bytes);
      padded.set([132, 0, 600 >> 8, 600 & 255], bytes.length);
      return sealed(padded);
    });
  }
}

class RestoreForgetsTimers extends RealPort {
  protected override taken(snapshot: EndpointSnapshot): EndpointSnapshot {
    return { ...snapshot, associations: snapshot.associations.map((each) => ({ ...each, deadlines: [] })) };
  }
}

const withParameters =
  (change: (parameters: ProtocolParameters) => Partial<ProtocolParameters>): PortFactory =>
  (config: EndpointConfig, random) =>
    new RealPort({ ...config, parameters: { ...config.parameters, ...change(config.parameters) } }, random);

const liveness = "liveness";
const tsnTwice = "a TSN has one payload";

export const mutants: readonly Mutant[] = [
  {
    name: "a SACK acknowledges one TSN too many",
    withinSeeds: 20,
    properties: ["a SACK acknowledges only what arrived"],
    make: (config, random) => new SackOneTooMany(config, random),
  },
  {
    name: "the cumulative TSN goes back",
    withinSeeds: 20,
    properties: ["the cumulative TSN never goes back"],
    make: (config, random) => new SackGoesBack(config, random),
  },
  {
    name: "a message is delivered twice",
    withinSeeds: 20,
    properties: ["a message is delivered once"],
    make: (config, random) => new DeliversTwice(config, random),
  },
  {
    name: "messages change places",
    withinSeeds: 20,
    properties: ["order within a stream", liveness],
    make: (config, random) => new SwapsMessages(config, random),
  },
  {
    name: "a message is not delivered",
    withinSeeds: 20,
    properties: ["order within a stream", liveness, "shutdown loses nothing"],
    make: (config, random) => new LosesADelivery(config, random),
  },
  {
    name: "a TSN is used for something else",
    withinSeeds: 20,
    properties: [tsnTwice],
    make: (config, random) => new ChangesWhatItRepeats(config, random),
  },
  {
    name: "twice the congestion window is sent",
    withinSeeds: 20,
    properties: ["congestion window (RFC 9260 sections 6.1 B and 7.2.1)"],
    make: (config, random) => new SendsTwiceItsWindow(config, random),
  },
  {
    name: "the receiver's window is ignored",
    withinSeeds: 100,
    properties: ["the receiver's window (RFC 9260 section 6.1 A)"],
    make: (config, random) => new IgnoresTheReceiversWindow(config, random),
  },
  {
    name: "retransmissions are not sent",
    withinSeeds: 20,
    properties: [liveness, "TSNs are given in order"],
    make: (config, random) => new LosesRetransmissions(config, random),
  },
  {
    name: "shutdown loses the last messages",
    withinSeeds: 100,
    properties: ["shutdown loses nothing", "order within a stream"],
    make: (config, random) => new ShutdownLosesTheLastMessage(config, random),
  },
  {
    name: "acknowledged data is sent again",
    withinSeeds: 20,
    properties: ["only unacknowledged TSNs are sent again"],
    make: (config, random) => new RepeatsAcknowledgedData(config, random),
  },
  {
    name: "damaged packets are taken for good",
    withinSeeds: 50,
    properties: ["content is intact", tsnTwice],
    make: (config, random) => new TakesDamagedPackets(config, random),
  },
  {
    name: "packets are larger than the path takes",
    withinSeeds: 20,
    properties: ["a packet fits the path MTU setting"],
    make: (config, random) => new PacketsTooLarge(config, random),
  },
  {
    name: "Max.Burst is ignored",
    withinSeeds: 50,
    properties: ["Max.Burst (RFC 9260 section 6.1 D)"],
    make: withParameters(() => ({ maxBurst: 1000 })),
  },
  {
    name: "T3 expires too early",
    withinSeeds: 50,
    properties: ["retransmission needs T3 or three missing reports"],
    make: withParameters(({ rtoMinMs }) => ({ rtoMinMs: rtoMinMs / 8 })),
  },
  {
    name: "more is taken in than the buffer holds",
    withinSeeds: 50,
    properties: ["memory is bounded", "the receiver's window (RFC 9260 section 6.1 A)"],
    make: withParameters(({ receiveBufferBytes }) => ({ receiveBufferBytes: 8 * receiveBufferBytes })),
  },
  {
    name: "a restore forgets the timers",
    withinSeeds: 20,
    properties: ["a restore is not noticed", liveness],
    make: (config, random) => new RestoreForgetsTimers(config, random),
  },
  ...extensionMutants,
];
