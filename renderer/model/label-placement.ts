/** A text that wants to stand at height `y` in a column, with the room that it needs. */
export interface LabelWish {
  readonly id: string;
  readonly y: number;
  readonly height: number;
  /** Higher stays when there is not room for all. */
  readonly priority: number;
}

export interface PlacedLabel {
  readonly id: string;
  /** Top edge after the labels were pushed apart. */
  readonly top: number;
}

export interface Placement {
  /** In order from top to bottom, none overlapping. */
  readonly placed: readonly PlacedLabel[];
  /** Ids that found no room. */
  readonly dropped: readonly string[];
}

interface Block {
  readonly wishes: LabelWish[];
  height: number;
  top: number;
}

/**
 * Puts labels into a column from `top` to `bottom` so that none overlap and each stays as near to its
 * wish as the others allow. Neighbours that collide are merged into blocks that move together (the
 * pool-adjacent-violators method).
 */
export function placeLabels(wishes: readonly LabelWish[], top: number, bottom: number): Placement {
  const room = bottom - top;
  const byPriority = [...wishes].sort((one, other) => other.priority - one.priority || one.y - other.y);
  const kept: LabelWish[] = [];
  const dropped: string[] = [];
  let used = 0;
  for (const wish of byPriority) {
    if (used + wish.height <= room) {
      kept.push(wish);
      used += wish.height;
    } else dropped.push(wish.id);
  }
  kept.sort((one, other) => one.y - other.y);

  const blocks: Block[] = [];
  for (const wish of kept) {
    let block: Block = {
      wishes: [wish],
      height: wish.height,
      top: idealTop([wish], wish.height, top, bottom),
    };
    let above = blocks.at(-1);
    while (above !== undefined && above.top + above.height > block.top) {
      blocks.pop();
      const joined = [...above.wishes, ...block.wishes];
      const height = above.height + block.height;
      block = { wishes: joined, height, top: idealTop(joined, height, top, bottom) };
      above = blocks.at(-1);
    }
    blocks.push(block);
  }
  return { placed: blocks.flatMap(spread), dropped };
}

/** The top that brings the labels of a block, stacked, nearest to their wishes on average. */
function idealTop(wishes: readonly LabelWish[], height: number, top: number, bottom: number): number {
  let offset = 0;
  let sum = 0;
  for (const wish of wishes) {
    sum += wish.y - wish.height / 2 - offset;
    offset += wish.height;
  }
  return Math.min(Math.max(sum / wishes.length, top), bottom - height);
}

function spread(block: Block): PlacedLabel[] {
  let top = block.top;
  return block.wishes.map((wish) => {
    const placed = { id: wish.id, top };
    top += wish.height;
    return placed;
  });
}

/** Breaks a text into at most `maxLines` lines of `maxChars`; what does not fit ends in an ellipsis. */
export function wrapText(text: string, maxChars: number, maxLines: number): string[] {
  const lines: string[] = [];
  let line = "";
  const words = text.split(/\s+/).filter((word) => word !== "");
  for (const [index, word] of words.entries()) {
    const candidate = line === "" ? word : `${line} ${word}`;
    if (candidate.length <= maxChars) {
      line = candidate;
      continue;
    }
    if (lines.length === maxLines - 1)
      return [...lines, ellipsis([line, ...words.slice(index)].join(" "), maxChars)];
    if (line !== "") lines.push(ellipsis(line, maxChars));
    line = word;
  }
  if (line !== "") lines.push(ellipsis(line, maxChars));
  return lines;
}

/** At most `maxChars` characters. */
export function ellipsis(text: string, maxChars: number): string {
  const trimmed = text.trim();
  return trimmed.length <= maxChars ? trimmed : `${trimmed.slice(0, Math.max(0, maxChars - 1)).trimEnd()}…`;
}

/** The first chunk's name, and the number that tells its packet from its neighbours. */
const CHUNK_AND_NUMBER = /^([A-Z_-]+)[^|+]*?(?:tsn=|cum=|\s)(\d+)/;
const KEPT_DIGITS = 4;

/**
 * What of a packet's label fits in `maxChars`: all of it, else chunk and TSN, else chunk and the last
 * digits of the TSN, which are the ones that differ from packet to packet.
 */
export function compactLabel(label: string, maxChars: number): string {
  if (label.length <= maxChars) return label;
  const [, chunk, digits] = CHUNK_AND_NUMBER.exec(label) ?? [];
  if (chunk === undefined || digits === undefined) return ellipsis(label, maxChars);
  const shorter = [`${chunk} ${digits}`, `${chunk} …${digits.slice(-KEPT_DIGITS)}`];
  return shorter.find((text) => text.length <= maxChars) ?? ellipsis(chunk, maxChars);
}
