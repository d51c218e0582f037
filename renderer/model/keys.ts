export type Command =
  | "zoom-in"
  | "zoom-out"
  | "pan-back"
  | "pan-forward"
  | "focus"
  | "jump"
  | "whole-run"
  | "next-mark"
  | "previous-mark"
  | "next-fault"
  | "previous-fault"
  | "replay"
  | "filter"
  | "packets"
  | "state"
  | "verdict"
  | "as-table"
  | "key-sheet"
  | "escape";

/** What a key press looks like to us; a KeyboardEvent fits. */
export interface KeyPress {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  w: "zoom-in",
  s: "zoom-out",
  a: "pan-back",
  d: "pan-forward",
  f: "focus",
  j: "jump",
  "0": "whole-run",
  ".": "next-mark",
  ",": "previous-mark",
  "]": "next-fault",
  "[": "previous-fault",
  " ": "replay",
  "/": "filter",
  "1": "packets",
  "2": "state",
  "3": "verdict",
  t: "as-table",
  "?": "key-sheet",
  escape: "escape",
};

export function commandFor(press: KeyPress): Command | undefined {
  // Keys with a modifier belong to the browser or the system.
  if (press.ctrlKey || press.metaKey || press.altKey) return undefined;
  return COMMANDS[press.key.toLowerCase()];
}

/** The key sheet, in reading order. */
export const KEY_SHEET: readonly { readonly keys: string; readonly does: string }[] = [
  { keys: "F", does: "Show the whole failover" },
  { keys: "J", does: "Jump to the fault, keeping the zoom" },
  { keys: "0", does: "Show the whole run" },
  { keys: "W  S", does: "Zoom in, zoom out (mouse wheel too)" },
  { keys: "A  D", does: "Earlier, later (drag too)" },
  { keys: ".  ,", does: "Next mark, previous mark" },
  { keys: "]  [", does: "Next fault, previous fault" },
  { keys: "Space", does: "Replay from the scrubber, or stop" },
  { keys: "1  2  3", does: "Packets, state, verdict" },
  { keys: "/", does: "Filter packets" },
  { keys: "T", does: "Chart as a table, and back" },
  { keys: "Esc", does: "Clear the selection, close this sheet" },
  { keys: "?", does: "This sheet" },
];
