import { afterEach, describe, expect, test } from "vitest";
import { SCTP } from "werift-sctp";
import type { Transport } from "werift-sctp";
import type { ProtocolParameters } from "../../agents/sctp/index.ts";
import { noExtensions } from "../../agents/sctp/index.ts";
import { arrived, content, expectSubsequence, isIntact, ladder, orders, sorted } from "./support/contents.ts";
import type { Message, Order } from "./support/contents.ts";
import { MemoryLink } from "./support/memory-link.ts";
import { OurEnd } from "./support/our-end.ts";
import { Waiter } from "./support/waiter.ts";

const seed = Number(process.env["INTEROP_SEED"] ?? 1);
const sctpPort = 5000;

/** npm werift-sctp 0.0.11 at the other end of a link inside the process. */
class WeriftEnd extends Waiter {
  readonly messages: Message[] = [];
  readonly sctp: SCTP;
  #unordered: ReadonlySet<number> = new Set<number>();

  constructor(link: MemoryLink, connects: boolean) {
    super();
    const transport: Transport = {
      send: (bytes) => Promise.resolve(link.fromOther(bytes)),
      close: () => undefined,
    };
    this.sctp = connects ? SCTP.client(transport, sctpPort) : SCTP.server(transport, sctpPort);
    link.onOther = (bytes) => transport.onData?.(Buffer.from(bytes));
    this.sctp.onReceive.subscribe((stream, number, bytes) => {
      const unordered = this.#unordered.has(number);
      const intact = isIntact(number, bytes);
      this.messages.push({ number, stream, lengthBytes: bytes.length, unordered, intact });
      this.changed();
    });
    for (const state of ["connected", "closed"] as const) {
      this.sctp.stateChanged[state].subscribe(() => this.changed());
    }
  }

  /** It does not say which messages came unordered: they are known by their number. */
  expects(sent: readonly Order[]): void {
    this.#unordered = new Set(sent.filter(({ unordered }) => unordered).map(({ number }) => number));
  }

  async is(state: "connected" | "closed"): Promise<void> {
    await this.until(
      () => this.sctp.state === state,
      () => `werift is ${state}; it is ${this.sctp.state}`,
    );
  }

  received(count: number): Promise<void> {
    return this.until(
      () => this.messages.length >= count,
      () => `werift has ${count} messages; it has ${this.messages.length}`,
    );
  }

  send(
    sent: readonly Order[],
    terms: { readonly maxRetransmits?: number; readonly expiry?: number } = {},
  ): void {
    for (const { number, stream, lengthBytes, unordered } of sent) {
      const bytes = Buffer.from(content(number, lengthBytes));
      void this.sctp.send(stream, number, bytes, {
        expiry: undefined,
        maxRetransmits: undefined,
        ...terms,
        ordered: !unordered,
      });
    }
  }
}

interface Pair {
  readonly ours: OurEnd;
  readonly werift: WeriftEnd;
  readonly link: MemoryLink;
}

let pairs: Pair[] = [];
afterEach(async () => {
  for (const { ours, werift } of pairs) {
    ours.host.close();
    await werift.sctp.stop();
  }
  pairs = [];
});

const roles = ["we connect", "werift connects"] as const;

async function connected(
  role: (typeof roles)[number],
  parameters: Partial<ProtocolParameters> = {},
): Promise<Pair> {
  const link = new MemoryLink(seed);
  const werift = new WeriftEnd(link, role === "werift connects");
  const ours = new OurEnd(link, { sctpPort, listening: role === "werift connects", seed, parameters });
  const pair = { ours, werift, link };
  pairs.push(pair);
  await werift.sctp.start(sctpPort);
  if (role === "we connect") ours.connect(sctpPort);
  await Promise.all([ours.happened("comm-up"), werift.is("connected")]);
  return pair;
}

async function exchanged({ ours, werift }: Pair, sent: readonly Order[]): Promise<void> {
  werift.expects(sent);
  ours.send(sent);
  werift.send(sent);
  await Promise.all([ours.received(sent.length), werift.received(sent.length)]);
  expect(sorted(ours.messages)).toEqual(sorted(arrived(sent)));
  expect(sorted(werift.messages)).toEqual(sorted(arrived(sent)));
}

describe.each(roles)("werift-sctp as the peer, %s", (role) => {
  test("every length from one byte to a megabyte goes both ways", async () => {
    await exchanged(await connected(role), orders(ladder));
  });

  test("many streams, ordered and unordered, beside each other", async () => {
    const lengths = [5, 1500, 40, 9000, 1];
    const sent = Array.from({ length: 200 }, (_, index) => ({
      number: index,
      stream: (index * 7) % 16,
      lengthBytes: lengths[index % lengths.length] ?? 1,
      unordered: index % 3 === 0,
    }));
    await exchanged(await connected(role), sent);
  });

  test(`loss, duplication and reordering between them, seed ${seed}`, async () => {
    const pair = await connected(role);
    pair.link.faults = { loss: 0.02, duplication: 0.05, holding: 0.05 };
    const sent = [...orders([1, 3, 64, 1440, 4096, 30_000]), ...orders([5, 9000, 2000], 1)].map(
      (order, index) => ({ ...order, number: index }),
    );
    await exchanged(pair, sent);
  });

  // It answers SHUTDOWN, but takes no SHUTDOWN COMPLETE: it looks for it in the wrong state, and stays connected.
  test("we shut down: what was sent before arrives, and our side is told", async () => {
    const { ours, werift } = await connected(role);
    const sent = orders([10, 50_000, 2000]);
    ours.send(sent);
    ours.host.shutdown(ours.association);
    await ours.happened("shutdown-complete");
    expect(werift.messages).toEqual(arrived(sent));
  });

  test("we abort", async () => {
    const { ours, werift } = await connected(role);
    ours.host.abort(ours.association, "enough");
    await Promise.all([ours.happened("comm-lost"), werift.is("closed")]);
  });

  test("werift aborts", async () => {
    const { ours, werift } = await connected(role);
    await werift.sctp.stop();
    await ours.happened("comm-lost");
  });

  describe("messages that may be lost", () => {
    const parameters = { extensions: { ...noExtensions, partialReliability: true } };
    const perishable: readonly Order[] = Array.from({ length: 40 }, (_, index) => ({
      number: index + 1,
      stream: index % 4,
      lengthBytes: [200, 1100, 3000][index % 3] ?? 1,
      unordered: index % 4 === 3,
    }));
    const last = orders([300, 300, 300, 300]).map((order, stream) => ({
      ...order,
      number: 1000 + stream,
      stream,
    }));
    const lossy = { loss: 0.08, duplication: 0.02, holding: 0.02 };
    const hasLast = (messages: readonly Message[]): boolean =>
      last.every(({ number }) => messages.some((message) => message.number === number));

    // Unordered and in one packet each: at a FORWARD TSN it throws away what it holds on the other streams.
    test("we send them", async () => {
      const { ours, werift, link } = await connected(role, parameters);
      expect(ours.extensions?.partialReliability).toBe(true);
      const sent = perishable.map((order) => ({ ...order, unordered: true, lengthBytes: 1000 }));
      werift.expects(sent);
      link.faults = lossy;
      ours.send(sent, { policy: "limited-retransmissions", maxRetransmits: 0 });
      ours.send(last);
      await werift.until(
        () => hasLast(werift.messages),
        () => "the last messages arrive at werift",
      );
      expectSubsequence(werift.messages, [...sent, ...last]);
    });

    test("werift sends them", async () => {
      const { ours, werift, link } = await connected(role, parameters);
      link.faults = lossy;
      werift.send(perishable, { maxRetransmits: 0 });
      werift.send(last);
      await ours.until(
        () => hasLast(ours.messages),
        () => "the last messages arrive at our user",
      );
      expectSubsequence(ours.messages, [...perishable, ...last]);
    });
  });
});
