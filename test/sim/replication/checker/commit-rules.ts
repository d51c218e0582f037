import { hold } from "../../sctp/checker/violation.ts";
import type { HistoryEvent, ProcessName } from "./history.ts";
import { processText } from "./history.ts";

interface Primary {
  isAlone: boolean;
  /** Who holds what this primary has, and how far, by association. */
  holder: string | undefined;
  held: Map<number, number>;
  /** The same for what the holder had when this primary began. */
  heldFromStart: number;
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
    const holder = processText(event.holder);
    if (primary.holder !== holder) {
      primary.holder = holder;
      primary.held = new Map<number, number>();
      primary.heldFromStart = 0;
    }
    const before = primary.held.get(event.association) ?? 0;
    primary.held.set(event.association, Math.max(before, event.sequence));
  }

  released(event: Extract<HistoryEvent, { kind: "released" }>): void {
    if (!this.#isBinding || event.dependsOn === 0) return;
    const primary = this.#of(event);
    hold(primary !== undefined, "only a primary releases packets", () => processText(event));
    if (primary.isAlone) return;
    const held = Math.max(primary.held.get(event.association) ?? 0, primary.heldFromStart);
    hold(event.dependsOn <= held, "what is released was acknowledged before", () => {
      return `${processText(event)} releases ${event.reason}, which depends on update ${event.dependsOn} of association ${event.association}; ${primary.holder ?? "nobody"} holds ${held}`;
    });
  }
}
