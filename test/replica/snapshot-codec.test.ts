import { decode, encode } from "cborg";
import { describe, expect, it } from "vitest";
import { decodeSnapshot, encodeSnapshot, secretsOf } from "../../agents/replica/snapshot/codec.ts";
import {
  Endpoint,
  crc32c,
  rfc9260Parameters,
  seededRandom,
  telecomParameters,
} from "../../agents/sctp/index.ts";
import type { EndpointSnapshot } from "../../agents/sctp/index.ts";

const US = "192.0.2.11";
const PEER = "192.0.2.20";
const extensions = {
  partialReliability: true,
  interleaving: true,
  authentication: true,
  addressReconfiguration: true,
  streamReconfiguration: true,
  ecn: true,
};

const sharedSecret: Uint8Array = Uint8Array.of(0xde, 0xad, 0xbe, 0xef, 0x99);

const endpointAt = (address: string, seed: number): Endpoint =>
  new Endpoint(
    {
      localPort: 7000,
      localAddresses: [address],
      ownAddress: address,
      listening: true,
      cookieKey: new Uint8Array(32).fill(0xc0 + seed),
      parameters: {
        ...telecomParameters,
        extensions,
        authenticatedChunkTypes: [0x0f],
        streamValues: [[1, 7]],
      },
    },
    seededRandom(seed),
  );

/** An endpoint in the middle of everything: data out, data behind a gap, a queue, a call, a retired tag. */
function busyEndpoint(): EndpointSnapshot {
  const a = endpointAt(US, 1);
  const b = endpointAt(PEER, 2);
  a.setKey(undefined, 7, sharedSecret);
  b.setKey(undefined, 7, sharedSecret);
  const handle = a.connect(PEER, 7000, 1000);
  let dropped = 0;
  const exchange = (drops: boolean): void => {
    for (;;) {
      const there = a.takeOutputs().packets;
      const back = b.takeOutputs().packets;
      if (there.length + back.length === 0) return;
      for (const { bytes } of there) b.receive(bytes, { local: PEER, remote: US }, 1000);
      for (const { bytes, reason } of back) {
        const first = reason === "data" && dropped === 0;
        if (drops && first) dropped += 1;
        if (drops && (first || reason === "fast-retransmission")) continue;
        a.receive(bytes, { local: US, remote: PEER }, 1000);
      }
    }
  };
  exchange(false);
  const [theirs = 0] = b.associations();
  for (let at = 0; at < 40; at++) {
    const payload = new Uint8Array(700).fill(at);
    b.send(theirs, { streamId: at % 3, ppid: at, unordered: at % 4 === 3, payload }, 1000);
  }
  exchange(true);
  for (let at = 0; at < 60; at++) {
    const reliability = at % 2 === 0 ? ({ policy: "timed", lifetimeMs: 500 } as const) : undefined;
    const message = {
      streamId: at % 5,
      ppid: at,
      unordered: at % 3 === 0,
      payload: new Uint8Array(3000).fill(at),
    };
    a.send(handle, { ...message, context: at, ...(reliability === undefined ? {} : { reliability }) }, 1000);
  }
  a.takeOutputs();
  a.connect(["192.0.2.30", "192.0.2.31"], 7000, 1000);
  a.takeOutputs();
  const snapshot = a.snapshot();
  expect(snapshot.associations[0]?.state.receive.buffered.size).toBeGreaterThan(0);
  expect(snapshot.associations[0]?.state.send.queuedMessages).toBeGreaterThan(0);
  expect(snapshot.associations[0]?.flight.transmissions.length).toBeGreaterThan(0);
  expect(snapshot.connecting).toHaveLength(1);
  return snapshot;
}

const busy = busyEndpoint();
const written = encodeSnapshot(busy);

/** The bytes of `busy` with a change, under a good checksum. */
function changed(change: (body: Record<string, unknown>) => void): Uint8Array {
  const body = decode(written.subarray(0, -4)) as Record<string, unknown>;
  change(body);
  const bytes = encode(body);
  const out = new Uint8Array(bytes.length + 4);
  out.set(bytes);
  new DataView(out.buffer).setUint32(bytes.length, crc32c(bytes));
  return out;
}

const association = (body: Record<string, unknown>): Record<string, unknown> =>
  (body["associations"] as Record<string, unknown>[])[0]!;

describe("a snapshot as bytes", () => {
  it("comes back as it was", () => {
    const decoded = decodeSnapshot(written, secretsOf(busy));
    expect(decoded).toEqual({ ok: true, snapshot: busy });
  });

  it("contains no key", () => {
    const holds = (secret: Uint8Array): boolean => Buffer.from(written).includes(Buffer.from(secret));
    expect(holds(new Uint8Array(16).fill(0xc1))).toBe(false);
    expect(holds(sharedSecret)).toBe(false);
    expect(holds(new Uint8Array(16).fill(5)), "payloads are there").toBe(true);
  });

  it("holds what was configured for associations to come", () => {
    const endpoint = endpointAt(US, 1);
    endpoint.configure({ rtoInitialMs: 777, primarySwitchoverMaxRetrans: Number.POSITIVE_INFINITY });
    const snapshot = endpoint.snapshot();
    const decoded = decodeSnapshot(encodeSnapshot(snapshot), secretsOf(snapshot));
    expect(decoded.ok && decoded.snapshot.parameters.rtoInitialMs).toBe(777);
    expect(rfc9260Parameters.rtoInitialMs).not.toBe(777);
  });

  it.each<[string, (body: Record<string, unknown>) => void, RegExp]>([
    ["another version", (body) => (body["version"] = 2), /is of version 2, and this is for version 1/],
    ["no version", (body) => delete body["version"], /does not say its version/],
    ["a field too many", (body) => (body["more"] = 1), /more/],
    ["a field too few", (body) => delete association(body)["sack"], /sack/],
    ["a negative time-out", (body) => (first(body)["rto"] = { rtoMs: -1, rttVariationMs: 0 }), /rto/],
    ["a path to a stranger", (body) => (first(body)["address"] = "192.0.2.99"), /no path to 192\.0\.2\.20/],
    [
      "a timer for a stranger",
      (body) => (association(body)["deadlines"] = [["t3 192.0.2.99", 5]]),
      /a timer runs for 192\.0\.2\.99/,
    ],
    [
      "no transmissions",
      (body) => (association(body)["flight"] = { transmissions: [] }),
      /0 transmissions for/,
    ],
    [
      "an idle scheduler",
      (body) => ((association(body)["scheduler"] as { active: number[] }).active = []),
      /scheduler/,
    ],
    [
      "the same association twice",
      (body) => (body["associations"] = [association(body), association(body)]),
      /same tag/,
    ],
    [
      "a state cut short",
      (body) => (association(body)["state"] = (association(body)["state"] as Uint8Array).subarray(0, 90)),
      /end too early/,
    ],
  ])("is refused with %s", (_, change, reason) => {
    const decoded = decodeSnapshot(changed(change), secretsOf(busy));
    expect(decoded).toMatchObject({ ok: false, reason: expect.stringMatching(reason) });
  });

  it("is refused with any byte damaged, cut short, or longer", () => {
    for (let at = 0; at < written.length; at += 97) {
      const damaged = written.slice();
      damaged[at] = (damaged[at] ?? 0) ^ 0x40;
      expect(decodeSnapshot(damaged, secretsOf(busy)).ok, `byte ${at}`).toBe(false);
    }
    for (const length of [0, 3, 4, 5, written.length - 1])
      expect(decodeSnapshot(written.subarray(0, length), secretsOf(busy)).ok).toBe(false);
    expect(decodeSnapshot(Uint8Array.of(...written.subarray(0, 100), 0), secretsOf(busy)).ok).toBe(false);
  });

  it("is refused without the keys of its associations", () => {
    const secrets = { ...secretsOf(busy), associationKeys: new Map() };
    expect(decodeSnapshot(written, secrets)).toMatchObject({
      ok: false,
      reason: expect.stringMatching(/no keys/),
    });
  });
});

const first = (body: Record<string, unknown>): Record<string, unknown> =>
  (association(body)["paths"] as Record<string, unknown>[])[0]!;
