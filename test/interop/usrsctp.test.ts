import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { arrived, ladder, orders, sorted } from "./support/contents.ts";
import type { Order } from "./support/contents.ts";
import type { PairOptions } from "./support/usrsctp-pair.ts";
import { UsrsctpPair, ourSctpPort, peerSctpPort, roles } from "./support/usrsctp-pair.ts";
import type { UsrsctpProgram } from "./support/usrsctp-end.ts";
import { buildUsrsctpEnd, whyNoUsrsctpEnd } from "./support/usrsctp-end.ts";

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

/** Both send all of it at once, and both have all of it at the end: once, whole, in the order of each stream. */
async function exchanged({ ours, peer }: UsrsctpPair, sent: readonly Order[]): Promise<void> {
  ours.send(sent);
  peer.send(sent);
  await Promise.all([ours.received(sent.length), peer.received(sent.length)]);
  expect(sorted(ours.messages)).toEqual(sorted(arrived(sent)));
  expect(sorted(peer.messages)).toEqual(sorted(arrived(sent)));
}

describe.skipIf(whyNot !== undefined).each(roles)(`usrsctp as the peer, %s${skipped}`, (role) => {
  test("every length from one byte to a megabyte goes both ways", async () => {
    await exchanged(await connected({ role }), orders(ladder));
  });

  test("and unordered", async () => {
    await exchanged(await connected({ role }), orders(ladder, 3, true));
  });

  test("many streams, ordered and unordered, beside each other", async () => {
    const pair = await connected({ role });
    const lengths = [5, 1500, 40, 9000, 1, 30_000];
    const sent = Array.from({ length: 600 }, (_, index) => ({
      number: index,
      stream: (index * 7) % 64,
      lengthBytes: lengths[index % lengths.length] ?? 1,
      unordered: index % 3 === 0,
    }));
    await exchanged(pair, sent);
  });

  test.each([
    ["loss", { loss: 0.03, duplication: 0, holding: 0 }],
    ["duplication", { loss: 0, duplication: 0.1, holding: 0 }],
    ["reordering", { loss: 0, duplication: 0, holding: 0.1 }],
    ["all of them", { loss: 0.03, duplication: 0.05, holding: 0.05 }],
  ])(`%s between them, seed ${seed}`, async (_, faults) => {
    const pair = await connected({ role });
    pair.relay.faults = faults;
    const sent = [
      ...orders(ladder.filter((lengthBytes) => lengthBytes <= 65_536)),
      ...orders([262_144, 3, 40_000, 1440], 1),
      ...orders([1, 30_000, 2888, 100_000], 2, true),
    ].map((order, index) => ({ ...order, number: index }));
    await exchanged(pair, sent);
  });

  test("we shut down: what was sent before arrives, both sides are told", async () => {
    const { ours, peer } = await connected({ role });
    const sent = orders([10, 100_000, 2000]);
    ours.send(sent);
    ours.host.shutdown(ours.association);
    await Promise.all([ours.happened("shutdown-complete"), peer.happened("shutdown-complete")]);
    expect(peer.messages).toEqual(arrived(sent));
  });

  test("usrsctp shuts down: what was sent before arrives, both sides are told", async () => {
    const { ours, peer } = await connected({ role });
    const sent = orders([10, 100_000, 2000]);
    peer.send(sent);
    await ours.received(sent.length);
    peer.command("shutdown");
    await Promise.all([ours.happened("shutdown-complete"), peer.happened("shutdown-complete")]);
    expect(ours.messages).toEqual(arrived(sent));
    expect(ours.events).toContain("shutdown-event");
  });

  test("we abort", async () => {
    const { ours, peer } = await connected({ role });
    ours.host.abort(ours.association, "enough");
    await Promise.all([ours.happened("comm-lost"), peer.happened("comm-lost")]);
  });

  test("usrsctp aborts", async () => {
    const { ours, peer } = await connected({ role });
    peer.command("abort");
    await ours.happened("comm-lost");
  });

  test("usrsctp restarts at the same port and goes on", async () => {
    const pair = await connected({ role });
    await exchanged(pair, orders([100, 5000]));
    await pair.replacePeer();
    pair.peer.command(`connect ${ourSctpPort}`);
    await Promise.all([pair.ours.happened("restart"), pair.peer.happened("comm-up")]);
    pair.ours.messages.length = 0;
    await exchanged(pair, orders([7, 70_000, 1444]));
  });

  test("we restart at the same port and go on", async () => {
    const pair = await connected({ role });
    await exchanged(pair, orders([100, 5000]));
    await pair.replaceOurs();
    pair.ours.connect(peerSctpPort);
    await Promise.all([pair.peer.happened("restart"), pair.ours.happened("comm-up")]);
    pair.peer.messages.length = 0;
    await exchanged(pair, orders([7, 70_000, 1444]));
  });
});
