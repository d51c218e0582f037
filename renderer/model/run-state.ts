import type { Mark, RunOverview, Transmission } from "../../main/api/contract.ts";
import { failoverViewport, findFailover, stepMark, type Failover } from "./failover.ts";
import type { Command } from "./keys.ts";
import { centreOn, clampViewport, panBy, reveal, spanUs, zoomAt, type Viewport } from "./viewport.ts";

/** What the reader has chosen on the screen of one run. */
export interface RunState {
  readonly view: Viewport;
  /** The instant whose association state is shown. */
  readonly scrubUs: number;
  readonly selected: Selection | undefined;
  readonly tab: Tab;
  readonly asTable: boolean;
  readonly hidden: ReadonlySet<Transmission["kind"]>;
  readonly playing: boolean;
  readonly keySheet: boolean;
}

export type Tab = "packets" | "state" | "verdict";

export interface Selection {
  readonly packetId: number;
  readonly atUs: number;
  /** Who chose it; the packet table does not scroll to what was chosen in it. */
  readonly source: "table" | "elsewhere";
}

export type Action =
  | { readonly type: "view"; readonly view: Viewport }
  | { readonly type: "scrub"; readonly atUs: number }
  | { readonly type: "replay"; readonly aheadUs: number }
  | { readonly type: "select"; readonly selection: Selection | undefined }
  | { readonly type: "goto"; readonly atUs: number; readonly packetId: number | undefined }
  | { readonly type: "tab"; readonly tab: Tab }
  | { readonly type: "toggle-kind"; readonly kind: Transmission["kind"] }
  | { readonly type: "command"; readonly command: Command };

/** What does not change while a run is looked at. */
export interface RunContext {
  readonly bounds: Viewport;
  readonly marks: readonly Mark[];
  readonly failover: Failover;
  /** Zero of the time axis: the fault, or the start of the run. */
  readonly originUs: number;
}

export function runContext(overview: RunOverview): RunContext {
  const failover = findFailover(overview.marks);
  return {
    // A run of no length (cut off at once) still needs an axis.
    bounds: { fromUs: overview.fromUs, toUs: Math.max(overview.toUs, overview.fromUs + 1_000) },
    marks: overview.marks,
    failover,
    originUs: failover.faultUs ?? overview.fromUs,
  };
}

export function initialState(context: RunContext): RunState {
  return {
    view: failoverViewport(context.failover, context.bounds),
    scrubUs: context.failover.firstPacketUs ?? context.originUs,
    selected: undefined,
    tab: "packets",
    asTable: false,
    hidden: new Set(),
    playing: false,
    keySheet: false,
  };
}

const ZOOM_STEP = 0.6;
const PAN_STEP = 0.25;
/** A jump to a packet shows at most this much around it. */
const CLOSE_SPAN_US = 20_000;

export function reduceRun(context: RunContext, state: RunState, action: Action): RunState {
  switch (action.type) {
    case "view":
      return { ...state, view: clampViewport(action.view, context.bounds) };
    case "scrub":
      return { ...state, scrubUs: within(context, action.atUs), playing: false };
    case "replay": {
      const atUs = state.scrubUs + action.aheadUs;
      return atUs >= state.view.toUs
        ? { ...state, scrubUs: state.view.toUs, playing: false }
        : { ...state, scrubUs: Math.max(atUs, state.view.fromUs) };
    }
    case "select":
      return action.selection === undefined
        ? { ...state, selected: undefined }
        : {
            ...state,
            selected: action.selection,
            scrubUs: action.selection.atUs,
            ...shown(context, state, action.selection),
          };
    case "goto":
      return gotoInstant(context, state, action.atUs, action.packetId);
    case "tab":
      return { ...state, tab: action.tab };
    case "toggle-kind": {
      const hidden = new Set(state.hidden);
      if (!hidden.delete(action.kind)) hidden.add(action.kind);
      return { ...state, hidden };
    }
    case "command":
      return obey(context, state, action.command);
  }
}

function within(context: RunContext, atUs: number): number {
  return Math.min(context.bounds.toUs, Math.max(context.bounds.fromUs, atUs));
}

function shown(context: RunContext, state: RunState, selection: Selection): Pick<RunState, "view"> {
  return { view: reveal(state.view, selection.atUs, context.bounds) };
}

function gotoInstant(
  context: RunContext,
  state: RunState,
  atUs: number,
  packetId: number | undefined,
): RunState {
  const span = Math.min(spanUs(state.view), CLOSE_SPAN_US);
  const view = clampViewport({ fromUs: atUs - span / 2, toUs: atUs + span / 2 }, context.bounds);
  const selected: Selection | undefined =
    packetId === undefined ? undefined : { packetId, atUs, source: "elsewhere" };
  return { ...state, view, scrubUs: within(context, atUs), selected, playing: false };
}

function obey(context: RunContext, state: RunState, command: Command): RunState {
  const { bounds, failover } = context;
  const middle = (state.view.fromUs + state.view.toUs) / 2;
  const look = (view: Viewport): RunState => ({ ...state, view });
  switch (command) {
    case "zoom-in":
      return look(zoomAt(state.view, ZOOM_STEP, anchorOf(state, middle), bounds));
    case "zoom-out":
      return look(zoomAt(state.view, 1 / ZOOM_STEP, anchorOf(state, middle), bounds));
    case "pan-back":
      return look(panBy(state.view, -spanUs(state.view) * PAN_STEP, bounds));
    case "pan-forward":
      return look(panBy(state.view, spanUs(state.view) * PAN_STEP, bounds));
    case "focus":
      return look(failoverViewport(failover, bounds));
    case "jump":
      return failover.faultUs === undefined ? state : visit(context, state, failover.faultUs);
    case "whole-run":
      return look(bounds);
    case "next-mark":
    case "previous-mark":
      return stepTo(context, state, context.marks, command === "next-mark" ? 1 : -1);
    case "next-fault":
    case "previous-fault": {
      const faults = context.marks.filter((mark) => mark.kind === "fault");
      return stepTo(context, state, faults, command === "next-fault" ? 1 : -1);
    }
    case "replay":
      return togglePlay(state);
    case "packets":
    case "state":
    case "verdict":
      return { ...state, tab: command };
    case "filter":
      return { ...state, tab: "packets" };
    case "as-table":
      return { ...state, asTable: !state.asTable };
    case "key-sheet":
      return { ...state, keySheet: !state.keySheet };
    case "escape":
      return state.keySheet
        ? { ...state, keySheet: false }
        : { ...state, selected: undefined, playing: false };
  }
}

/** Zoom keys keep the scrubber in place while it is in view. */
function anchorOf(state: RunState, middle: number): number {
  return state.scrubUs >= state.view.fromUs && state.scrubUs <= state.view.toUs ? state.scrubUs : middle;
}

function visit(context: RunContext, state: RunState, atUs: number): RunState {
  return { ...state, view: centreOn(state.view, atUs, context.bounds), scrubUs: atUs, playing: false };
}

function stepTo(context: RunContext, state: RunState, marks: readonly Mark[], direction: 1 | -1): RunState {
  const mark = stepMark(marks, state.scrubUs, direction);
  if (mark === undefined) return state;
  return {
    ...state,
    scrubUs: mark.atUs,
    view: reveal(state.view, mark.atUs, context.bounds),
    playing: false,
  };
}

function togglePlay(state: RunState): RunState {
  if (state.playing) return { ...state, playing: false };
  // At the end of the view, or outside it, a replay begins at the top.
  const inside =
    state.scrubUs >= state.view.fromUs && state.scrubUs < state.view.toUs - spanUs(state.view) * 0.01;
  return { ...state, playing: true, scrubUs: inside ? state.scrubUs : state.view.fromUs };
}
