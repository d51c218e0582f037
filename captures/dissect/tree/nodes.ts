import { ipv4Text, ipv6Text } from "../../../agents/sctp/base/bytes.ts";
import type { DecodeNode } from "../summary.ts";

/** How the bytes of a field are shown. */
export type FieldFormat = "number" | "hex" | "ipv4" | "ipv6" | "mac" | "flags" | "bytes";

/** A field at a fixed place; `offset` counts from the start of the header that it belongs to. */
export interface FieldSpec {
  readonly label: string;
  readonly offset: number;
  readonly bytes: number;
  readonly format: FieldFormat;
  /** For a number that has names, or a unit: what stands behind it. */
  readonly meaning?: (value: number) => string | undefined;
}

export const field = (
  label: string,
  offset: number,
  bytes: number,
  format: FieldFormat = "number",
  meaning?: (value: number) => string | undefined,
): FieldSpec => ({ label, offset, bytes, format, ...(meaning === undefined ? {} : { meaning }) });

interface NodeExtras {
  readonly value?: string;
  readonly flaw?: string;
  readonly children?: readonly DecodeNode[];
}

export const node = (label: string, start: number, end: number, extras: NodeExtras = {}): DecodeNode => ({
  label,
  start,
  end,
  ...(extras.value === undefined ? {} : { value: extras.value }),
  ...(extras.flaw === undefined ? {} : { flaw: extras.flaw }),
  children: extras.children ?? [],
});

/** The fields that lie before `limit`; those beyond it are left out. */
export function fieldNodes(
  view: DataView,
  start: number,
  limit: number,
  specs: readonly FieldSpec[],
): DecodeNode[] {
  const nodes: DecodeNode[] = [];
  for (const spec of specs) {
    const at = start + spec.offset;
    if (at + spec.bytes > limit) break;
    nodes.push(node(spec.label, at, at + spec.bytes, { value: fieldText(view, at, spec) }));
  }
  return nodes;
}

function fieldText(view: DataView, at: number, spec: FieldSpec): string {
  switch (spec.format) {
    case "ipv4":
      return ipv4Text(view, at);
    case "ipv6":
      return ipv6Text(view, at);
    case "mac":
      return hexBytes(view, at, spec.bytes, ":");
    case "bytes":
      return hexBytes(view, at, spec.bytes, "");
    default: {
      const value = readNumber(view, at, spec.bytes);
      const digits = spec.format === "number" ? String(value) : hex(value, 2 * spec.bytes);
      const meaning = spec.meaning?.(value);
      return meaning === undefined ? digits : `${digits} (${meaning})`;
    }
  }
}

function readNumber(view: DataView, at: number, bytes: number): number {
  let value = 0;
  for (let index = 0; index < bytes; index += 1) value = value * 256 + view.getUint8(at + index);
  return value;
}

export const hex = (value: number, digits: number): string => `0x${value.toString(16).padStart(digits, "0")}`;

/** At most this many bytes are spelled out in a value; the hex view has the rest. */
const MAX_SHOWN_BYTES = 16;

function hexBytes(view: DataView, at: number, count: number, separator: string): string {
  const shown = Math.min(count, MAX_SHOWN_BYTES);
  const texts = Array.from({ length: shown }, (_, index) =>
    view
      .getUint8(at + index)
      .toString(16)
      .padStart(2, "0"),
  );
  return texts.join(separator) + (count > shown ? "..." : "");
}

/** A run of bytes without inner structure; nothing where it is empty. */
export function bytesNode(label: string, view: DataView, start: number, end: number): DecodeNode[] {
  if (end <= start) return [];
  const size = end - start === 1 ? "1 byte" : `${end - start} bytes`;
  return [node(label, start, end, { value: `${size}: ${hexBytes(view, start, end - start, "")}` })];
}
