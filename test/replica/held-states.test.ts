import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HeldStates, decodeUpdate, stateBytes } from "../../agents/replica/index.ts";
import type { ReplicatedUpdate } from "../../agents/replica/frames.ts";
import { UpdateArena } from "../../agents/replica/update-arena.ts";
import type {
  AssociationState,
  EndpointConfig,
  EndpointOutputs,
  RandomSource,
} from "../../agents/sctp/index.ts";
import { Endpoint, seededRandom, stateFlaw } from "../../agents/sctp/index.ts";
import { drawKnobs } from "../sim/sctp/draw-knobs.ts";
import { RealPort } from "../sim/sctp/port.ts";
import { simulate } from "../sim/sctp/simulate.ts";

const turnsPerComparison = 8;
const isRare = ({ kind }: ReplicatedUpdate["update"]): boolean =>
  !["messageQueued", "tsnAssigned", "cumAcked", "dataReceived", "dataDelivered", "delivered"].includes(kind);

/** An endpoint of the simulator whose states are held elsewhere too. */
class HeldPort extends RealPort {
  readonly config: EndpointConfig;
  readonly held: HeldStates = new HeldStates();
  readonly updates: ReplicatedUpdate[] = [];
  readonly #arena: UpdateArena = new UpdateArena();
  #turns: number = 0;

  constructor(config: EndpointConfig, random: RandomSource) {
    super(config, random);
    this.config = config;
  }

  override takeOutputs(): EndpointOutputs {
    const outputs = super.takeOutputs();
    const updates = outputs.updates.map((each) => this.#arena.replicate(each));
    this.updates.push(...updates);
    expect(this.held.hold(updates)).toMatchObject({ ok: true });
    const touched = new Set(updates.map(({ association }) => association));
    this.#turns += 1;
    // A comparison writes and reads whole states.
    const due =
      this.#turns % turnsPerComparison === 0 || outputs.updates.some(({ update }) => isRare(update));
    if (due) for (const association of touched) this.#compare(association);
    return outputs;
  }

  #compare(association: number): void {
    const [ours, theirs] = [this.state(association), this.held.states().get(association)];
    if (ours === undefined || ours.phase === "closed") {
      expect(theirs).toBe(undefined);
      return;
    }
    expect(stateFlaw(ours)).toBe(undefined);
    const bytes = stateBytes(ours);
    expect(theirs === undefined ? undefined : stateBytes(theirs)).toEqual(bytes);
    const fresh = new HeldStates();
    expect(fresh.replace(association, bytes)).toMatchObject({ ok: true });
    expect(fresh.bytes).toBe(this.held.size === 1 ? this.held.bytes : fresh.bytes);
  }
}

function play(seed: number): HeldPort[] {
  const ports: HeldPort[] = [];
  const make = (config: EndpointConfig, random: RandomSource): HeldPort => {
    const port = new HeldPort(config, random);
    ports.push(port);
    return port;
  };
  simulate(seed, { make });
  return ports;
}

describe("states that are held for another computer", () => {
  // Where the simulator sets SSNs itself, no update tells of it.
  const seeds = Array.from({ length: 15 }, (_, at) => at * 7919 + 1).filter(
    (seed) => !drawKnobs(seed).ssnNearWrap,
  );

  it.each(seeds)("are its states, whatever it does, seed %i", (seed) => {
    const ports = play(seed);
    expect(ports.reduce((sum, port) => sum + port.updates.length, 0)).toBeGreaterThan(0);
  });

  it("take no room any more once all associations ended", () => {
    for (const { held } of seeds.slice(0, 5).flatMap(play)) {
      if (held.size === 0) expect(held.bytes).toBe(0);
    }
  });
});

describe("updates that cannot be", () => {
  const lives = [1, 2, 5, 11, 23].flatMap(play).filter(({ updates }) => updates.length > 20);

  it("are refused, or lead to a state that can be gone on from", () => {
    let [taken, refused] = [0, 0];
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    const fault = fc.record({
      life: fc.nat(),
      at: fc.nat(),
      kind: fc.constantFrom("change", "drop", "swap", "other", "again"),
      changes: fc.array(change, { minLength: 1, maxLength: 3 }),
    });
    fc.assert(
      fc.property(fault, ({ life, at, kind, changes }) => {
        const port = lives[life % lives.length];
        if (port === undefined) throw new Error("there is no life to play");
        const updates = bent([...port.updates], at % port.updates.length, kind, changes);
        const held = new HeldStates();
        const answer = held.hold(updates);
        if (answer.ok) taken += 1;
        else refused += 1;
        for (const [association, state] of held.states()) goOn(port.config, association, state);
      }),
      { numRuns: 1500 },
    );
    expect(taken).toBeGreaterThan(50);
    expect(refused).toBeGreaterThan(200);
  });

  it("nor are whole states that were damaged", () => {
    const whole = lives.flatMap(({ config, updates }) => {
      const held = new HeldStates();
      held.hold(updates.slice(0, updates.length >> 1));
      return [...held.states()].map(([association, state]) => ({
        config,
        association,
        bytes: stateBytes(state),
      }));
    });
    expect(whole.length).toBeGreaterThan(3);
    let taken = 0;
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.nat(), fc.array(change, { minLength: 1, maxLength: 4 }), (which, changes) => {
        const { config, association, bytes } = whole[which % whole.length] ?? whole[0]!;
        const damaged = bytes.slice();
        for (const [at, value] of changes) damaged[at % damaged.length] = value;
        const held = new HeldStates();
        if (!held.replace(association, damaged).ok) return;
        taken += 1;
        for (const state of held.states().values()) goOn(config, association, state);
      }),
      { numRuns: 2000 },
    );
    expect(taken).toBeGreaterThan(100);
  });
});

function bent(
  updates: ReplicatedUpdate[],
  at: number,
  kind: string,
  changes: readonly (readonly [number, number])[],
): ReplicatedUpdate[] {
  const victim = updates[at];
  const next = updates[at + 1];
  if (victim === undefined) throw new Error("there is no update to bend");
  if (kind === "drop") updates.splice(at, 1);
  else if (kind === "swap" && next !== undefined) updates.splice(at, 2, next, victim);
  else if (kind === "again") updates.splice(at, 0, victim);
  else if (kind === "other") updates.splice(at, 1, { ...victim, association: victim.association + 1 });
  else {
    const bytes = victim.bytes.slice();
    for (const [place, value] of changes) bytes[place % bytes.length] = value;
    const update = decodeUpdate(bytes);
    // What cannot be read does not come this far: the frame is refused.
    if (update !== undefined) updates.splice(at, 1, { ...victim, bytes, update });
  }
  return updates;
}

/** Goes on with a held state after a trip over the link, as a successor does; for a minute. */
function goOn(config: EndpointConfig, association: number, state: AssociationState): void {
  const claimed = new HeldStates();
  expect(claimed.replace(association, stateBytes(state))).toMatchObject({ ok: true });
  const endpoint = new Endpoint(config, seededRandom(1));
  let nowMs = 1000;
  for (const each of claimed.states().values()) endpoint.resume(each, nowMs);
  for (let step = 0; step < 40 && nowMs < 60_000; step++) {
    endpoint.takeOutputs();
    const dueMs = endpoint.nextDeadlineMs();
    if (dueMs === undefined) return;
    nowMs = Math.max(nowMs, dueMs);
    endpoint.advance(nowMs);
  }
}
