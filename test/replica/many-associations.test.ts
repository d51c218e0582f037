import { expect, it } from "vitest";
import type { Endpoint } from "../../agents/sctp/index.ts";
import type { Guest } from "../sim/crowd.ts";
import { Crowd, addressB } from "../sim/crowd.ts";

const associations = 1000;
const encoder = new TextEncoder();

function say(endpoint: Endpoint, handle: number, text: string, nowMs: number): void {
  const message = { streamId: 0, ppid: 0, unordered: false, payload: encoder.encode(text) };
  expect(endpoint.send(handle, message, nowMs)).toBe("accepted");
}

function serving(crowd: Crowd): Endpoint {
  const active = crowd.b.active ?? crowd.a?.active;
  if (active === undefined) throw new Error("nobody is the primary");
  return active.endpoint;
}

/** Both ways, one message on each association. */
function talk(crowd: Crowd, text: string): void {
  const endpoint = serving(crowd);
  const handles = crowd.handles(endpoint);
  for (const guest of crowd.guests) {
    say(endpoint, handles.get(guest.address) ?? 0, `${text} to ${guest.address}`, crowd.nowMs);
    say(guest.endpoint, guest.handle, `${text} from ${guest.address}`, crowd.nowMs);
  }
}

const pending = ({ endpoint, handle }: Guest): number => endpoint.pendingBytes(handle);

it("takes over a thousand associations in one turn, with what is outstanding on each", () => {
  const crowd = new Crowd(associations);
  expect(crowd.guests.filter(({ changes }) => changes.includes("comm-up"))).toHaveLength(associations);
  talk(crowd, "first");
  crowd.run(100);
  // What A sends from now on is lost, but B holds it.
  crowd.isCutOff = true;
  talk(crowd, "second");
  crowd.run(5);
  expect(crowd.b.active).toBeUndefined();
  crowd.killPrimary();
  crowd.run(0);

  expect(crowd.handles(serving(crowd)).size).toBe(associations);
  expect(crowd.packetsOfTakeover.every(({ local }) => local === addressB)).toBe(true);
  const reached = new Set(crowd.packetsOfTakeover.map(({ remote }) => remote));
  expect(reached.size).toBe(associations);

  crowd.run(1000);
  talk(crowd, "third");
  crowd.run(1000);
  for (const guest of crowd.guests) {
    const told = ["first", "second", "third"].map((text) => `${text} to ${guest.address}`);
    expect(guest.received).toEqual(told);
    expect(guest.changes).toEqual(["comm-up"]);
    expect(pending(guest)).toBe(0);
  }
  const endpoint = serving(crowd);
  expect(crowd.handles(endpoint).size).toBe(associations);
  for (const handle of endpoint.associations()) expect(endpoint.pendingBytes(handle)).toBe(0);
}, 60_000);
