import { useRef, useState, type ReactElement } from "react";

const STEP = 2;
const clampShare = (share: number): number => Math.min(75, Math.max(35, share));

/** The border between the ladder and the details; it sets `--ladder-share` on its parent. */
export function Splitter(): ReactElement {
  const bar = useRef<HTMLDivElement>(null);
  const [share, setShare] = useState(56);
  const apply = (wanted: number): void => {
    const next = clampShare(wanted);
    setShare(next);
    bar.current?.parentElement?.style.setProperty("--ladder-share", `${next}%`);
  };
  return (
    <div
      ref={bar}
      className="splitter"
      role="separator"
      aria-orientation="vertical"
      aria-label="Width of the ladder"
      aria-valuenow={Math.round(share)}
      aria-valuemin={35}
      aria-valuemax={75}
      tabIndex={0}
      onKeyDown={(event) => {
        if (event.key === "ArrowLeft") apply(share - STEP);
        if (event.key === "ArrowRight") apply(share + STEP);
      }}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onPointerMove={(event) => {
        const parent = bar.current?.parentElement;
        if (!event.currentTarget.hasPointerCapture(event.pointerId) || !parent) return;
        const box = parent.getBoundingClientRect();
        apply(((event.clientX - box.left) / box.width) * 100);
      }}
    />
  );
}
