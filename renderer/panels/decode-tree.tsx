import { useEffect, useRef, type KeyboardEvent, type ReactElement } from "react";
import { moveInTree, type DecodeLine } from "../model/decode-rows.ts";

interface DecodeTreeProps {
  readonly lines: readonly DecodeLine[];
  readonly focus: string;
  readonly open: ReadonlySet<string>;
  readonly onFocus: (path: string) => void;
  readonly onOpen: (open: ReadonlySet<string>) => void;
}

const INDENT_PX = 14;

export function DecodeTree({ lines, focus, open, onFocus, onOpen }: DecodeTreeProps): ReactElement {
  const tree = useRef<HTMLDivElement>(null);
  useEffect(() => {
    tree.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }, [focus]);
  const toggle = (path: string, wanted: boolean): void => {
    const next = new Set(open);
    if (wanted) next.add(path);
    else next.delete(path);
    onOpen(next);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const move = moveInTree(lines, focus, event.key);
    if (move === undefined) return;
    event.preventDefault();
    if (move.open !== undefined) toggle(move.open, true);
    if (move.close !== undefined) toggle(move.close, false);
    onFocus(move.focus);
  };
  return (
    <div
      ref={tree}
      className="decode-tree"
      role="tree"
      aria-label="Decoded packet"
      aria-activedescendant={`decode-${focus}`}
      tabIndex={0}
      data-testid="decode-tree"
      onKeyDown={onKeyDown}
    >
      {lines.map(({ path, level, node, open: isOpen }) => (
        <div
          key={path}
          id={`decode-${path}`}
          role="treeitem"
          aria-level={level}
          aria-selected={path === focus}
          {...(node.children.length > 0 ? { "aria-expanded": isOpen } : {})}
          className={node.flaw === undefined ? "decode-line" : "decode-line flawed"}
          style={{ paddingLeft: (level - 1) * INDENT_PX + 4 }}
          onClick={() => {
            onFocus(path);
            // A second click, or a click on a closed node, opens and closes it.
            if (node.children.length > 0 && (path === focus || !isOpen)) toggle(path, !isOpen);
          }}
        >
          <span className="twist" aria-hidden="true">
            {node.children.length === 0 ? "" : isOpen ? "▾" : "▸"}
          </span>
          <span>{node.label}</span>
          {node.value === undefined ? null : <span className="mono value">{node.value}</span>}
          {node.flaw === undefined ? null : <span className="flaw">! {node.flaw}</span>}
        </div>
      ))}
    </div>
  );
}
