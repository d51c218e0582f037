import type { DecodeNode } from "../../captures/dissect/summary.ts";

/** A decode tree as the list of lines that are visible while only `open` nodes show their children. */
export interface DecodeLine {
  /** Place in the tree, for example `0.2.1`; stable while the packet is shown. */
  readonly path: string;
  readonly level: number;
  readonly node: DecodeNode;
  readonly open: boolean;
}

export function visibleLines(tree: readonly DecodeNode[], open: ReadonlySet<string>): DecodeLine[] {
  const lines: DecodeLine[] = [];
  const visit = (nodes: readonly DecodeNode[], prefix: string, level: number): void => {
    for (const [index, node] of nodes.entries()) {
      const path = prefix === "" ? String(index) : `${prefix}.${index}`;
      const isOpen = node.children.length > 0 && open.has(path);
      lines.push({ path, level, node, open: isOpen });
      if (isOpen) visit(node.children, path, level + 1);
    }
  };
  visit(tree, "", 1);
  return lines;
}

/**
 * Open at first: the innermost layer with its parts (the chunks of an SCTP packet), and the way down to
 * every flaw, so that none is hidden.
 */
export function initiallyOpen(tree: readonly DecodeNode[]): Set<string> {
  const open = new Set<string>();
  const visit = (nodes: readonly DecodeNode[], prefix: string): boolean => {
    let flawed = false;
    for (const [index, node] of nodes.entries()) {
      const path = prefix === "" ? String(index) : `${prefix}.${index}`;
      const inside = visit(node.children, path);
      if (inside) open.add(path);
      flawed = flawed || inside || node.flaw !== undefined;
    }
    return flawed;
  };
  visit(tree, "");
  const innermost = tree.length - 1;
  open.add(String(innermost));
  for (const [index] of (tree[innermost]?.children ?? []).entries()) open.add(`${innermost}.${index}`);
  return open;
}

export interface TreeMove {
  readonly focus: string;
  readonly open?: string;
  readonly close?: string;
}

/** What an arrow key does in a tree (the ARIA tree view pattern), or undefined where it does nothing. */
export function moveInTree(lines: readonly DecodeLine[], focus: string, key: string): TreeMove | undefined {
  const at = lines.findIndex((line) => line.path === focus);
  const line = lines[at];
  if (line === undefined) return undefined;
  const to = (index: number): TreeMove | undefined => {
    const target = lines[index];
    return target === undefined ? undefined : { focus: target.path };
  };
  const parent = focus.includes(".") ? focus.slice(0, focus.lastIndexOf(".")) : undefined;
  switch (key) {
    case "ArrowDown":
      return to(at + 1);
    case "ArrowUp":
      return to(at - 1);
    case "Home":
      return to(0);
    case "End":
      return to(lines.length - 1);
    case "ArrowRight":
      if (line.node.children.length === 0) return undefined;
      return line.open ? to(at + 1) : { focus, open: focus };
    case "ArrowLeft":
      if (line.open) return { focus, close: focus };
      return parent === undefined ? undefined : { focus: parent };
    default:
      return undefined;
  }
}
