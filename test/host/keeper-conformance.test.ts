import { afterEach, describe, expect, it } from "vitest";
import type { ClusterFrame } from "../../agents/replica/index.ts";
import { tsn } from "../../agents/sctp/index.ts";
import type { TsnLease } from "../../agents/sctp/index.ts";
import type { Updates } from "../support/association-life.ts";
import { associationLife, heldAfter } from "../support/association-life.ts";
import { redisSkipped, whyNoRedis } from "./support/redis.ts";
import type { StoreLimits, StoreMember, StoreUnderTest } from "./support/stores.ts";
import { keeperStore, redisStore, takeoverAfterMs } from "./support/stores.ts";

const life: Updates = associationLife();
const half: Updates = life.slice(0, life.length >> 1);
const [first] = life;
if (first === undefined) throw new Error("an association has no life");
const { association } = first;
const lease: TsnLease = {
  ackedTsn: tsn(5),
  nextTsn: tsn(9),
  limitTsn: tsn(4_000_000_000),
  streams: [{ streamId: 3, nextSsn: 7, nextUnorderedMid: 0 }],
};

const updates = (epoch: number, each: Updates): ClusterFrame => ({ kind: "updates", epoch, updates: each });
const roomy: StoreLimits = { maxBytes: 10_000_000, maxAssociations: 100 };

/** The same life under another number, as if the primary ran two associations. */
const renamed = (each: Updates, name: number): Updates =>
  each.map((update) => ({ ...update, association: name }));

const stores = [
  { name: "the keeper of an agent", open: keeperStore, whyNot: undefined },
  { name: `a Redis server${redisSkipped}`, open: redisStore, whyNot: whyNoRedis },
];

describe.each(stores)("a store: $name", ({ open, whyNot }) => {
  let store: StoreUnderTest | undefined;
  afterEach(async () => store?.close());

  async function opened(limits: StoreLimits = roomy): Promise<StoreUnderTest> {
    store = await open(limits);
    return store;
  }

  /** A primary that has said all this and is current. */
  async function primary(at: StoreUnderTest, ...said: readonly ClusterFrame[]): Promise<StoreMember> {
    const a = await at.join("primary", 1);
    a.say(...said, { kind: "synced", epoch: 1 });
    await a.settled(1);
    return a;
  }

  /** Claims until it is granted; everything that the store says with it. */
  async function claimed(at: StoreUnderTest, b: StoreMember, epoch: number): Promise<ClusterFrame[]> {
    for (;;) {
      b.say({ kind: "claim", epoch });
      let granted = false;
      const heard: ClusterFrame[] = [];
      while (!granted) {
        const [frame] = await b.any();
        if (frame === undefined) continue;
        heard.push(frame);
        granted = frame.kind === "claimed";
        if (frame.kind !== "claimDenied") continue;
        expect(frame.retryAfterMs).toBeGreaterThan(0);
        expect(frame.retryAfterMs).toBeLessThanOrEqual(takeoverAfterMs);
        await at.pass(frame.retryAfterMs + 1);
        break;
      }
      if (granted) return heard.filter(({ kind }) => kind !== "beat" && kind !== "hello");
    }
  }

  async function deniedForGood(b: StoreMember, epoch: number): Promise<void> {
    b.say({ kind: "claim", epoch });
    expect(await b.next("claimDenied")).toMatchObject({ retryAfterMs: 0 });
  }

  it.skipIf(whyNot !== undefined)("says epoch 0 when it is new, and grants nothing then", async () => {
    const at = await opened();
    const a = await at.join("primary", 4);
    expect(await a.next("hello")).toMatchObject({ epoch: 0, role: "keeper" });
    const [beat, ...more] = await a.settled(4);
    expect([beat?.kind, more]).toEqual(["beat", []]);
    expect(beat).not.toHaveProperty("stampMs");
    const b = await at.join("standby", 4);
    await at.pass(takeoverAfterMs + 1);
    await deniedForGood(b, 5);
  });

  it.skipIf(whyNot !== undefined)("acknowledges what it holds and hands it to the next primary", async () => {
    const at = await opened();
    const a = await primary(at);
    a.say(updates(1, half.slice(0, 5)), updates(1, half.slice(5)));
    const held = (await a.settled(1)).filter(({ kind }) => kind === "held");
    expect(held).toEqual([
      { kind: "held", epoch: 1, association, sequence: 5 },
      { kind: "held", epoch: 1, association, sequence: half.length },
    ]);
    const b = await at.join("standby", 1);
    expect(await claimed(at, b, 2)).toEqual([
      { kind: "state", epoch: 2, association, bytes: heldAfter(half) },
      { kind: "claimed", epoch: 2 },
    ]);
  });

  it.skipIf(whyNot !== undefined)("gives a primary leave to send once it has synchronised", async () => {
    const at = await opened();
    const a = await primary(at);
    expect((await a.settled(1)).at(-1)).toMatchObject({ kind: "beat", epoch: 1, stampMs: 77 });
  });

  it.skipIf(whyNot !== undefined)("lets nobody in while the primary is heard", async () => {
    const at = await opened();
    const a = await primary(at, updates(1, half));
    const b = await at.join("standby", 1);
    for (let beat = 0; beat < 8; beat++) {
      await a.settled(1);
      b.say({ kind: "claim", epoch: 2 });
      const { retryAfterMs } = await b.next("claimDenied");
      expect(retryAfterMs).toBeGreaterThan(0);
      await at.pass(takeoverAfterMs / 8);
    }
  });

  it.skipIf(whyNot !== undefined)("takes whole states and leases, and hands those over", async () => {
    const at = await opened();
    const state: ClusterFrame = {
      kind: "state",
      epoch: 1,
      association,
      bytes: heldAfter(half) ?? new Uint8Array(0),
    };
    const a = await primary(at, state, { kind: "lease", epoch: 1, association, lease });
    a.say(updates(1, life.slice(half.length, half.length + 3)));
    await a.settled(1);
    const b = await at.join("standby", 1);
    expect(await claimed(at, b, 2)).toEqual([
      { kind: "state", epoch: 2, association, bytes: heldAfter(life.slice(0, half.length + 3)) },
      { kind: "lease", epoch: 2, association, lease },
      { kind: "claimed", epoch: 2 },
    ]);
  });

  it.skipIf(whyNot !== undefined)("acknowledges states and leases", async () => {
    const at = await opened();
    const a = await at.join("primary", 1);
    const bytes = heldAfter(half) ?? new Uint8Array(0);
    a.say({ kind: "state", epoch: 1, association, bytes }, { kind: "lease", epoch: 1, association, lease });
    expect((await a.settled(1)).filter(({ kind }) => kind !== "hello" && kind !== "beat")).toEqual([
      { kind: "held", epoch: 1, association, sequence: half.length },
      { kind: "leaseHeld", epoch: 1, association, limitTsn: lease.limitTsn },
    ]);
  });

  it.skipIf(whyNot !== undefined)("hands over whether what it holds may lag", async () => {
    const at = await opened();
    const a = await primary(at, updates(1, half), { kind: "lease", epoch: 1, association, lease });
    a.say({ kind: "policy", epoch: 1, excuses: true });
    expect(await a.next("policy")).toEqual({ kind: "policy", epoch: 1, excuses: true });
    const b = await at.join("standby", 1);
    const kinds = (await claimed(at, b, 2)).map(({ kind }) => kind);
    expect(kinds).toEqual(["policy", "state", "lease", "claimed"]);
    b.hello("primary", 2);
    b.say({ kind: "policy", epoch: 2, excuses: false }, { kind: "synced", epoch: 2 });
    expect(await b.next("policy")).toEqual({ kind: "policy", epoch: 2, excuses: false });
    await b.settled(2);
    const c = await at.join("standby", 2);
    expect((await claimed(at, c, 3)).map(({ kind }) => kind)).toEqual(["state", "claimed"]);
  });

  it.skipIf(whyNot !== undefined)(
    "lets the next primary in at once when the last one hands over",
    async () => {
      const at = await opened();
      const a = await primary(at, updates(1, half));
      const b = await at.join("standby", 1);
      a.say({ kind: "handover", epoch: 2 });
      await at.pass(1);
      b.say({ kind: "claim", epoch: 2 });
      const handed = await b.through("claimed");
      expect(handed.filter(({ kind }) => kind === "state" || kind === "claimed")).toEqual([
        { kind: "state", epoch: 2, association, bytes: heldAfter(half) },
        { kind: "claimed", epoch: 2 },
      ]);
      a.say({ kind: "beat", epoch: 1, stampMs: 1 });
      expect(await a.next("fenced")).toEqual({ kind: "fenced", epoch: 2 });
    },
  );

  it.skipIf(whyNot !== undefined)("goes back and forth between two members", async () => {
    const at = await opened();
    let serves = await primary(at, updates(1, half.slice(0, 10)));
    let waits = await at.join("standby", 1);
    for (let epoch = 2; epoch < 12; epoch++) {
      serves.say({ kind: "handover", epoch });
      await serves.quiet();
      waits.say({ kind: "claim", epoch });
      const [handed] = (await waits.through("claimed")).filter(({ kind }) => kind === "state");
      expect(handed).toMatchObject({ bytes: heldAfter(half.slice(0, (epoch - 1) * 10)) });
      [serves, waits] = [waits, serves];
      serves.hello("primary", epoch);
      serves.say({ kind: "synced", epoch }, updates(epoch, half.slice((epoch - 1) * 10, epoch * 10)));
      await serves.settled(epoch);
      waits.hello("standby", epoch);
      await waits.quiet();
    }
  });

  it.skipIf(whyNot !== undefined)("takes no word of a first hello of epoch 0 amiss", async () => {
    const at = await opened();
    const a = await at.join("primary", 3);
    a.say({ kind: "fenced", epoch: 3 }, { kind: "synced", epoch: 3 });
    await a.settled(3);
    expect(a.downs).toBe(0);
  });

  it.skipIf(whyNot !== undefined)("holds nothing of an association that ended", async () => {
    const at = await opened();
    const a = await primary(at, updates(1, half), { kind: "lease", epoch: 1, association, lease });
    expect(await at.held()).toBe(1);
    a.say(updates(1, life.slice(half.length)));
    await a.settled(1);
    expect(await at.held()).toBe(0);
    const b = await at.join("standby", 1);
    expect(await claimed(at, b, 2)).toEqual([{ kind: "claimed", epoch: 2 }]);
  });

  it.skipIf(whyNot !== undefined)("takes what it holds a second time", async () => {
    const at = await opened();
    const a = await primary(at, updates(1, half));
    for (const from of [0, half.length - 1]) {
      a.say(updates(1, half.slice(from)));
      const held = (await a.settled(1)).filter(({ kind }) => kind === "held");
      expect(held).toEqual([{ kind: "held", epoch: 1, association, sequence: half.length }]);
    }
    a.say(updates(1, life), updates(1, life.slice(-1)));
    const held = (await a.settled(1)).filter(({ kind }) => kind === "held");
    const end = { kind: "held", epoch: 1, association, sequence: life.length };
    expect(held).toEqual([end, end]);
    expect(await at.held()).toBe(0);
  });

  it.skipIf(whyNot !== undefined)("tells a replaced primary, and keeps what it says out", async () => {
    const at = await opened();
    const a = await primary(at, updates(1, half));
    const b = await at.join("standby", 1);
    await claimed(at, b, 2);
    for (const word of [
      updates(1, life.slice(half.length)),
      { kind: "beat", epoch: 1, stampMs: 1 },
      { kind: "solo", epoch: 1, number: 1 },
      { kind: "synced", epoch: 1 },
    ] as const) {
      a.say(word);
      expect(await a.next("fenced")).toEqual({ kind: "fenced", epoch: 2 });
    }
    b.hello("primary", 2);
    b.say({ kind: "synced", epoch: 2 });
    await b.settled(2);
    const c = await at.join("standby", 2);
    expect(await claimed(at, c, 3)).toEqual([
      { kind: "state", epoch: 3, association, bytes: heldAfter(half) },
      { kind: "claimed", epoch: 3 },
    ]);
  });

  it.skipIf(whyNot !== undefined)("lets a new primary go on writing where the old one ended", async () => {
    const at = await opened();
    await primary(at, updates(1, half));
    const b = await at.join("standby", 1);
    await claimed(at, b, 2);
    b.hello("primary", 2);
    b.say(updates(2, life.slice(half.length, half.length + 5)), { kind: "synced", epoch: 2 });
    expect((await b.settled(2)).at(-1)).toMatchObject({ kind: "beat", epoch: 2, stampMs: 77 });
    const c = await at.join("standby", 2);
    expect((await claimed(at, c, 3))[0]).toMatchObject({ bytes: heldAfter(life.slice(0, half.length + 5)) });
  });

  it.skipIf(whyNot !== undefined)("lets one of two claimants in", async () => {
    const at = await opened();
    await primary(at);
    const [b, c] = [await at.join("standby", 1), await at.join("standby", 1)];
    await claimed(at, b, 2);
    await at.pass(takeoverAfterMs + 1);
    await deniedForGood(c, 2);
  });

  it.skipIf(whyNot !== undefined)("lets the one go on that gave its place away to nobody", async () => {
    const at = await opened();
    const a = await primary(at, updates(1, half));
    a.say({ kind: "handover", epoch: 2 });
    const b = await at.join("standby", 1);
    expect((await claimed(at, a, 3)).map(({ kind }) => kind)).toEqual(["state", "claimed"]);
    await deniedForGood(b, 2);
  });

  it.skipIf(whyNot !== undefined)("lets nobody in while the primary goes on alone", async () => {
    const at = await opened();
    const a = await primary(at, updates(1, half));
    a.say({ kind: "solo", epoch: 1, number: 1 });
    expect(await a.next("soloGranted")).toEqual({ kind: "soloGranted", epoch: 1, number: 1 });
    await at.pass(takeoverAfterMs + 1);
    const b = await at.join("standby", 1);
    await deniedForGood(b, 2);
    a.say({ kind: "synced", epoch: 1 });
    await a.settled(1);
    await claimed(at, b, 2);
  });

  it.skipIf(whyNot !== undefined)(
    "lets the other one in after the primary handed over and left",
    async () => {
      const at = await opened();
      const a = await primary(at, updates(1, half));
      const b = await at.join("standby", 1);
      a.say({ kind: "handover", epoch: 2 });
      a.say({ kind: "leaving", epoch: 2 });
      await claimed(at, b, 2);
    },
  );

  it.skipIf(whyNot !== undefined)("lets nobody in after the primary left on purpose", async () => {
    const at = await opened();
    const a = await primary(at, updates(1, half));
    a.say({ kind: "leaving", epoch: 1 });
    await at.pass(takeoverAfterMs + 1);
    await deniedForGood(await at.join("standby", 1), 2);
  });

  it.skipIf(whyNot !== undefined).each<[string, ClusterFrame]>([
    ["a gap", updates(1, life.slice(half.length + 1))],
    ["an association that it does not have", updates(1, renamed(life.slice(1, 3), 4711))],
    ["a state that is none", { kind: "state", epoch: 1, association, bytes: new Uint8Array(7) }],
  ])("gives the link up that brings %s, and nobody goes on from what it has then", async (_, word) => {
    const at = await opened();
    const a = await primary(at, updates(1, half));
    a.say(word);
    await a.until(() => a.downs > 0);
    expect(a.refusals).toHaveLength(1);
    await at.pass(takeoverAfterMs + 1);
    await deniedForGood(await at.join("standby", 1), 2);
  });

  it.skipIf(whyNot !== undefined)("drops in a full synchronisation what was not spoken of", async () => {
    const at = await opened();
    const a = await primary(at, updates(1, renamed(half, 1)), updates(1, renamed(half, 2)));
    expect(await at.held()).toBe(2);
    const bytes = heldAfter(half) ?? new Uint8Array(0);
    a.say({ kind: "state", epoch: 1, association: 2, bytes }, updates(1, renamed(half, 3)));
    a.say({ kind: "synced", epoch: 1, associations: [2, 3] });
    await a.settled(1);
    const b = await at.join("standby", 1);
    const handed = (await claimed(at, b, 2)).map((frame) => frame.kind === "state" && frame.association);
    expect(handed).toEqual([2, 3, false]);
  });

  it.skipIf(whyNot !== undefined)("drops everything where there is nothing any more", async () => {
    const at = await opened();
    const a = await primary(at, updates(1, renamed(half, 1)));
    expect(await at.held()).toBe(1);
    a.say({ kind: "synced", epoch: 1, associations: [] });
    await a.settled(1);
    expect(await at.held()).toBe(0);
  });

  it.skipIf(whyNot !== undefined)("keeps in any other synchronisation what was not spoken of", async () => {
    const at = await opened();
    const a = await primary(at, updates(1, renamed(half, 1)), updates(1, renamed(half, 2)));
    a.say(updates(1, renamed(life.slice(half.length, half.length + 1), 2)), { kind: "synced", epoch: 1 });
    await a.settled(1);
    expect(await at.held()).toBe(2);
  });

  it.skipIf(whyNot !== undefined).each<[string, StoreLimits]>([
    ["bytes", { maxBytes: 6000, maxAssociations: 100 }],
    ["associations", { maxBytes: 10_000_000, maxAssociations: 2 }],
  ])("refuses in one sentence what goes beyond its bound of %s", async (_, limits) => {
    const at = await opened(limits);
    const a = await primary(at, updates(1, renamed(half, 1)));
    for (const name of [2, 3, 4]) a.say(updates(1, renamed(half, name)));
    await a.until(() => a.downs > 0);
    expect(a.refusals[0]).toMatch(/it is full: \d+ (bytes|associations) are held/);
    expect(await at.held()).toBeLessThanOrEqual(2);
  });
});
