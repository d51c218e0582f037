/** One line of a hex view: eight bytes, each with whether it belongs to the selected node. */
export interface HexRow {
  readonly offset: string;
  readonly cells: readonly HexCell[];
}

export interface HexCell {
  readonly index: number;
  readonly hex: string;
  readonly text: string;
  readonly selected: boolean;
}

/** Narrow enough to stand beside the decode tree. */
const BYTES_PER_ROW = 8;

/** `start` and `end` are the selected byte range, end exclusive; equal for none. */
export function hexRows(bytesHex: string, start: number, end: number): HexRow[] {
  const length = Math.floor(bytesHex.length / 2);
  const rows: HexRow[] = [];
  for (let first = 0; first < length; first += BYTES_PER_ROW) {
    const cells: HexCell[] = [];
    for (let index = first; index < Math.min(first + BYTES_PER_ROW, length); index += 1) {
      const hex = bytesHex.slice(index * 2, index * 2 + 2);
      const code = Number.parseInt(hex, 16);
      const text = code >= 0x20 && code < 0x7f ? String.fromCharCode(code) : "·";
      cells.push({ index, hex, text, selected: index >= start && index < end });
    }
    rows.push({ offset: first.toString(16).padStart(4, "0"), cells });
  }
  return rows;
}
