import { describe, expect, it } from "vitest";
import { Endpoint, noExtensions, seededRandom, ssn, tsn } from "../../agents/sctp/index.ts";
import type { Tsn, WantedReconfiguration } from "../../agents/sctp/index.ts";
import type { Chunk, DataChunk, Parameter } from "../../agents/sctp/wire/index.ts";
import { writePacket } from "../../agents/sctp/wire/index.ts";
import { Bench, peer, types, us } from "./handshake/bench.ts";
import type { Sent } from "./handshake/bench.ts";
import { data as chunkOf } from "./rx/chunks.ts";

/** RFC 6525 where something comes in between: a request of the other side, a shutdown, old packets, new data. */

const far = 0x8000_0000;

class Stage {
  readonly bench: Bench;
  readonly tag: number;
  #request: number = 1000;

  constructor(windowBytes: number = 100_000) {
    this.bench = new Bench({
      extensions: { ...noExtensions, streamReconfiguration: true, partialReliability: true, ecn: true },
      acceptsStreamReset: true,
      acceptsAssociationReset: true,
    });
    this.tag = this.bench.accept({
      advertisedWindow: windowBytes,
      parameters: [{ type: "SUPPORTED_EXTENSIONS", chunkTypes: [0x82, 0xc0] }, { type: "ECN_CAPABLE" }],
    });
  }

  get #state(): ReturnType<Bench["state"]> {
    return this.bench.state(this.tag);
  }

  get nextTsn(): Tsn {
    return this.#state.send.nextTsn;
  }

  get isAlive(): boolean {
    return this.bench.endpoint.state(this.tag) !== undefined;
  }

  ask(wanted: WantedReconfiguration): Sent[] {
    expect(this.bench.endpoint.reconfigure(this.tag, wanted, this.bench.nowMs)).toBe("accepted");
    return this.bench.sent();
  }

  send(streamId: number = 0, size: number = 10): Sent[] {
    const message = { streamId, ppid: 0, unordered: false, payload: new Uint8Array(size) };
    this.bench.endpoint.send(this.tag, message, this.bench.nowMs);
    return this.bench.sent();
  }

  give(...chunks: Chunk[]): Sent[] {
    return this.bench.give(chunks, { tag: this.tag });
  }

  /** The peer acknowledges everything that was sent, or up to a TSN. */
  sack(cumulativeTsn: number = this.nextTsn - 1, windowBytes: number = 100_000): Sent[] {
    return this.give({
      type: "SACK",
      cumulativeTsn: tsn(cumulativeTsn),
      advertisedWindow: windowBytes,
      gaps: [],
      duplicates: [],
    });
  }

  /** The peer's next request; answers the result of our response, if there is one. */
  request(
    type: "INCOMING_SSN_RESET_REQUEST" | "SSN_TSN_RESET_REQUEST",
    streams: readonly number[] = [],
  ): number | undefined {
    const requestSequence = this.#request++;
    const parameter: Parameter =
      type === "SSN_TSN_RESET_REQUEST" ? { type, requestSequence } : { type, requestSequence, streams };
    const answers = this.give({ type: "RE_CONFIG", parameters: [parameter] });
    return answers
      .flatMap(({ chunks }) =>
        chunks.flatMap((chunk) => (chunk.type === "RE_CONFIG" ? chunk.parameters : [])),
      )
      .flatMap((each) => (each.type === "RECONFIGURATION_RESPONSE" ? [each.result] : []))[0];
  }

  /** The peer's answer to our request. */
  answer(result: number, nextTsns?: { readonly sender: Tsn; readonly receiver: Tsn }): Sent[] {
    const responseSequence = this.#state.reconfiguration.inFlight?.sequence ?? 0;
    const response = { type: "RECONFIGURATION_RESPONSE", responseSequence, result } as const;
    const parameters = [nextTsns === undefined ? response : { ...response, nextTsns }];
    return this.give({ type: "RE_CONFIG", parameters });
  }

  get outcomes(): unknown[] {
    return this.bench.notifications.flatMap(({ notification }) =>
      "outcome" in notification ? [[notification.type, notification.outcome]] : [],
    );
  }
}

const data = (number: number, streamId: number, streamSequence: number): DataChunk => {
  const fields = { streamId, ssn: ssn(streamSequence), immediate: true };
  return chunkOf(number, { ...fields, ppid: 0, payload: new Uint8Array(10) });
};

const ssns = (packets: readonly Sent[]): number[] =>
  packets.flatMap(({ chunks }) => chunks.flatMap((chunk) => (chunk.type === "DATA" ? [chunk.ssn] : [])));

describe("requests of RFC 6525 that cross", () => {
  it("both incoming resets: neither waits for the other for ever", () => {
    const stage = new Stage();
    stage.send();
    stage.sack();
    expect(types(stage.ask({ kind: "incoming-reset", streams: [1] }))).toEqual(["RE_CONFIG"]);
    expect(stage.request("INCOMING_SSN_RESET_REQUEST", [0])).toBe(4);
    stage.answer(4);
    expect(stage.outcomes).toEqual([["stream-reset", "failed"]]);
  });

  it("both SSN/TSN resets: each would go on from other TSNs than the other thinks", () => {
    const stage = new Stage();
    stage.ask({ kind: "ssn-tsn-reset" });
    expect(stage.request("SSN_TSN_RESET_REQUEST")).toBe(4);
    stage.answer(4);
    expect(stage.outcomes).toEqual([["association-reset", "failed"]]);
    expect(stage.request("SSN_TSN_RESET_REQUEST")).toBe(1);
  });

  it("an outgoing reset and the peer's SSN/TSN reset: the stream waits on for the answer to the first", () => {
    const stage = new Stage();
    stage.ask({ kind: "outgoing-reset", streams: [0] });
    expect(stage.request("SSN_TSN_RESET_REQUEST")).toBe(1);
    expect(types(stage.send(0))).toEqual([]);
    expect(ssns(stage.send(1))).toEqual([0]);
    expect(ssns(stage.answer(1))).toEqual([0]);
  });

  it("two of our own: what was given between them is sent, and both are asked for", () => {
    const stage = new Stage(1500);
    stage.send(0, 1400);
    stage.send(0, 1400);
    stage.ask({ kind: "outgoing-reset", streams: [0] });
    expect(types(stage.send(0))).toEqual([]);
    stage.ask({ kind: "outgoing-reset", streams: [1] });
    // The last message before it goes, and the request at once behind it.
    expect(types(stage.sack()).join("+")).toBe("DATA+RE_CONFIG");
    stage.sack();
    expect(types(stage.answer(1)).join("+")).toBe("RE_CONFIG+DATA");
  });
});

describe("a peer that asked for an SSN/TSN reset and asks no more", () => {
  it("keeps data back for two RTO.Max and no longer: without it nobody notices that the peer is gone", () => {
    const stage = new Stage();
    const { bench } = stage;
    stage.send();
    expect(stage.request("SSN_TSN_RESET_REQUEST")).toBe(6);
    expect(types(stage.send())).toEqual([]);
    expect(types(stage.sack())).toEqual([]);
    const askedAtMs = bench.nowMs;
    expect(ssns(bench.nextDeadline())).toEqual([1]);
    expect(bench.nowMs - askedAtMs).toBe(120_000);
  });
});

describe("a reset and the end of the association", () => {
  it("the request is repeated in SHUTDOWN-PENDING, since data waits for its answer", () => {
    const stage = new Stage();
    stage.ask({ kind: "outgoing-reset", streams: [0] });
    stage.send(0);
    stage.bench.endpoint.shutdown(stage.tag, stage.bench.nowMs);
    expect(types(stage.bench.sent())).toEqual([]);
    expect(types(stage.bench.nextDeadline())).toEqual(["RE_CONFIG"]);
    expect(ssns(stage.answer(1))).toEqual([0]);
    expect(types(stage.sack())).toEqual(["SHUTDOWN"]);
  });

  it("a peer that shuts down asks no more: what its SSN/TSN reset kept back goes on", () => {
    const stage = new Stage();
    stage.send();
    expect(stage.request("SSN_TSN_RESET_REQUEST")).toBe(6);
    expect(types(stage.send())).toEqual([]);
    const sent = stage.give({ type: "SHUTDOWN", cumulativeTsn: tsn(stage.nextTsn - 1) });
    expect(ssns(sent)).toEqual([1]);
  });
});

describe("an outgoing reset of the peer", () => {
  it("waits for messages that a partial delivery keeps back (5.2.2, E2)", () => {
    const stage = new Stage();
    const part = (number: number, beginning: boolean, size: number): DataChunk => {
      const payload = new Uint8Array(size);
      return { ...data(number, 1, 0), unordered: true, beginning, ending: !beginning, payload };
    };
    stage.bench.endpoint.configureAssociation(
      stage.tag,
      { partialDeliveryPointBytes: 1000 },
      stage.bench.nowMs,
    );
    stage.give(part(1001, true, 1200));
    stage.give(data(1000, 0, 0));
    const reset = { type: "OUTGOING_SSN_RESET_REQUEST", requestSequence: 1000, responseSequence: 0 } as const;
    const request = { ...reset, lastTsn: tsn(1000), streams: [0] };
    const results = (packets: readonly Sent[]): unknown[] =>
      packets.flatMap(({ chunks }) =>
        chunks.flatMap((chunk) =>
          chunk.type === "RE_CONFIG"
            ? chunk.parameters.map((each) => (each.type === "RECONFIGURATION_RESPONSE" ? each.result : 0))
            : [],
        ),
      );
    expect(results(stage.give({ type: "RE_CONFIG", parameters: [request] }))).toEqual([6]);
    expect(results(stage.give(part(1002, false, 10)))).toEqual([1]);
    expect(stage.bench.state(stage.tag).receive.buffered.size).toBe(0);
  });
});

describe("packets of two numberings (RFC 6525 section 5.2.4, G1)", () => {
  it("a SHUTDOWN of the new one that overtakes the answer accuses nobody", () => {
    const stage = new Stage();
    const { nextTsn } = stage;
    stage.ask({ kind: "ssn-tsn-reset" });
    stage.sack(nextTsn + far - 1);
    stage.give({ type: "SHUTDOWN", cumulativeTsn: tsn(nextTsn + far - 1) });
    expect(stage.isAlive).toBe(true);
    stage.answer(1, { sender: tsn(1000), receiver: tsn(nextTsn + far) });
    expect(stage.nextTsn).toBe((nextTsn + far) >>> 0);
  });

  it("a SACK of the old one that comes late does neither", () => {
    const stage = new Stage();
    for (let count = 0; count < 3; count++) stage.send();
    stage.sack();
    const { nextTsn } = stage;
    stage.ask({ kind: "ssn-tsn-reset" });
    stage.answer(1, { sender: tsn(1000), receiver: tsn(nextTsn + far) });
    stage.sack(nextTsn - 2);
    expect(stage.isAlive).toBe(true);
    stage.send();
    stage.sack();
    expect(stage.bench.state(stage.tag).send.outstanding.length).toBe(0);
  });

  it("data of the new one that overtakes the answer is taken where that is safe, and else comes again", () => {
    const stage = new Stage();
    stage.give(data(1000, 0, 0));
    stage.ask({ kind: "ssn-tsn-reset" });
    stage.give(data(1001, 1, 0));
    stage.give(data(1002, 0, 0));
    stage.give(data(1003, 1, 1));
    const { receive } = stage.bench.state(stage.tag);
    expect([stage.isAlive, receive.cumulativeTsn]).toEqual([true, 1001]);
    stage.answer(1, { sender: tsn(1001), receiver: tsn(stage.nextTsn + far) });
    expect(receive.cumulativeTsn).toBe(1001);
    stage.give(data(1002, 0, 0));
    stage.give(data(1003, 1, 1));
    expect([receive.cumulativeTsn, receive.buffered.size, stage.isAlive]).toEqual([1003, 0, true]);
  });

  it("data above a gap waits for what fills the gap, be it FORWARD TSN, and is delivered before the reset", () => {
    const stage = new Stage();
    stage.ask({ kind: "ssn-tsn-reset" });
    stage.bench.endpoint.takeOutputs();
    const delivered = (chunk: Chunk): number[] => {
      const packet = { sourcePort: 7000, destinationPort: 7000, verificationTag: stage.tag, chunks: [chunk] };
      const route = { local: us, remote: peer };
      stage.bench.endpoint.receive(writePacket(packet), route, stage.bench.nowMs);
      return stage.bench.endpoint.takeOutputs().deliveries.map((each) => each.tsn);
    };
    expect(delivered(data(1001, 1, 0))).toEqual([]);
    expect(delivered(data(1000, 0, 0))).toEqual([1000, 1001]);
    expect(delivered(data(1003, 1, 1))).toEqual([]);
    const skip = { type: "FORWARD_TSN", newCumulativeTsn: tsn(1002), streams: [{ streamId: 0, ssn: 1 }] };
    expect(delivered(skip as Chunk)).toEqual([1003]);
  });

  const forwardTsn = (newCumulativeTsn: number, streamSequence: number): Chunk => ({
    type: "FORWARD_TSN",
    newCumulativeTsn: tsn(newCumulativeTsn),
    streams: [{ streamId: 0, ssn: ssn(streamSequence) }],
  });

  it.each([false, true])(
    "a FORWARD TSN of the new one that overtakes the answer skips what it lists, restored meanwhile: %s",
    (restored) => {
      const stage = new Stage();
      const { bench } = stage;
      for (const number of [0, 1, 2]) stage.give(data(1000 + number, 0, number));
      stage.ask({ kind: "ssn-tsn-reset" });
      // By the old numbering that message is delivered long since.
      stage.give(forwardTsn(1004, 1));
      if (restored)
        bench.endpoint = Endpoint.restore(bench.endpoint.snapshot(), bench.config, seededRandom(1));
      stage.answer(1, { sender: tsn(1003), receiver: tsn(stage.nextTsn + far) });
      stage.give(data(1005, 0, 2));
      const { receive } = bench.state(stage.tag);
      expect([receive.cumulativeTsn, receive.buffered.size, receive.nextSsn[0]]).toEqual([1005, 0, 3]);
    },
  );

  it("a FORWARD TSN of the old one skips nothing of the new one", () => {
    const stage = new Stage();
    stage.give(data(1000, 0, 0));
    stage.ask({ kind: "ssn-tsn-reset" });
    stage.give(forwardTsn(1001, 1));
    stage.answer(1, { sender: tsn(1002), receiver: tsn(stage.nextTsn + far) });
    stage.give(data(1002, 0, 0));
    const { receive } = stage.bench.state(stage.tag);
    expect([stage.isAlive, receive.cumulativeTsn, receive.nextSsn[0]]).toEqual([true, 1002, 1]);
  });

  it("marks of the old one are echoed no more", () => {
    const stage = new Stage();
    const marked = (chunk: DataChunk): string[] => {
      const packet = { sourcePort: 7000, destinationPort: 7000, verificationTag: stage.tag, chunks: [chunk] };
      const route = { local: us, remote: peer };
      stage.bench.endpoint.receive(writePacket(packet), route, stage.bench.nowMs, true);
      return types(stage.bench.sent());
    };
    expect(marked(data(1000, 0, 0))).toEqual(["ECNE+SACK"]);
    expect(stage.request("SSN_TSN_RESET_REQUEST")).toBe(1);
    expect(types(stage.give(data(1001 + far, 0, 0)))).toEqual(["SACK"]);
    // A late copy of an old packet.
    expect(marked(data(1000, 0, 0))).toEqual(["SACK"]);
    expect(marked(data(1002 + far, 0, 1))).toEqual(["ECNE+SACK"]);
  });
});
