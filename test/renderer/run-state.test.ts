import { describe, expect, it } from "vitest";
import type { RunOverview } from "../../main/api/contract.ts";
import { commandFor, KEY_SHEET } from "../../renderer/model/keys.ts";
import { initialState, reduceRun, runContext, type RunState } from "../../renderer/model/run-state.ts";
import { spanUs } from "../../renderer/model/viewport.ts";
import { fixtureDesk } from "../../renderer/link/fixture.ts";

const overview: RunOverview = await fixtureDesk({ seed: 3 }).send("run.open", { runId: "demo-1" });
const context = runContext(overview);
const start = initialState(context);
const faultUs = context.failover.faultUs ?? 0;

function press(state: RunState, ...keys: string[]): RunState {
  return keys.reduce(
    (old, key) => {
      const command = commandFor({ key, ctrlKey: false, metaKey: false, altKey: false });
      expect(command, `key ${key}`).toBeDefined();
      return command === undefined ? old : reduceRun(context, old, { type: "command", command });
    },
    start === state ? start : state,
  );
}

describe("run state", () => {
  it("begins with the failover in sight", () => {
    expect(start.view.fromUs).toBe(faultUs - 150_000);
    expect(start.view.toUs).toBe((context.failover.restoredUs ?? 0) + 150_000);
  });

  it("zooms around the scrubber, pans, and returns to the failover", () => {
    const zoomed = press(start, "w", "w");
    expect(spanUs(zoomed.view)).toBeCloseTo(spanUs(start.view) * 0.36, 3);
    expect(zoomed.view.fromUs).toBeLessThan(start.scrubUs);
    expect(zoomed.view.toUs).toBeGreaterThan(start.scrubUs);
    expect(press(zoomed, "d").view.fromUs).toBeGreaterThan(zoomed.view.fromUs);
    expect(press(zoomed, "0").view).toEqual(context.bounds);
    expect(press(zoomed, "d", "0", "f").view).toEqual(start.view);
  });

  it("jumps to the fault with the zoom kept", () => {
    const far = reduceRun(context, press(start, "w"), {
      type: "view",
      view: { fromUs: overview.fromUs, toUs: overview.fromUs + 50_000 },
    });
    const jumped = press(far, "j");
    expect(spanUs(jumped.view)).toBeCloseTo(50_000, 3);
    expect((jumped.view.fromUs + jumped.view.toUs) / 2).toBeCloseTo(faultUs, 3);
    expect(jumped.scrubUs).toBe(faultUs);
  });

  it("steps over marks and faults", () => {
    const atFault = press(start, "j");
    expect(press(atFault, ".").scrubUs).toBe(context.failover.detectedUs);
    expect(press(atFault, ".", ".", ",").scrubUs).toBe(context.failover.detectedUs);
    expect(press(start, "[").scrubUs).toBe(faultUs);
    expect(press(atFault, "]").scrubUs).toBe(faultUs);
  });

  it("goes where evidence points, closely, with the packet chosen", () => {
    const gone = reduceRun(context, start, { type: "goto", atUs: faultUs + 5_000_000, packetId: 77 });
    expect(gone.selected?.packetId).toBe(77);
    expect(spanUs(gone.view)).toBe(20_000);
    expect(gone.view.fromUs).toBe(faultUs + 4_990_000);
  });

  it("replays from the scrubber and stops at the end of the view", () => {
    const playing = press(start, " ");
    expect(playing.playing).toBe(true);
    const ahead = reduceRun(context, playing, { type: "replay", aheadUs: 1_000 });
    expect(ahead.scrubUs).toBe(start.scrubUs + 1_000);
    const ended = reduceRun(context, ahead, { type: "replay", aheadUs: 10_000_000 });
    expect(ended).toMatchObject({ playing: false, scrubUs: start.view.toUs });
    expect(press(ended, " ").scrubUs).toBe(start.view.fromUs);
  });

  it("hides and shows kinds, and Escape undoes one thing at a time", () => {
    const hidden = reduceRun(context, start, { type: "toggle-kind", kind: "sack" });
    expect([...hidden.hidden]).toEqual(["sack"]);
    expect([...reduceRun(context, hidden, { type: "toggle-kind", kind: "sack" }).hidden]).toEqual([]);
    const selected = reduceRun(context, start, {
      type: "select",
      selection: { packetId: 1, atUs: faultUs, source: "table" },
    });
    const sheet = press(selected, "?");
    expect(press(sheet, "Escape")).toMatchObject({ keySheet: false, selected: { packetId: 1 } });
    expect(press(sheet, "Escape", "Escape").selected).toBeUndefined();
  });
});

describe("keys", () => {
  it("leaves chords to the browser", () => {
    expect(commandFor({ key: "f", ctrlKey: true, metaKey: false, altKey: false })).toBeUndefined();
  });

  it("names only keys on the sheet that do something", () => {
    const named: Readonly<Record<string, string>> = { Space: " ", Esc: "Escape" };
    for (const { keys } of KEY_SHEET) {
      for (const key of keys.split("  ")) {
        const press = { key: named[key] ?? key, ctrlKey: false, metaKey: false, altKey: false };
        expect(commandFor(press), key).toBeDefined();
      }
    }
  });
});
