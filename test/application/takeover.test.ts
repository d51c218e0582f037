import { describe, expect, it } from "vitest";
import type { Application, IncomingMessage, LoadApplication } from "../../agents/application/index.ts";
import { NumberedApplication, makeBuiltIn } from "../../agents/application/index.ts";
import { UserModule } from "../../agents/host/user-module.ts";
import { numbersOf, recording, upTo } from "./support/recording.ts";
import { Stage } from "./support/stage.ts";

const tally = await UserModule.load(new URL("../../examples/tally.mjs", import.meta.url).pathname);
const seeds = Array.from({ length: 6 }, (_, index) => index + 1);
const load = { ratePerSecond: 400, sizeBytes: 300, streams: 3 };
/** More than the stage takes, so that echoes wait for room. */
const heavyLoad = { ratePerSecond: 1500, sizeBytes: 1200, streams: 3 };
/** Longer than what is delivered in one piece on the stage. */
const longLoad = { ratePerSecond: 40, sizeBytes: 24_000, streams: 2 };

/** Load on one side, deaths of the cluster's computers meanwhile, and then time until nothing waits. */
function play(stage: Stage, loaded: LoadApplication, side: "cluster" | "peer", wanted = load): void {
  stage.act(side, () => loaded.start(wanted, stage.nowMs));
  stage.run(1500, () => false, 0.03);
  expect(stage.moves, "computers died").toBeGreaterThan(10);
}

function finish(stage: Stage): void {
  const { sides } = stage;
  const idle = (): boolean => Object.values(sides).every(({ run }) => run.isIdle);
  const sent = (): boolean =>
    Object.values(sides).every(({ endpoint, handle }) => endpoint.pendingBytes(handle ?? 0) === 0);
  expect(
    stage.run(60_000, () => idle() && sent()),
    "everything is sent",
  ).toBe(true);
  stage.run(1000);
}

/** The application of the cluster as it is now: it was moved. */
const clusterLoad = (stage: Stage): LoadApplication => stage.sides.cluster.run.application as LoadApplication;

describe.each(seeds)("an application whose computers die, seed %i", (seed) => {
  it("sends every message back exactly once, also those that waited for room", () => {
    const came: IncomingMessage[] = [];
    const source = recording(new NumberedApplication("down"), came);
    const make = { cluster: () => makeBuiltIn("echo", true), peer: () => source };
    const stage = new Stage({ seed, make, loss: 0.05 });
    play(stage, source, "peer", heavyLoad);
    source.stop();
    finish(stage);
    expect(stage.movesWithBacklog).toBeGreaterThan(0);
    const totals = source.totals();
    expect(totals).toHaveLength(3);
    expect(numbersOf(came, "echo")).toEqual(totals.map(({ sent }) => upTo(sent)));
    expect(stage.notes).toEqual({ cluster: [], peer: [] });
  });

  it("sends long messages back whole, whose parts were delivered one by one", () => {
    const came: IncomingMessage[] = [];
    const source = recording(new NumberedApplication("up"), came);
    const make = { cluster: () => makeBuiltIn("echo", true), peer: () => source };
    const stage = new Stage({ seed, make, loss: 0.02 });
    play(stage, source, "peer", longLoad);
    source.stop();
    finish(stage);
    // What is no `down` message comes back as it was.
    expect(numbersOf(came, "up")).toEqual(source.totals().map(({ sent }) => upTo(sent)));
    expect(came[0]?.payload.length).toBe(longLoad.sizeBytes);
  });

  it("numbers every message once, and checks every message once", () => {
    const make = { cluster: () => makeBuiltIn("numbered", true), peer: () => makeBuiltIn("checker", false) };
    const stage = new Stage({ seed, make, loss: 0.05 });
    play(stage, clusterLoad(stage), "cluster");
    clusterLoad(stage).stop();
    finish(stage);
    const sent = (clusterLoad(stage) as NumberedApplication)
      .totals()
      .reduce((sum, each) => sum + each.sent, 0);
    expect(sent).toBeGreaterThan(200);
    const summary = `${sent} messages were checked: 0 missing, 0 again or late, 0 damaged, 0 of another kind`;
    expect(stage.sides.peer.run.application.summary).toBe(summary);
  });

  it("checks what comes, whichever of its computers gets it", () => {
    const source = new NumberedApplication("up");
    const make = { cluster: () => makeBuiltIn("checker", true), peer: () => source };
    const stage = new Stage({ seed, make, loss: 0.05 });
    play(stage, source, "peer");
    source.stop();
    finish(stage);
    const sent = source.totals().reduce((sum, each) => sum + each.sent, 0);
    const summary = `${sent} messages were checked: 0 missing, 0 again or late, 0 damaged, 0 of another kind`;
    expect(stage.sides.cluster.run.application.summary).toBe(summary);
  });

  it.each(["cluster", "peer"] as const)("gets each request of the %s answered once", (asks) => {
    const answers = asks === "cluster" ? "peer" : "cluster";
    const make: Record<"cluster" | "peer", () => Application> = {
      cluster: () => makeBuiltIn(asks === "cluster" ? "requester" : "responder", true),
      peer: () => makeBuiltIn(asks === "cluster" ? "responder" : "requester", false),
    };
    const stage = new Stage({ seed, make, loss: 0.05 });
    const requester = (): LoadApplication => stage.sides[asks].run.application as LoadApplication;
    play(stage, requester(), asks);
    requester().stop();
    finish(stage);
    const summary = requester().summary;
    expect(summary).toMatch(
      /^\d{3} requests were answered, 0 were not, 0 are open, 0 answers came to none of these$/,
    );
    if (answers === "peer") {
      const asked = /^(\d+)/.exec(summary)?.[1];
      expect(stage.sides.peer.run.application.summary).toBe(
        `${asked} requests were answered, 0 answers wait`,
      );
    }
  });

  it("goes on adding up where it is a module of the user's", () => {
    const came: IncomingMessage[] = [];
    const sink = recording(makeBuiltIn("sink", false), came);
    const make = { cluster: () => tally.make(), peer: () => sink };
    const stage = new Stage({ seed, make, loss: 0.05 });
    let sum = 0;
    const sums: string[] = [];
    for (let number = 1; number <= 100; number++) {
      sum += number;
      sums.push(`sum ${sum}`);
      const { endpoint, handle } = stage.sides.peer;
      const payload = new TextEncoder().encode(String(number));
      endpoint.send(handle ?? 0, { streamId: 1, ppid: 0, unordered: false, payload }, stage.nowMs);
      stage.act("peer", () => undefined);
      stage.run(20, () => false, 0.2);
    }
    finish(stage);
    const texts = came.map(({ payload }) => new TextDecoder().decode(payload));
    expect(stage.moves).toBeGreaterThan(3);
    expect(texts.filter((text) => text.startsWith("sum"))).toEqual(sums);
    expect(texts.at(-1)).toBe(`report ${sum}`);
    expect(stage.notes.cluster).toEqual([]);
  });
});
