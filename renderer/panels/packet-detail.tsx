import { useMemo, useState, type ReactElement } from "react";
import type { DeskLink, PacketDetail } from "../../main/api/contract.ts";
import { useRequest } from "../hooks/use-request.ts";
import { initiallyOpen, visibleLines } from "../model/decode-rows.ts";
import { formatOffset } from "../model/time-format.ts";
import { DecodeTree } from "./decode-tree.tsx";
import { HexView } from "./hex-view.tsx";
import { Status } from "./status.tsx";

interface PacketDetailViewProps {
  readonly link: DeskLink;
  readonly runId: string;
  readonly packetId: number;
  readonly originUs: number;
}

export function PacketDetailView({ link, runId, packetId, originUs }: PacketDetailViewProps): ReactElement {
  const request = useRequest(link, "run.packet", { runId, packetId });
  const detail = request.data;
  return (
    <section className="detail" aria-label="Selected packet">
      <Status request={request} what="the packet" />
      {detail === undefined ? null : (
        <>
          <p className="detail-title">
            <b>Packet {detail.row.id}</b>{" "}
            <span className="mono">{formatOffset(detail.row.atUs - originUs)}</span> on {detail.row.host}:
            {detail.row.interfaceName}, {detail.row.lengthBytes} B
            <SentBecause detail={detail} />
          </p>
          <TreeAndBytes key={detail.row.id} detail={detail} />
        </>
      )}
    </section>
  );
}

/** What the agent wrote down about this packet: why it went out, and what it had to wait for. */
function SentBecause({ detail }: { readonly detail: PacketDetail }): ReactElement | null {
  const { sentBecause, row } = detail;
  if (sentBecause === undefined) return null;
  const { reason, dependsOn, heldUs } = sentBecause;
  const wait =
    dependsOn === 0
      ? "waited for no update"
      : heldUs === undefined
        ? `waited for update ${dependsOn}`
        : `waited for update ${dependsOn}, held by B ${formatOffset(heldUs - row.atUs)}`;
  return (
    <span className="quiet">
      {" "}
      · sent for {reason}; {wait}
    </span>
  );
}

function TreeAndBytes({ detail }: { readonly detail: PacketDetail }): ReactElement {
  const [open, setOpen] = useState<ReadonlySet<string>>(() => initiallyOpen(detail.tree));
  const [focus, setFocus] = useState(() => String(Math.max(0, detail.tree.length - 1)));
  const lines = useMemo(() => visibleLines(detail.tree, open), [detail.tree, open]);
  const node = lines.find((line) => line.path === focus)?.node;
  return (
    <div className="tree-and-bytes">
      <DecodeTree lines={lines} focus={focus} open={open} onFocus={setFocus} onOpen={setOpen} />
      <HexView bytesHex={detail.bytesHex} start={node?.start ?? 0} end={node?.end ?? 0} />
    </div>
  );
}
