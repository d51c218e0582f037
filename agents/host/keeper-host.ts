import type { InstanceRecord, KeeperOptions } from "../replica/index.ts";
import { Keeper, eventRecord } from "../replica/index.ts";
import type { HostClock } from "./clock.ts";
import { ClusterListener } from "./cluster-link-listener.ts";
import type { LinkOptions } from "./cluster-link-tls.ts";

/** setTimeout is late by up to a millisecond and never early enough to matter. */
const smallestWaitMs = 1;
/** Beside what it holds, all of which a claimant gets at once. */
const spareUnsentBytes = 32 * 1024 * 1024;

/** A keeper on real links: store, or witness. */
export class KeeperHost {
  readonly #keeper: Keeper;
  readonly #clock: HostClock;
  readonly #record: (records: readonly InstanceRecord[]) => void;
  #listener: ClusterListener | undefined;
  #timer: NodeJS.Timeout | undefined;

  private constructor(
    options: KeeperOptions,
    clock: HostClock,
    record: (records: readonly InstanceRecord[]) => void,
  ) {
    this.#keeper = new Keeper(options);
    this.#clock = clock;
    this.#record = record;
  }

  /** Rejects with one sentence when the port cannot be had. */
  static async open(
    options: KeeperOptions,
    link: LinkOptions,
    clock: HostClock,
    record: (records: readonly InstanceRecord[]) => void,
  ): Promise<KeeperHost> {
    const host = new KeeperHost(options, clock, record);
    const keeper = host.#keeper;
    const act = (what: (nowMs: number) => void): void => {
      what(clock.nowMs());
      host.#settle();
    };
    const limits = { maxUnsentBytes: options.maxBytes * 2 + spareUnsentBytes };
    host.#listener = await ClusterListener.listen(
      { ...limits, ...link },
      {
        onUp: (id, member) => act((nowMs) => keeper.linkUp(id, nowMs, member)),
        onFrame: (id, frame) => act((nowMs) => keeper.receiveFrame(id, frame, nowMs)),
        onDown: (id, closed) => act((nowMs) => keeper.linkDown(id, closed, nowMs)),
        onRefused: (reason) =>
          act((nowMs) => record([eventRecord("link-refused", reason, nowMs, { reason })])),
      },
    );
    return host;
  }

  /** Carries out what the keeper wants and sets the next timer. */
  #settle(): void {
    const { frames, refusals, records } = this.#keeper.takeOutputs();
    for (const link of new Set(frames.map(({ to }) => to))) {
      const toLink = frames.filter(({ to }) => to === link).map(({ frame }) => frame);
      this.#listener?.send(link, toLink);
    }
    for (const { link } of refusals) this.#listener?.giveUp(link);
    if (records.length > 0) this.#record(records);
    clearTimeout(this.#timer);
    const dueMs = this.#keeper.nextDeadlineMs();
    if (dueMs === undefined) return;
    this.#timer = setTimeout(
      () => {
        this.#keeper.advance(this.#clock.nowMs());
        this.#settle();
      },
      Math.max(dueMs - this.#clock.nowMs(), smallestWaitMs),
    );
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#listener?.close();
    this.#listener = undefined;
  }
}
