import { expect, it } from "vitest";
import { Presence } from "../../agents/host/presence.ts";

it("takes the desk for dead after enough silent ticks, and each sign of it starts the count anew", () => {
  const presence = new Presence(3000, 1000);
  expect([presence.tick(), presence.tick(), presence.tick()]).toEqual([false, false, false]);
  presence.heard();
  expect([presence.tick(), presence.tick(), presence.tick(), presence.tick()]).toEqual([
    false,
    false,
    false,
    true,
  ]);
});
