import type { ReactElement } from "react";
import type { LadderGeometry } from "../charts/ladder/geometry.ts";
import type { LadderLayout, PacketLine } from "../charts/ladder/layout.ts";
import { laneTitle } from "../model/packet-kinds.ts";
import { formatDuration, formatOffset } from "../model/time-format.ts";

interface LadderTooltipProps {
  readonly hover: { readonly line: PacketLine; readonly x: number; readonly y: number };
  readonly layout: LadderLayout | undefined;
  readonly geometry: LadderGeometry;
  readonly originUs: number;
}

const WIDTH = 264;
const HEIGHT = 96;

export function LadderTooltip({ hover, layout, geometry, originUs }: LadderTooltipProps): ReactElement {
  const item = hover.line.transmission;
  const original =
    item.repeats === undefined ? undefined : layout?.firstCopies.get(item.repeats)?.transmission;
  const left = Math.max(4, Math.min(hover.x + 14, geometry.width - WIDTH - 6));
  const below = hover.y + 14 + HEIGHT <= geometry.height;
  const top = below ? hover.y + 14 : hover.y - 14 - HEIGHT;
  return (
    <div className="tooltip" role="tooltip" style={{ left, top, width: WIDTH }}>
      <b>{item.label}</b>
      <div>
        {laneTitle(item.from)} → {laneTitle(item.to)}
      </div>
      <div className="mono">
        {formatOffset(item.sentUs - originUs)}
        {item.receivedUs === undefined
          ? " · ✕ never seen at the other end"
          : ` · ${formatDuration(item.receivedUs - item.sentUs)} on its way`}
      </div>
      {item.repeats === undefined ? null : (
        <div>
          ⟲ retransmission
          {original === undefined
            ? ", first sent before this window"
            : `, first sent ${formatDuration(item.sentUs - original.sentUs)} earlier from ${laneTitle(original.from)}`}
        </div>
      )}
    </div>
  );
}
