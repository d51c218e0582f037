import { readPacket } from "../../sctp/checker/packet-reader.ts";
import { hold, steps } from "../../sctp/checker/violation.ts";
import type { HistoryEvent, ProcessName } from "./history.ts";
import { processText } from "./history.ts";

type Released = Extract<HistoryEvent, { kind: "released" }>;

interface Primary {
  isAlone: boolean;
  /** Who holds what this primary has, and how far, by association. */
  holder: string | undefined;
  held: Map<number, number>;
  /** The same for what the holder had when this primary began. */
  heldFromStart: number;
  /** First TSN that is not to be used before its assignment is held, by association. */
  limits: Map<number, number>;
  /** The update from which it went on, and those with which it gave TSNs to DATA. */
  readonly from: number;
  readonly assigned: Map<number, number>;
}

/** Output commit: what depends on an update leaves after its holder has acknowledged it, unless nobody could go on. */
export class CommitRules {
  readonly #primaries: Map<string, Primary> = new Map<string, Primary>();
  readonly #isBinding: boolean;

  /** `isBinding`: the policy promises this. */
  constructor(isBinding: boolean) {
    this.#isBinding = isBinding;
  }

  primary(event: Extract<HistoryEvent, { kind: "primary" }>): void {
    const { holder, from } = event;
    this.#primaries.set(processText(event), {
      isAlone: holder === undefined,
      holder: holder && processText(holder),
      held: new Map<number, number>(),
      heldFromStart: holder === undefined ? 0 : (from ?? 0),
      limits: new Map<number, number>(),
      from: from ?? 0,
      assigned: new Map<number, number>(),
    });
  }

  #of(name: ProcessName): Primary | undefined {
    return this.#primaries.get(processText(name));
  }

  stands(event: ProcessName & { readonly kind: "alone" | "guarded" }): void {
    const primary = this.#of(event);
    if (primary !== undefined) primary.isAlone = event.kind === "alone";
  }

  acknowledged(event: Extract<HistoryEvent, { kind: "acknowledged" }>): void {
    const primary = this.#of(event);
    if (primary === undefined) return;
    holdsFor(primary, event.holder);
    const before = primary.held.get(event.association) ?? 0;
    primary.held.set(event.association, Math.max(before, event.sequence));
  }

  released(event: Released): void {
    if (event.dependsOn === 0) return;
    const primary = this.#of(event);
    hold(primary !== undefined, "only a primary releases packets", () => processText(event));
    if (primary.isAlone) return;
    const held = Math.max(primary.held.get(event.association) ?? 0, primary.heldFromStart);
    if (!this.#isBinding) {
      if (event.dependsOn > held) holdLeased(event, primary, held);
      return;
    }
    hold(event.dependsOn <= held, "what is released was acknowledged before", () => {
      return `${processText(event)} releases ${event.reason}, which depends on update ${event.dependsOn} of association ${event.association}; ${primary.holder ?? "nobody"} holds ${held}`;
    });
  }

  leaseHeld(event: Extract<HistoryEvent, { kind: "lease-held" }>): void {
    const primary = this.#of(event);
    if (primary === undefined) return;
    holdsFor(primary, event.holder);
    primary.limits.set(event.association, event.limitTsn);
  }

  leasesOver(event: ProcessName): void {
    this.#of(event)?.limits.clear();
  }

  assigns(event: Extract<HistoryEvent, { kind: "cluster-assigns" }>): void {
    this.#of(event)?.assigned.set(event.tsn, event.sequence);
  }
}

/** Another holder has nothing of what the one before had. */
function holdsFor(primary: Primary, name: ProcessName): void {
  const holder = processText(name);
  if (primary.holder === holder) return;
  primary.holder = holder;
  primary.held = new Map<number, number>();
  primary.heldFromStart = 0;
  primary.limits = new Map<number, number>();
}

/** What the holder does not know the assignment of lies below the limit of a lease that it knows of. */
function holdLeased(event: Released, { limits, assigned, from }: Primary, held: number): void {
  const limit = limits.get(event.association);
  for (const chunk of readPacket(event.bytes).chunks) {
    if (chunk.kind !== "data" || (assigned.get(chunk.tsn) ?? from) <= held) continue;
    hold(limit !== undefined && steps(chunk.tsn, limit) > 0, "a TSN is used within its lease", () => {
      return `${processText(event)} uses TSN ${chunk.tsn}; the holder knows of a lease up to ${limit ?? "none"}`;
    });
  }
}
