import { useVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useEffect, useRef, type KeyboardEvent, type ReactElement } from "react";
import type { DeskLink, PacketRow, RunOverview } from "../../main/api/contract.ts";
import { usePacketPages } from "../hooks/use-packet-pages.ts";
import { directionOf, formatTableTime, isMalformed, kindOfRow } from "../model/packet-rows.ts";
import { formatCount } from "../model/time-format.ts";
import { Status } from "./status.tsx";

/** Where the rest of the screen looks; the table follows unless the choice was made in it. */
interface TableTarget {
  readonly atUs: number;
  readonly chosenHere: boolean;
}

interface PacketTableProps {
  readonly link: DeskLink;
  readonly overview: RunOverview;
  readonly filter: string;
  readonly originUs: number;
  readonly selectedId: number | undefined;
  readonly target: TableTarget;
  readonly onSelect: (row: PacketRow) => void;
}

const ROW_PX = 22;
/** Browsers end an element at 33,554,428 px; a longer list must be filtered. */
const MAX_ROWS = 1_500_000;
/** A dragged scrubber moves the table once it rests. */
const FOLLOW_AFTER_MS = 120;

export function PacketTable(props: PacketTableProps): ReactElement {
  const { link, overview, filter, originUs, selectedId, target, onSelect } = props;
  const { pager, version, status } = usePacketPages(link, overview.run.id, filter);
  const scroller = useRef<HTMLDivElement>(null);
  const total = pager.total();
  const virtual = useVirtualizer({
    count: Math.min(total, MAX_ROWS),
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_PX,
    overscan: 12,
  });
  const rows = virtual.getVirtualItems();
  const first = rows[0]?.index ?? 0;
  const last = rows.at(-1)?.index ?? 0;
  useEffect(() => {
    pager.see(first, last);
  }, [pager, first, last]);

  const scrollTo = useCallback(
    (index: number) => {
      virtual.scrollToIndex(Math.min(index, MAX_ROWS - 1), { align: "center" });
    },
    [virtual],
  );
  useFollow(link, overview.run.id, filter, total > 0 ? target : undefined, scrollTo);

  const onKeyDown = (event: KeyboardEvent): void => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const at = rows.find(({ index }) => pager.rowAt(index)?.id === selectedId)?.index ?? first - step;
    const row = pager.rowAt(at + step);
    if (row === undefined) return;
    onSelect(row);
    virtual.scrollToIndex(at + step);
  };

  return (
    <div className="packet-table" data-version={version}>
      <Status request={status} what="packets" />
      <div
        ref={scroller}
        className="packet-scroll"
        role="grid"
        aria-label="Packets"
        aria-rowcount={total}
        tabIndex={0}
        data-testid="packet-table"
        onKeyDown={onKeyDown}
      >
        <Head />
        <div className="packet-body" style={{ height: virtual.getTotalSize() }}>
          {rows.map((item) => (
            <Row
              key={item.key}
              row={pager.rowAt(item.index)}
              index={item.index}
              top={item.start}
              overview={overview}
              originUs={originUs}
              selectedId={selectedId}
              onSelect={onSelect}
            />
          ))}
        </div>
        {total === 0 && !status.busy && status.failure === undefined ? (
          <p className="empty">
            {filter === "" ? "No packets were captured." : "No packet matches. Clear the filter to see all."}
          </p>
        ) : null}
      </div>
      <Count total={total} filtered={filter !== ""} />
    </div>
  );
}

/** Scrolls to where the rest of the screen looks, once that rests; on the first call also to a choice made here. */
function useFollow(
  link: DeskLink,
  runId: string,
  filter: string,
  target: TableTarget | undefined,
  scrollTo: (index: number) => void,
): void {
  const followed = useRef(false);
  const [atUs, chosenHere] = [target?.atUs, target?.chosenHere];
  useEffect(() => {
    if (atUs === undefined || (chosenHere === true && followed.current)) return undefined;
    followed.current = true;
    let current = true;
    const timer = setTimeout(() => {
      void link.send("run.packetIndexAt", { runId, atUs: Math.round(atUs), filter }).then(
        ({ index }) => {
          if (current) scrollTo(index);
        },
        // The table's own requests say what is wrong with the desk; not following is harmless.
        () => undefined,
      );
    }, FOLLOW_AFTER_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [link, runId, filter, atUs, chosenHere, scrollTo]);
}

function Count({ total, filtered }: { readonly total: number; readonly filtered: boolean }): ReactElement {
  const cut = `; the first ${formatCount(MAX_ROWS)} are listed, filter to reach the rest`;
  return (
    <div className="packet-count quiet">
      {formatCount(total)} packets{filtered ? " match" : ""}, as each host saw them
      {total > MAX_ROWS ? cut : ""}
    </div>
  );
}

function Head(): ReactElement {
  return (
    <div className="packet-row packet-head" role="row">
      {["Time (s)", "Host", "Dir", "Source", "Destination", "Chunks"].map((title) => (
        <span key={title} role="columnheader">
          {title}
        </span>
      ))}
    </div>
  );
}

interface RowProps {
  readonly row: PacketRow | undefined;
  readonly index: number;
  readonly top: number;
  readonly overview: RunOverview;
  readonly originUs: number;
  readonly selectedId: number | undefined;
  readonly onSelect: (row: PacketRow) => void;
}

const DIRECTIONS = { out: "→ out", in: "← in", other: "· via" } as const;

function Row({ row, index, top, overview, originUs, selectedId, onSelect }: RowProps): ReactElement {
  const style = { transform: `translateY(${top}px)`, height: ROW_PX };
  if (row === undefined) {
    return (
      <div className="packet-row" role="row" aria-rowindex={index + 1} style={style}>
        <span role="gridcell">…</span>
      </div>
    );
  }
  const flawed = isMalformed(row);
  return (
    <div
      className={`packet-row kind-${kindOfRow(row)}${flawed ? " malformed" : ""}`}
      role="row"
      aria-rowindex={index + 1}
      aria-selected={row.id === selectedId}
      data-packet={row.id}
      style={style}
      onClick={() => {
        onSelect(row);
      }}
    >
      <span role="gridcell">{formatTableTime(row.atUs - originUs)}</span>
      <span role="gridcell">{row.host}</span>
      <span role="gridcell">{DIRECTIONS[directionOf(row, overview.hosts)]}</span>
      <span role="gridcell">{row.source}</span>
      <span role="gridcell">{row.destination}</span>
      <span role="gridcell" title={row.info}>
        {flawed ? <b className="flaw">! malformed </b> : null}
        {row.checksumGood ? null : <b className="flaw">! bad checksum </b>}
        {row.info}
      </span>
    </div>
  );
}
