import { describe, expect, it } from "vitest";
import { NumberedApplication } from "../../agents/application/index.ts";
import type { InstanceRecord } from "../../agents/replica/index.ts";
import { ActiveInstance } from "../../agents/replica/index.ts";
import type { OutboundPacket } from "../../agents/sctp/index.ts";
import { Endpoint, seededRandom, telecomParameters } from "../../agents/sctp/index.ts";
import { readPacket } from "../sim/sctp/checker/packet-reader.ts";
import { addressA, addressPeer } from "../sim/cluster.ts";
import { endpointConfig } from "../sim/endpoints.ts";

const load = { ratePerSecond: 2000, sizeBytes: 9000, streams: 1 };

/** A source, and a computer that echoes; what is between them loses the echoes, as long as it is told to. */
class Between {
  nowMs: number = 1000;
  losesEchoes: boolean = false;
  readonly records: InstanceRecord[] = [];
  readonly source: ActiveInstance = instance(addressA, true);
  readonly echoing: ActiveInstance = instance(addressPeer, false);
  #packets: OutboundPacket[] = [];

  run(forMs: number): void {
    for (const endMs = this.nowMs + forMs; this.nowMs < endMs; this.nowMs++) {
      for (const { local, remote, bytes } of this.#packets.splice(0)) {
        const to = remote === addressA ? this.source : this.echoing;
        to.receive(bytes, { local: remote, remote: local }, false, this.nowMs);
      }
      for (const each of [this.source, this.echoing]) {
        each.advance(this.nowMs);
        const { packets, records } = each.takeOutputs(this.nowMs);
        this.records.push(...records);
        this.#packets.push(...packets.filter(({ bytes, local }) => !this.#isLost(bytes, local)));
      }
    }
  }

  #isLost(bytes: Uint8Array, from: string): boolean {
    if (!this.losesEchoes || from !== addressPeer) return false;
    return readPacket(bytes).chunks.some(({ kind }) => kind === "data");
  }

  count(flow: string, act: string): number {
    return this.records.filter((each) => each.kind === "message" && each.flow === flow && each.act === act)
      .length;
  }
}

function instance(address: string, isSource: boolean): ActiveInstance {
  const config = endpointConfig([address], isSource, telecomParameters);
  return new ActiveInstance({
    endpoint: new Endpoint({ ...config, holdsDeliveries: !isSource }, seededRandom(isSource ? 1 : 2)),
    makeApplication: () => new NumberedApplication(isSource ? "down" : "up", !isSource),
    epoch: 1,
    mayLeave: () => true,
  });
}

describe("a computer that echoes", () => {
  it("takes in no more than it can owe: the window closes, and no echo is left out", () => {
    const between = new Between();
    between.echoing.connect(addressA, 7000, between.nowMs);
    between.run(100);
    expect(between.source.startLoad(load, between.nowMs)).toBe(undefined);
    between.run(50);
    between.losesEchoes = true;
    between.run(3000);
    between.losesEchoes = false;
    between.source.stopLoad(between.nowMs);
    between.run(20_000);
    const sent = between.count("down", "sent");
    expect(sent).toBeGreaterThan(50);
    expect(between.count("down", "delivered")).toBe(sent);
    expect(between.count("echo", "delivered")).toBe(sent);
    expect(between.source.status().drained && between.echoing.status().drained).toBe(true);
  });
});
