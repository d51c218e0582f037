import type { Transmission } from "../../main/api/contract.ts";

/** Colours that a canvas needs as values; their home is the style sheet. */
export interface Palette {
  readonly kinds: Readonly<Record<Transmission["kind"], string>>;
  readonly replication: string;
  readonly lost: string;
  readonly selection: string;
  readonly text: string;
  readonly pathA: string;
  readonly pathB: string;
  readonly fault: string;
}

export function readPalette(element: Element): Palette {
  const style = getComputedStyle(element);
  const value = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    kinds: {
      data: value("kind-data"),
      sack: value("kind-sack"),
      heartbeat: value("kind-heartbeat"),
      setup: value("kind-setup"),
      shutdown: value("kind-shutdown"),
      abort: value("kind-abort"),
      other: value("kind-other"),
    },
    replication: value("replication"),
    lost: value("lost"),
    selection: value("selection"),
    text: value("text"),
    pathA: value("path-a"),
    pathB: value("path-b"),
    fault: value("mark-fault"),
  };
}
