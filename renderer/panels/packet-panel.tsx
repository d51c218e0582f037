import { useCallback, useEffect, useState, type Dispatch, type ReactElement, type RefObject } from "react";
import type { DeskLink, PacketRow, RunOverview } from "../../main/api/contract.ts";
import type { Action, RunContext, RunState } from "../model/run-state.ts";
import { PacketDetailView } from "./packet-detail.tsx";
import { PacketTable } from "./packet-table.tsx";

interface PacketPanelProps {
  readonly link: DeskLink;
  readonly overview: RunOverview;
  readonly context: RunContext;
  readonly state: RunState;
  readonly dispatch: Dispatch<Action>;
  readonly filterInput: RefObject<HTMLInputElement | null>;
}

/** Longer filters are refused by the desk. */
const MAX_FILTER_CHARS = 200;
/** The desk is asked when the typing pauses, not for every letter. */
const TYPING_PAUSE_MS = 150;

export function PacketPanel(props: PacketPanelProps): ReactElement {
  const { link, overview, context, state, dispatch, filterInput } = props;
  const [filter, setFilter] = useState("");
  const { selected } = state;
  const onSelect = useCallback(
    (row: PacketRow) => {
      dispatch({ type: "select", selection: { packetId: row.id, atUs: row.atUs, source: "table" } });
    },
    [dispatch],
  );
  return (
    <div className="packets">
      <FilterField input={filterInput} onFilter={setFilter} />
      <PacketTable
        key={filter}
        link={link}
        overview={overview}
        filter={filter}
        originUs={context.originUs}
        selectedId={selected?.packetId}
        target={{ atUs: selected?.atUs ?? state.scrubUs, chosenHere: selected?.source === "table" }}
        onSelect={onSelect}
      />
      {selected === undefined ? (
        <p className="empty detail-empty">Choose a packet in the table or in the ladder to see its bytes.</p>
      ) : (
        <PacketDetailView
          link={link}
          runId={overview.run.id}
          packetId={selected.packetId}
          originUs={context.originUs}
        />
      )}
    </div>
  );
}

interface FilterFieldProps {
  readonly input: RefObject<HTMLInputElement | null>;
  readonly onFilter: (filter: string) => void;
}

function FilterField({ input, onFilter }: FilterFieldProps): ReactElement {
  const [text, setText] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => {
      onFilter(text.trim());
    }, TYPING_PAUSE_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [text, onFilter]);
  return (
    <div className="filter">
      <label>
        Filter <kbd>/</kbd>{" "}
        <input
          ref={input}
          type="search"
          value={text}
          maxLength={MAX_FILTER_CHARS}
          placeholder="for example: sack 192.0.2.12"
          spellCheck={false}
          onChange={(event) => {
            setText(event.target.value);
          }}
        />
      </label>
      {text === "" ? null : (
        <button
          type="button"
          onClick={() => {
            setText("");
          }}
        >
          Clear
        </button>
      )}
    </div>
  );
}
