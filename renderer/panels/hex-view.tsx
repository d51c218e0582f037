import { useEffect, useRef, type ReactElement } from "react";
import { hexRows } from "../model/hex-rows.ts";

interface HexViewProps {
  readonly bytesHex: string;
  readonly start: number;
  readonly end: number;
}

export function HexView({ bytesHex, start, end }: HexViewProps): ReactElement {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    box.current?.querySelector(".selected")?.scrollIntoView({ block: "nearest" });
  }, [start, end]);
  return (
    <div
      ref={box}
      className="hex"
      role="region"
      aria-label={`Bytes; ${end - start} selected from offset ${start}`}
      tabIndex={0}
    >
      {hexRows(bytesHex, start, end).map((row) => (
        <div key={row.offset} className="hex-row">
          <span className="quiet">{row.offset}</span>
          <span className="hex-bytes">
            {row.cells.map((cell) => (
              <span key={cell.index} className={cell.selected ? "selected" : undefined}>
                {cell.hex}{" "}
              </span>
            ))}
          </span>
          <span className="hex-text">
            {row.cells.map((cell) => (
              <span key={cell.index} className={cell.selected ? "selected" : undefined}>
                {cell.text}
              </span>
            ))}
          </span>
        </div>
      ))}
    </div>
  );
}
