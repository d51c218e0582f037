import type { Extensions, WantedReconfiguration } from "../../../agents/sctp/index.ts";
import { Dice } from "./dice.ts";
import type { ExtensionHappening, Knobs, Side, SideKnobs, TimedHappening } from "./knobs.ts";
import { sides } from "./knobs.ts";

/**
 * Chunk types that a side may want authenticated: HEARTBEAT and its answer, SACK, SHUTDOWN, its answer, and so
 * on. Not ABORT and ERROR, which come from where nothing is known of an association, nor COOKIE ECHO, without
 * which nobody restarts (RFC 4895 section 6.3).
 */
const authenticable: readonly number[] = [0, 3, 4, 5, 7, 8, 11, 64, 130, 192, 194];

interface Switches {
  readonly authentication: boolean;
  readonly addressReconfiguration: boolean;
  readonly streamReconfiguration: boolean;
  readonly ecn: boolean;
}

function sideWith(dice: Dice, side: Side, knobs: SideKnobs, on: Switches): SideKnobs {
  const { parameters } = knobs;
  const offers = (wanted: boolean): boolean => wanted && dice.chance(0.92);
  const authentication = offers(on.authentication);
  const extensions: Extensions = {
    ...parameters.extensions,
    authentication,
    addressReconfiguration: authentication && offers(on.addressReconfiguration),
    streamReconfiguration: offers(on.streamReconfiguration),
    ecn: on.ecn || parameters.extensions.ecn,
  };
  const types = authenticable.filter(() => dice.chance(0.35));
  const standby = dice.int(1, 2);
  const base = side === "a" ? "192.0.2." : "198.51.100.";
  return {
    ...knobs,
    standbyAddresses: extensions.addressReconfiguration
      ? Array.from({ length: standby }, (_, index) => `${base}${41 + index}`)
      : [],
    parameters: {
      ...parameters,
      extensions,
      acceptsStreamReset: dice.chance(0.9),
      acceptsAssociationReset: dice.chance(0.9),
      acceptsStreamChange: dice.chance(0.9),
      refusesAddressChanges: dice.chance(0.08),
      authenticatedChunkTypes: dice.chance(0.8) ? types : [],
    },
  };
}

const streamsIn = (dice: Dice): number[] =>
  dice.chance(0.3) ? [] : Array.from({ length: dice.pick([1, 1, 2, 5]) }, () => dice.int(0, 63));

function drawWanted(dice: Dice): WantedReconfiguration {
  return dice.pick<() => WantedReconfiguration>([
    () => ({ kind: "outgoing-reset", streams: streamsIn(dice) }),
    () => ({ kind: "outgoing-reset", streams: streamsIn(dice) }),
    () => ({ kind: "incoming-reset", streams: streamsIn(dice) }),
    () => ({ kind: "ssn-tsn-reset" }),
    () => ({ kind: "add-outgoing", count: dice.pick([1, 2, 30]) }),
    () => ({ kind: "add-incoming", count: dice.pick([1, 2, 30]) }),
  ])();
}

/** Keys are set on both sides before one of them uses them, and are deleted when nobody does. */
function drawKeyChanges(dice: Dice, activeMs: number): TimedHappening[] {
  const found: TimedHappening[] = [];
  const changes = dice.int(0, 3);
  let fromMs = 0;
  for (let keyId = 1; keyId <= changes; keyId++) {
    const stepMs = (activeMs - fromMs) / 3;
    const setMs = dice.real(fromMs, fromMs + stepMs);
    found.push({ atMs: setMs, what: { kind: "key-set", keyId } });
    for (const side of sides) {
      if (dice.chance(0.85))
        found.push({ atMs: dice.real(setMs, setMs + stepMs), what: { kind: "key-use", side, keyId } });
    }
    fromMs = setMs + stepMs;
    if (dice.chance(0.5))
      found.push({
        atMs: dice.real(fromMs, fromMs + stepMs),
        what: { kind: "key-delete", keyId: keyId - 1 },
      });
  }
  return found;
}

function drawActs(dice: Dice, on: Switches, activeMs: number): TimedHappening[] {
  const found: TimedHappening[] = [];
  const times = (most: number, make: (side: Side) => ExtensionHappening): void => {
    for (let count = dice.int(1, most); count > 0; count--)
      found.push({ atMs: dice.real(0, activeMs), what: make(dice.pick(sides)) });
  };
  if (on.streamReconfiguration) times(8, (side) => ({ kind: "reconfigure", side, wanted: drawWanted(dice) }));
  if (on.addressReconfiguration) {
    times(8, (side) => ({
      kind: "address",
      side,
      act: dice.pick(["add", "add", "delete", "delete", "set-primary"]),
      place: dice.int(0, 5),
      gone: dice.chance(0.4),
    }));
  }
  if (on.authentication) found.push(...drawKeyChanges(dice, activeMs));
  return found;
}

/**
 * Switches extensions on in the half of all seeds, several of them at once. They are drawn from dice of their
 * own, so that the other half of the seeds is what it was without them.
 */
export function withExtensions(knobs: Knobs): Knobs {
  const dice = new Dice(knobs.seed, "extensions");
  if (dice.chance(0.5)) return knobs;
  const addressReconfiguration = dice.chance(0.5);
  const on: Switches = {
    addressReconfiguration,
    authentication: addressReconfiguration || dice.chance(0.4),
    streamReconfiguration: dice.chance(0.6),
    ecn: dice.chance(0.4),
  };
  const a = sideWith(dice, "a", knobs.a, on);
  const b = sideWith(dice, "b", knobs.b, on);
  const acts = drawActs(dice, on, knobs.activeMs);
  return {
    ...knobs,
    a,
    b,
    happenings: [...knobs.happenings, ...acts].sort((one, other) => one.atMs - other.atMs),
    markedShare: on.ecn ? dice.pick([0.01, 0.1, 0.5]) : 0,
    forgedShare: on.authentication ? dice.pick([0, 0.02, 0.2]) : 0,
  };
}
