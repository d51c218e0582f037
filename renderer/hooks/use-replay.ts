import { useEffect } from "react";

/** While playing, reports how much time of the run has gone by since the last frame. */
export function useReplay(
  playing: boolean,
  runUsPerSecond: number,
  onFrame: (aheadUs: number) => void,
): void {
  useEffect(() => {
    if (!playing) return undefined;
    let last: number | undefined;
    let frame = 0;
    const tick = (nowMs: number): void => {
      if (last !== undefined) onFrame(((nowMs - last) / 1_000) * runUsPerSecond);
      last = nowMs;
      frame = requestAnimationFrame(tick);
    };
    frame = requestAnimationFrame(tick);
    return () => {
      cancelAnimationFrame(frame);
    };
  }, [playing, runUsPerSecond, onFrame]);
}
