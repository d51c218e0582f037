import { useCallback, useEffect, useRef, useState } from "react";
import type { Answer, Args, DeskLink, RequestName } from "../../main/api/contract.ts";

/** The newest answer of the desk, with what is known about the next one. */
export interface Loaded<T> {
  /** Stays while a newer answer is fetched, so that a picture never goes blank. */
  readonly data: T | undefined;
  readonly busy: boolean;
  /** Busy for over a second: time to say so. */
  readonly slow: boolean;
  readonly failure: string | undefined;
  readonly retry: () => void;
}

const SLOW_AFTER_MS = 1_000;

/**
 * Asks the desk whenever `args` change; `undefined` asks nothing. One request is under way at a time;
 * of those that pile up meanwhile (a dragged scrubber), only the latest is sent.
 */
export function useRequest<K extends RequestName>(
  link: DeskLink,
  name: K,
  args: Args<K> | undefined,
): Loaded<Answer<K>> {
  const [state, setState] = useState<Omit<Loaded<Answer<K>>, "retry">>({
    data: undefined,
    busy: args !== undefined,
    slow: false,
    failure: undefined,
  });
  const queue = useRef<Queue>({ wanted: undefined, done: undefined, busy: false, mounted: true });

  const pump = useCallback((): void => {
    const line = queue.current;
    const key = line.wanted;
    if (line.busy || key === undefined || key === line.done) return;
    line.busy = true;
    setState((old) => ({ ...old, busy: true, failure: undefined }));
    const timer = setTimeout(() => {
      setState((old) => ({ ...old, slow: true }));
    }, SLOW_AFTER_MS);
    const settle = (result: { data: Answer<K> } | { failure: string }): void => {
      clearTimeout(timer);
      line.busy = false;
      line.done = key;
      if (!line.mounted) return;
      setState((old) => ({ ...old, busy: false, slow: false, failure: undefined, ...result }));
      pump();
    };
    link.send(name, JSON.parse(key) as Args<K>).then(
      (data) => {
        settle({ data });
      },
      (reason: unknown) => {
        settle({ failure: reason instanceof Error ? reason.message : String(reason) });
      },
    );
  }, [link, name]);

  const key = args === undefined ? undefined : JSON.stringify(args);
  useEffect(() => {
    const line = queue.current;
    line.mounted = true;
    line.wanted = key;
    pump();
    return () => {
      line.mounted = false;
    };
  }, [key, pump]);

  const retry = useCallback((): void => {
    queue.current.done = undefined;
    pump();
  }, [pump]);
  return { ...state, retry };
}

interface Queue {
  wanted: string | undefined;
  done: string | undefined;
  busy: boolean;
  mounted: boolean;
}
