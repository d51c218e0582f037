import { useEffect, useMemo, useReducer, useState } from "react";
import type { DeskLink, PacketRow } from "../../main/api/contract.ts";
import { createPager, type Pager } from "../model/pager.ts";
import type { Loaded } from "./use-request.ts";

const SLOW_AFTER_MS = 1_000;

/** The packets of one run under one filter, with what is known about the fetching of them. */
export function usePacketPages(
  link: DeskLink,
  runId: string,
  filter: string,
): { readonly pager: Pager<PacketRow>; readonly version: number; readonly status: Loaded<undefined> } {
  const [version, changed] = useReducer((count: number) => count + 1, 0);
  const pager = useMemo(
    () => createPager((offset, limit) => link.send("run.packets", { runId, offset, limit, filter }), changed),
    [link, runId, filter],
  );
  const busy = pager.busy();
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    if (!busy) {
      setSlow(false);
      return undefined;
    }
    const timer = setTimeout(() => {
      setSlow(true);
    }, SLOW_AFTER_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [busy]);
  const status = { data: undefined, busy, slow, failure: pager.failure(), retry: pager.retry };
  return { pager, version, status };
}
