import { useCallback, type Dispatch, type ReactElement, type ReactNode, type RefObject } from "react";
import type { VerdictReport } from "../../captures/verdict/report.ts";
import type { DeskLink, RunOverview } from "../../main/api/contract.ts";
import type { Loaded } from "../hooks/use-request.ts";
import type { Action, RunContext, RunState, Tab } from "../model/run-state.ts";
import { PacketPanel } from "./packet-panel.tsx";
import { StatePanel } from "./state-panel.tsx";
import { VerdictPanel, type Goto } from "./verdict-panel.tsx";

const TABS: readonly { readonly tab: Tab; readonly title: string; readonly key: string }[] = [
  { tab: "packets", title: "Packets", key: "1" },
  { tab: "state", title: "State", key: "2" },
  { tab: "verdict", title: "Verdict", key: "3" },
];

interface DetailsProps {
  readonly link: DeskLink;
  readonly overview: RunOverview;
  readonly context: RunContext;
  readonly state: RunState;
  readonly dispatch: Dispatch<Action>;
  readonly verdict: Loaded<VerdictReport>;
  readonly filterInput: RefObject<HTMLInputElement | null>;
}

/** The right half of the screen: packets, state or verdict. */
export function Details(props: DetailsProps): ReactElement {
  const { link, overview, context, state, dispatch, verdict, filterInput } = props;
  const onGoto = useGoto(link, overview.run.id, context.originUs, dispatch);
  return (
    <section className="side" aria-label="Details">
      <Tabs shown={state.tab} dispatch={dispatch} />
      <TabPanel tab="packets" shown={state.tab}>
        <PacketPanel
          link={link}
          overview={overview}
          context={context}
          state={state}
          dispatch={dispatch}
          filterInput={filterInput}
        />
      </TabPanel>
      <TabPanel tab="state" shown={state.tab}>
        {state.tab === "state" ? (
          <StatePanel
            link={link}
            overview={overview}
            view={state.view}
            context={context}
            scrubUs={state.scrubUs}
          />
        ) : null}
      </TabPanel>
      <TabPanel tab="verdict" shown={state.tab}>
        <VerdictPanel request={verdict} overview={overview} originUs={context.originUs} onGoto={onGoto} />
      </TabPanel>
    </section>
  );
}

function Tabs({
  shown,
  dispatch,
}: {
  readonly shown: Tab;
  readonly dispatch: Dispatch<Action>;
}): ReactElement {
  return (
    <div className="tabs">
      <div role="tablist">
        {TABS.map(({ tab, title, key }) => (
          <button
            key={tab}
            type="button"
            role="tab"
            id={`tab-${tab}`}
            aria-controls={`panel-${tab}`}
            aria-selected={shown === tab}
            onClick={() => {
              dispatch({ type: "tab", tab });
            }}
          >
            {title} <kbd>{key}</kbd>
          </button>
        ))}
      </div>
      <span className="spacer" />
      <button
        type="button"
        className="flat"
        onClick={() => {
          dispatch({ type: "command", command: "key-sheet" });
        }}
      >
        Keys <kbd>?</kbd>
      </button>
    </div>
  );
}

interface TabPanelProps {
  readonly tab: Tab;
  readonly shown: Tab;
  readonly children: ReactNode;
}

function TabPanel({ tab, shown, children }: TabPanelProps): ReactElement {
  return (
    <div
      className="tab-panel"
      role="tabpanel"
      id={`panel-${tab}`}
      aria-labelledby={`tab-${tab}`}
      hidden={tab !== shown}
    >
      {children}
    </div>
  );
}

/** Leads to an instant, to a packet, or to both; where only the packet is known, the desk says when it was. */
function useGoto(link: DeskLink, runId: string, originUs: number, dispatch: Dispatch<Action>): Goto {
  return useCallback(
    (atUs, packetId) => {
      if (atUs !== undefined) dispatch({ type: "goto", atUs, packetId });
      else if (packetId !== undefined) {
        link.send("run.packet", { runId, packetId }).then(
          ({ row }) => {
            dispatch({ type: "goto", atUs: row.atUs, packetId });
          },
          () => {
            // The packet panel asks for the same packet, says what is wrong and offers to retry.
            dispatch({ type: "select", selection: { packetId, atUs: originUs, source: "elsewhere" } });
            dispatch({ type: "tab", tab: "packets" });
          },
        );
      }
    },
    [link, runId, originUs, dispatch],
  );
}
