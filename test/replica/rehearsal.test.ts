import { expect, it } from "vitest";
import { TakeoverRehearsal } from "../../agents/replica/index.ts";
import { rfc9260Parameters, telecomParameters } from "../../agents/sctp/index.ts";

it("rehearses handovers and a takeover with whatever timers a run has", () => {
  TakeoverRehearsal.play(2, telecomParameters);
  TakeoverRehearsal.play(1, rfc9260Parameters);
});

it("says so where what it rehearses does not come to pass", () => {
  expect(() => TakeoverRehearsal.play(1, { ...telecomParameters, maxAssociations: 0 })).toThrow("rehearsed");
});
