import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Extensions } from "../../agents/sctp/index.ts";
import { noExtensions } from "../../agents/sctp/index.ts";
import type { Order } from "./support/contents.ts";
import { arrived, expectSubsequence, ladder, orders, sorted } from "./support/contents.ts";
import type { PairOptions, Role } from "./support/usrsctp-pair.ts";
import { UsrsctpPair, roles } from "./support/usrsctp-pair.ts";
import type { UsrsctpExtension, UsrsctpProgram } from "./support/usrsctp-end.ts";
import { buildUsrsctpEnd, sharedKey, whyNoUsrsctpEnd } from "./support/usrsctp-end.ts";

const whyNot = whyNoUsrsctpEnd();
const skipped = whyNot === undefined ? "" : ` (skipped: ${whyNot})`;
const seed = Number(process.env["INTEROP_SEED"] ?? 1);

let program: UsrsctpProgram;
let pairs: UsrsctpPair[] = [];

beforeAll(() => {
  if (whyNot === undefined) program = buildUsrsctpEnd();
});
afterEach(async () => {
  for (const pair of pairs) await pair.dispose();
  pairs = [];
});
afterAll(() => program?.dispose());

async function connected(options: Omit<PairOptions, "seed">): Promise<UsrsctpPair> {
  const pair = await UsrsctpPair.open(program, { seed, ...options });
  pairs.push(pair);
  await pair.connect();
  return pair;
}

/** How each side names the same thing; what an extension needs comes with it. */
const extensions: readonly {
  readonly name: string;
  readonly ours: Partial<Extensions>;
  readonly theirs: readonly UsrsctpExtension[];
  /** What usrsctp says of it when the association is up; it says nothing of ECN. */
  readonly feature?: string;
}[] = [
  { name: "partial reliability", ours: { partialReliability: true }, theirs: ["pr"], feature: "pr" },
  { name: "interleaving", ours: { interleaving: true }, theirs: ["interleaving"], feature: "interleaving" },
  {
    name: "stream reconfiguration",
    ours: { streamReconfiguration: true },
    theirs: ["reconfig"],
    feature: "reconfig",
  },
  { name: "authentication", ours: { authentication: true }, theirs: ["auth"], feature: "auth" },
  {
    name: "address reconfiguration",
    ours: { authentication: true, addressReconfiguration: true },
    theirs: ["auth", "asconf"],
    feature: "asconf",
  },
  { name: "ECN", ours: { ecn: true }, theirs: ["ecn"] },
];

const mixed: readonly Order[] = [
  ...orders(ladder.filter((lengthBytes) => lengthBytes <= 65_536)),
  ...orders([100_000, 3, 40_000, 1440], 1),
  ...orders([1, 30_000, 2888, 100_000], 2, true),
].map((order, index) => ({ ...order, number: index }));

/** Both send all of it at once, and both have all of it at the end. */
async function exchanged({ ours, peer }: UsrsctpPair, sent: readonly Order[]): Promise<void> {
  ours.send(sent);
  peer.send(sent);
  await Promise.all([ours.received(sent.length), peer.received(sent.length)]);
  expect(sorted(ours.messages)).toEqual(sorted(arrived(sent)));
  expect(sorted(peer.messages)).toEqual(sorted(arrived(sent)));
}

describe.skipIf(whyNot !== undefined).each(roles)(`extensions with usrsctp, %s${skipped}`, (role) => {
  describe.each(extensions)("$name", ({ ours: offered, theirs, feature }) => {
    test.each([
      [true, true],
      [true, false],
      [false, true],
    ])("offered by us: %s, by usrsctp: %s", async (weOffer, theyOffer) => {
      const pair = await connected({
        role,
        parameters: { extensions: { ...noExtensions, ...(weOffer ? offered : undefined) } },
        extensions: theyOffer ? theirs : [],
      });
      const agreed = weOffer && theyOffer;
      expect(pair.ours.extensions).toEqual({ ...noExtensions, ...(agreed ? offered : undefined) });
      const features = pair.peer.events.find(({ name }) => name === "comm-up")?.features ?? [];
      if (feature !== undefined) expect(features.includes(feature)).toBe(agreed);
      pair.relay.faults = { loss: 0.02, duplication: 0.02, holding: 0.02 };
      await exchanged(pair, mixed);
    });
  });

  test.each([
    ["we", [0], ["auth"]],
    ["usrsctp", [], ["auth", "auth-data"]],
    ["both", [0], ["auth", "auth-data"]],
  ] as const)("authenticated DATA, wanted by %s", async (_, authenticatedChunkTypes, wanted) => {
    const pair = await connected({
      role,
      parameters: { extensions: { ...noExtensions, authentication: true }, authenticatedChunkTypes },
      extensions: wanted,
    });
    pair.relay.faults = { loss: 0.02, duplication: 0.02, holding: 0.02 };
    await exchanged(pair, mixed);
  });

  test.each([
    ["the same key", sharedKey, true],
    ["another key", new TextEncoder().encode("overstudy"), false],
  ] as const)("DATA authenticated with a shared key: we have %s", async (_, secret, isGood) => {
    const pair = await UsrsctpPair.open(program, {
      role,
      seed,
      parameters: { extensions: { ...noExtensions, authentication: true }, authenticatedChunkTypes: [0] },
      extensions: ["auth", "auth-data", "auth-key"],
    });
    pairs.push(pair);
    pair.ours.host.turn((endpoint) => {
      expect(endpoint.setKey(undefined, 1, secret)).toBe("done");
      expect(endpoint.activateKey(undefined, 1)).toBe("done");
    });
    await pair.connect();
    if (isGood) return exchanged(pair, mixed);
    pair.ours.send(orders([10]));
    pair.peer.send(orders([10]));
    await pair.relay.quiet();
    expect([...pair.ours.messages, ...pair.peer.messages]).toEqual([]);
  });

  test("all of them together", async () => {
    const all = Object.assign({}, noExtensions, ...extensions.map(({ ours }) => ours)) as Extensions;
    const pair = await connected({
      role,
      parameters: { extensions: all },
      extensions: extensions.flatMap(({ theirs }) => theirs),
    });
    expect(pair.ours.extensions).toEqual(all);
    pair.relay.faults = { loss: 0.02, duplication: 0.02, holding: 0.02 };
    await exchanged(pair, mixed);
  });
});

describe.skipIf(whyNot !== undefined).each(roles)(`stream reset with usrsctp, %s${skipped}`, (role) => {
  const options: Omit<PairOptions, "seed"> = {
    role,
    parameters: {
      extensions: { ...noExtensions, streamReconfiguration: true },
      acceptsStreamReset: true,
    },
    extensions: ["reconfig"],
  };
  const lossy = { loss: 0.05, duplication: 0.05, holding: 0.05 };

  test("we reset a stream: its numbers begin again, what went before arrived", async () => {
    const { ours, peer, relay } = await connected(options);
    relay.faults = lossy;
    const before = orders([100, 5000, 1, 30_000], 2);
    ours.send(before);
    await peer.received(before.length);
    const reply = ours.host.turn((endpoint, nowMs) =>
      endpoint.reconfigure(ours.association, { kind: "outgoing-reset", streams: [2] }, nowMs),
    );
    expect(reply).toBe("accepted");
    await Promise.all([ours.happened("outgoing reset performed"), peer.happened("reset-incoming")]);
    const after = orders([3, 4000, 2], 2).map((order) => ({ ...order, number: order.number + 10 }));
    ours.send(after);
    await peer.received(before.length + after.length);
    expect(peer.messages).toEqual(arrived([...before, ...after]));
  });

  test("usrsctp resets a stream: its numbers begin again, what went before arrived", async () => {
    const { ours, peer, relay } = await connected(options);
    relay.faults = lossy;
    const before = orders([100, 5000, 1, 30_000], 2);
    peer.send(before);
    await ours.received(before.length);
    peer.command("reset 2");
    await Promise.all([ours.happened("incoming reset performed"), peer.happened("reset-outgoing")]);
    const after = orders([3, 4000, 2], 2).map((order) => ({ ...order, number: order.number + 10 }));
    peer.send(after);
    await ours.received(before.length + after.length);
    expect(ours.messages).toEqual(arrived([...before, ...after]));
  });
});

/** Of several packets, of one, and in no order. */
const perishable: readonly Order[] = Array.from({ length: 400 }, (_, index) => ({
  number: index + 1,
  stream: index % 4,
  lengthBytes: [200, 1400, 5000][index % 3] ?? 1,
  unordered: index % 4 === 3,
}));
/**
 * On stream 3 without order as well: usrsctp 0.9.5 takes the identifier of an unordered message in I-FORWARD-TSN for
 * one of an ordered message too, though they are counted apart (RFC 8260 section 2.1), and aborts at the next one.
 */
const last: readonly Order[] = [0, 1, 2, 3].map((stream) => ({
  number: 1000 + stream,
  stream,
  lengthBytes: 3000,
  unordered: stream === 3,
}));

describe.skipIf(whyNot !== undefined).each([
  ["we connect", false],
  ["we connect", true],
  ["usrsctp connects", false],
  ["usrsctp connects", true],
] as const satisfies readonly (readonly [Role, boolean])[])(
  `messages that may be lost, with usrsctp, %s, interleaving %s${skipped}`,
  (role, interleaving) => {
    const options: Omit<PairOptions, "seed"> = {
      role,
      parameters: { extensions: { ...noExtensions, partialReliability: true, interleaving } },
      extensions: interleaving ? ["pr", "interleaving"] : ["pr"],
    };
    const lossy = { loss: 0.1, duplication: 0.02, holding: 0.02 };

    test.each([
      ["no retransmission", { policy: "limited-retransmissions", maxRetransmits: 0 }],
      ["a lifetime", { policy: "timed", lifetimeMs: 1 }],
    ] as const)("we send with %s", async (_, reliability) => {
      const { ours, peer, relay } = await connected(options);
      relay.faults = lossy;
      ours.send(perishable, reliability);
      ours.send(last);
      await peer.until(
        () => last.every(({ number }) => peer.messages.some((message) => message.number === number)),
        () => `the last messages arrive at usrsctp; ${peer.messages.length} messages did`,
      );
      expectSubsequence(peer.messages, [...perishable, ...last]);
      const got = new Set(peer.messages.map(({ number }) => number));
      const missing = perishable.filter(({ number }) => !got.has(number));
      expect(missing.length).toBeGreaterThan(0);
      expect(missing.filter(({ number }) => !ours.failedNumbers.has(number))).toEqual([]);
    });

    test.each([
      ["no retransmission", "limited-retransmissions", 0],
      // A life of a few milliseconds under loss brings usrsctp 0.9.5 to a standstill: all is acknowledged, and it sends no more.
      ["a lifetime", "timed", 25],
    ] as const)("usrsctp sends with %s", async (_, policy, value) => {
      const { ours, peer, relay } = await connected(options);
      relay.faults = lossy;
      peer.send(perishable, policy, value);
      // Where fragments of a reliable message are under way, usrsctp 0.9.5 skips that message too.
      await relay.quiet(4500);
      peer.send(last);
      await ours.until(
        () => last.every(({ number }) => ours.messages.some((message) => message.number === number)),
        () => `the last messages arrive at our user; ${ours.messages.length} messages did`,
      );
      expectSubsequence(ours.messages, [...perishable, ...last]);
      expect(ours.messages.length, "some are lost").toBeLessThan(perishable.length + last.length);
    });
  },
);
