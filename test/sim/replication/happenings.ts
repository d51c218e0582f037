import { parseReplication } from "../../../agents/replica/index.ts";
import type { Happening } from "./knobs.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Stage } from "./stage.ts";
import type { Turns } from "./turns.ts";

/** Makes happen what the seed decides. */
export class Happenings {
  readonly #stage: Stage;
  readonly #turns: Turns;
  readonly #lifecycle: Lifecycle;
  /** Called after the outside computer did something. */
  readonly #drainPeer: () => void;

  constructor(stage: Stage, turns: Turns, lifecycle: Lifecycle, drainPeer: () => void) {
    this.#stage = stage;
    this.#turns = turns;
    this.#lifecycle = lifecycle;
    this.#drainPeer = drainPeer;
  }

  happen(what: Happening): void {
    const stage = this.#stage;
    stage.trace.note(stage.nowMs, () => `* ${JSON.stringify(what)}`);
    stage.count(`fault ${what.kind}`);
    // What the survivor of a death should learn at once may come too late now.
    if (stage.primary === undefined) stage.hadUncleanDeath = true;
    switch (what.kind) {
      case "die":
        return this.#lifecycle.die(what.machine, what.death, what.restartAfterMs);
      case "freeze":
        return this.#lifecycle.freeze(what.machine, what.forMs, what.timersFirst, what.batch);
      case "clock-jump":
        stage.machine(what.machine).jump(what.byMs);
        stage.disturb(what.machine);
        return;
      case "link-cut": {
        const link = stage.links.get(what.pair);
        link?.cut(what.to);
        stage.noteDisturbance(what.pair);
        stage.timers.add(() => link?.heal(what.to, stage.nowMs), stage.nowMs + what.forMs);
        return;
      }
      case "give-up":
        return this.#lifecycle.giveUp(what.pair, what.machine);
      case "link-stall":
        stage.links.get(what.pair)?.stall(what.to, stage.nowMs + what.forMs);
        stage.noteDisturbance(what.pair);
        return;
      case "cut":
        return stage.network.cut(what.from, what.to);
      case "heal":
        return stage.network.heal(what.from, what.to);
      case "shutdown":
        return this.shutdown(what.by);
      default:
        return this.#command(what);
    }
  }

  #command(what: Extract<Happening, { kind: "handover" | "synchronise" | "announce" | "set-policy" }>): void {
    const { primary, members } = this.#stage;
    if (primary === undefined || members[primary].isFrozen) return;
    this.#turns.with(primary, (member, localMs) => {
      if (what.kind === "handover") {
        const refusal = member.handOver(localMs);
        this.#stage.count(refusal === undefined ? "handover begun" : "handover refused");
      } else if (what.kind === "synchronise") member.synchronise(localMs);
      else if (what.kind === "announce") member.failureImpends("announced", localMs);
      else if (what.kind === "set-policy") {
        const parsed = parseReplication(what.policy);
        if (!parsed.ok) throw new Error(parsed.reason);
        member.setPolicy(parsed.replication.policy, localMs);
      }
    });
  }

  /** A user wants the association ended; an instance that had taken that in may be gone. */
  shutdown(by: "peer" | "cluster"): void {
    const stage = this.#stage;
    const { primary, peer } = stage;
    if (by === "cluster" && (primary === undefined || stage.members[primary].isFrozen)) return;
    if (peer.association === undefined) return;
    stage.endedBy = by;
    stage.note({ kind: "shutdown", atMs: stage.nowMs });
    if (by === "cluster" && primary !== undefined)
      this.#turns.with(primary, (member, localMs) => member.active?.shutdown(localMs));
    else {
      peer.shutdown(stage.nowMs);
      this.#drainPeer();
    }
  }
}
