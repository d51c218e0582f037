import { seededRandom } from "../../agents/sctp/index.ts";
import type { Endpoint, OutgoingMessage, RandomSource, Route } from "../../agents/sctp/index.ts";
import { fraction, sctpPort, virtualEndpoint } from "./endpoints.ts";
import { predictedMbits, predictionNotes } from "./prediction.ts";
import { Underway } from "./underway.ts";

const sender = "192.0.2.1";
const receiver = "192.0.2.2";
/** One DATA chunk fills one packet of 1472 bytes: the formulas count packets. */
const messageBytes = 1444;
/** The first seconds belong to slow start. */
const rampMs = 20_000;

interface Underways {
  readonly to: Endpoint;
  readonly bytes: Uint8Array;
  readonly route: Route;
}

/** Two endpoints and a link without a bottleneck: a delay, and loss of the packets that carry data. */
class LossyPair {
  nowMs: number = 1_000_000;
  deliveredBytes: number = 0;
  dataPackets: number = 0;
  lostPackets: number = 0;
  readonly #a: Endpoint = virtualEndpoint(sender, sctpPort, false, 1, {
    receiveBufferBytes: 4 * 2 ** 20,
    sendBufferBytes: 2 ** 20,
  });
  readonly #b: Endpoint = virtualEndpoint(receiver, sctpPort, true, 2, { receiveBufferBytes: 4 * 2 ** 20 });
  readonly #underway: Underway<Underways> = new Underway<Underways>();
  readonly #random: RandomSource;
  readonly #delayMs: number;
  readonly #loss: number;
  #handle: number | undefined;

  constructor(rttMs: number, loss: number, seed: number) {
    this.#delayMs = rttMs / 2;
    this.#loss = loss;
    this.#random = seededRandom(seed);
    this.#a.connect(receiver, sctpPort, this.nowMs);
    this.#drain(this.#a, this.#b);
  }

  run(forMs: number): void {
    const endMs = this.nowMs + forMs;
    for (;;) {
      const next = Math.min(
        this.#underway.nextMs,
        this.#a.nextDeadlineMs() ?? Number.POSITIVE_INFINITY,
        this.#b.nextDeadlineMs() ?? Number.POSITIVE_INFINITY,
      );
      if (next > endMs) break;
      this.nowMs = Math.max(this.nowMs, next);
      this.#arrive();
      for (const [own, other] of this.#both) {
        if ((own.nextDeadlineMs() ?? Number.POSITIVE_INFINITY) <= this.nowMs) own.advance(this.nowMs);
        this.#drain(own, other);
      }
      this.#refill();
    }
    this.nowMs = endMs;
  }

  get #both(): readonly (readonly [Endpoint, Endpoint])[] {
    return [
      [this.#a, this.#b],
      [this.#b, this.#a],
    ];
  }

  /** Each packet is answered before the next one is looked at, as if a gap lay between them. */
  #arrive(): void {
    for (
      let one = this.#underway.take(this.nowMs);
      one !== undefined;
      one = this.#underway.take(this.nowMs)
    ) {
      one.to.receive(one.bytes, one.route, this.nowMs);
      this.#drain(one.to, one.to === this.#a ? this.#b : this.#a);
    }
  }

  #drain(own: Endpoint, other: Endpoint): void {
    const { packets, deliveries, notifications } = own.takeOutputs();
    for (const { bytes, local, remote } of packets) {
      if (own === this.#a && bytes.length > 1000) {
        this.dataPackets += 1;
        if (fraction(this.#random) < this.#loss) {
          this.lostPackets += 1;
          continue;
        }
      }
      const route = { local: remote, remote: local };
      this.#underway.add({ to: other, bytes, route }, this.nowMs + this.#delayMs);
    }
    for (const { payload } of deliveries) this.deliveredBytes += payload.length;
    for (const { association, notification } of notifications) {
      if (notification.type !== "association-change") continue;
      if (notification.state !== "comm-up") throw new Error(`the association ended: ${notification.reason}`);
      if (own === this.#a) this.#handle = association;
    }
  }

  #refill(): void {
    if (this.#handle === undefined) return;
    const message: OutgoingMessage = { streamId: 0, ppid: 0, unordered: false, payload };
    while (this.#a.send(this.#handle, message, this.nowMs) === "accepted");
    this.#drain(this.#a, this.#b);
  }
}

const payload: Uint8Array = new Uint8Array(messageBytes).fill(0x5a);

/** A table in Markdown: measured and predicted goodput of user data, for each loss and round trip time. */
export function lossTable(seconds: number, seed: number): string {
  const lines = [
    "| loss | round trip | measured | square root | PFTK | rounds of RFC 9260 | measured / rounds |",
    "| --- | --- | --- | --- | --- | --- | --- |",
  ];
  for (const loss of [0.001, 0.01, 0.05]) {
    for (const rttMs of [10, 30, 100]) {
      const pair = new LossyPair(rttMs, loss, seed);
      pair.run(rampMs);
      const before = pair.deliveredBytes;
      pair.run(seconds * 1000);
      const measured = ((pair.deliveredBytes - before) * 8) / (seconds * 1e6);
      const predicted = predictedMbits({ loss, rttMs, messageBytes, seed });
      const shown = [measured, predicted.squareRoot, predicted.pftk, predicted.rounds];
      const texts = shown.map((mbits) => `${mbits.toFixed(mbits < 10 ? 2 : 1)} Mbit/s`);
      const ratio = (measured / predicted.rounds).toFixed(2);
      lines.push(`| ${loss * 100} % | ${rttMs} ms | ${texts.join(" | ")} | ${ratio} |`);
    }
  }
  return `${lines.join("\n")}\n\n${predictionNotes}`;
}
