import { expect, test } from "vitest";
import { NumberedApplication } from "../../agents/application/index.ts";
import type { ActiveOutputs } from "../../agents/replica/active.ts";
import { ActiveInstance, OutsideInstance } from "../../agents/replica/index.ts";
import type { InstanceRecord } from "../../agents/replica/index.ts";
import { Endpoint, seededRandom } from "../../agents/sctp/index.ts";
import { endpointConfig } from "../sim/endpoints.ts";

const addresses = { cluster: "192.0.2.11", peer: "192.0.2.20" } as const;
const ports = [7001, 7002, 7003] as const;
const load = { ratePerSecond: 200, sizeBytes: 64, streams: 2 };

/** A cluster's endpoint and an outside computer with several, one millisecond apart. */
class Pair {
  nowMs = 1000;
  readonly records = { cluster: [] as InstanceRecord[], peer: [] as InstanceRecord[] };
  readonly cluster: ActiveInstance = new ActiveInstance({
    endpoint: new Endpoint(endpointConfig([addresses.cluster], true), seededRandom(1)),
    makeApplication: () => new NumberedApplication("down"),
    epoch: 1,
    mayLeave: () => true,
  });
  readonly peer: OutsideInstance = new OutsideInstance(ports, (localPort) => {
    const config = { ...endpointConfig([addresses.peer], false), localPort };
    return new ActiveInstance({
      endpoint: new Endpoint(config, seededRandom(localPort)),
      makeApplication: () => new NumberedApplication("up", true),
      epoch: 1,
      mayLeave: () => true,
    });
  });

  run(ms: number): void {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs; this.nowMs += 1) {
      this.cluster.advance(this.nowMs);
      this.peer.advance(this.nowMs);
      this.#carry("cluster", this.cluster.takeOutputs(this.nowMs), this.peer);
      this.#carry("peer", this.peer.takeOutputs(this.nowMs), this.cluster);
    }
  }

  #carry(
    from: "cluster" | "peer",
    { packets, records }: ActiveOutputs,
    to: ActiveInstance | OutsideInstance,
  ) {
    this.records[from].push(...records);
    for (const { local, remote, remotePort, bytes } of packets)
      to.receive(bytes, { local: remote, remote: local, remotePort }, false, this.nowMs);
  }

  /** How many messages of a flow a side recorded, by association. */
  messages(side: "cluster" | "peer", act: "sent" | "delivered", flow: string): number[] {
    const counts = new Map<number | undefined, number>();
    for (const record of this.records[side]) {
      if (record.kind !== "message" || record.act !== act || record.flow !== flow) continue;
      counts.set(record.association, (counts.get(record.association) ?? 0) + 1);
    }
    return [...counts.values()];
  }
}

function connected(): Pair {
  const pair = new Pair();
  pair.peer.connect(addresses.cluster, 7000, pair.nowMs);
  pair.run(200);
  return pair;
}

test("an outside computer has an association from each of its ports, and both say which", () => {
  const pair = connected();
  expect(pair.peer.associated).toBe(true);
  const up = pair.records.cluster.flatMap((record) =>
    record.kind === "event" && record.name === "association-up" ? [record.detail] : [],
  );
  expect(new Set(up.map(({ peerPort }) => peerPort))).toEqual(new Set(ports));
  expect(new Set(up.map(({ association }) => association)).size).toBe(ports.length);
});

test("a load runs on each, numbered by itself, and every record names its association", () => {
  const pair = connected();
  expect(pair.cluster.startLoad(load, pair.nowMs, ports.length)).toBeUndefined();
  expect(pair.peer.startLoad(load, pair.nowMs)).toBeUndefined();
  pair.run(1000);
  pair.cluster.stopLoad(pair.nowMs);
  pair.peer.stopLoad(pair.nowMs);
  pair.run(500);
  for (const side of ["cluster", "peer"] as const) {
    const { totals, drained } = pair[side].status();
    expect(drained).toBe(true);
    expect(totals).toHaveLength(ports.length * load.streams);
    expect(new Set(totals.map(({ association }) => association)).size).toBe(ports.length);
    for (const { sent } of totals) expect(sent).toBeGreaterThan(80);
  }
  expect(pair.messages("peer", "delivered", "down")).toEqual(pair.messages("cluster", "sent", "down"));
  expect(pair.messages("cluster", "delivered", "up")).toHaveLength(ports.length);
  expect(pair.messages("cluster", "delivered", "echo")).toHaveLength(ports.length);
});

test("a load on more associations than there are is refused, and on fewer leaves the later ones alone", () => {
  const pair = connected();
  expect(pair.cluster.startLoad(load, pair.nowMs, 4)).toBe(
    "a load on 4 associations was asked for, and only 3 can take one",
  );
  expect(pair.cluster.status().totals).toEqual([]);
  expect(pair.cluster.startLoad(load, pair.nowMs, 2)).toBeUndefined();
  pair.run(200);
  expect(pair.messages("cluster", "sent", "down")).toHaveLength(2);
});

test("all of them are shut down together", () => {
  const pair = connected();
  pair.peer.shutdown(pair.nowMs);
  pair.run(200);
  const closed = pair.records.cluster.filter(
    (record) => record.kind === "event" && record.name === "association-closed",
  );
  expect(closed).toHaveLength(ports.length);
});
