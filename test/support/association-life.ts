import type { ClusterFrame } from "../../agents/replica/index.ts";
import { HeldStates, decodeFrame, stateBytes } from "../../agents/replica/index.ts";
import { ClusterWorld } from "../sim/cluster.ts";
import { quietNetwork } from "../sim/network.ts";
import { drain, hasEvent, smallMessages, startLoads } from "../sim/scenario.ts";

export type Updates = Extract<ClusterFrame, { kind: "updates" }>["updates"];

/** All updates of an association's life, from set-up to shutdown, with messages both ways. */
export function associationLife(seed = 3, loadForMs = 100): Updates {
  const world = new ClusterWorld(seed, quietNetwork);
  const updates: Updates[number][] = [];
  world.tapLink((bytes) => {
    const frame = decodeFrame(bytes);
    if (frame?.kind === "updates") updates.push(...frame.updates);
  });
  world.run(100);
  startLoads(world, smallMessages);
  world.run(loadForMs);
  drain(world, seed);
  world.peer.shutdown(world.nowMs);
  world.run(1000);
  if (!hasEvent(world, "association-closed")) throw new Error("the association did not end");
  return updates;
}

/** What who has these updates holds of their association, as the bytes of a `state` frame. */
export function heldAfter(updates: Updates): Uint8Array | undefined {
  const states = new HeldStates();
  states.hold(updates);
  const [state] = states.states().values();
  return state === undefined ? undefined : stateBytes(state);
}
