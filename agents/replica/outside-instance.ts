import type { Load } from "../application/index.ts";
import type { FlowTotal } from "../control/records.ts";
import type { IcmpReport, Route } from "../sctp/index.ts";
import type { ActiveInstance, ActiveOutputs } from "./active.ts";
import { earliest } from "./active.ts";

/** SCTP common header: source port, destination port (RFC 9260 section 3.1). */
const destinationPortAt = 2;

/**
 * The outside computer: two endpoints have one association with each other (RFC 9260 section 1.3), so for several with a
 * cluster it has an endpoint, and an instance that runs it, on each of several ports.
 */
export class OutsideInstance {
  readonly #first: ActiveInstance;
  readonly #byPort: ReadonlyMap<number, ActiveInstance>;

  constructor(ports: readonly [number, ...number[]], make: (localPort: number) => ActiveInstance) {
    this.#first = make(ports[0]);
    this.#byPort = new Map(ports.map((port, index) => [port, index === 0 ? this.#first : make(port)]));
  }

  get #all(): ActiveInstance[] {
    return [...this.#byPort.values()];
  }

  /** Whether each endpoint has its association. */
  get associated(): boolean {
    return this.#all.every(({ association }) => association !== undefined);
  }

  connect(peerAddress: string, peerPort: number, nowMs: number): void {
    for (const each of this.#all) each.connect(peerAddress, peerPort, nowMs);
  }

  /** What comes for none of the ports is the first endpoint's to answer. */
  receive(bytes: Uint8Array, route: Route, congestionExperienced: boolean, nowMs: number): void {
    const { buffer, byteOffset, length } = bytes;
    const port =
      length < destinationPortAt + 2
        ? undefined
        : new DataView(buffer, byteOffset).getUint16(destinationPortAt);
    const instance = (port === undefined ? undefined : this.#byPort.get(port)) ?? this.#first;
    instance.receive(bytes, route, congestionExperienced, nowMs);
  }

  receiveIcmp(report: IcmpReport, nowMs: number): void {
    for (const each of this.#all) each.receiveIcmp(report, nowMs);
  }

  /** A load on each association; answers one sentence where one cannot be started. */
  startLoad(load: Load, nowMs: number): string | undefined {
    return this.#all.map((each) => each.startLoad(load, nowMs)).find((refusal) => refusal !== undefined);
  }

  stopLoad(nowMs: number): void {
    for (const each of this.#all) each.stopLoad(nowMs);
  }

  shutdown(nowMs: number): void {
    for (const each of this.#all) each.shutdown(nowMs);
  }

  status(): { readonly totals: readonly FlowTotal[]; readonly drained: boolean } {
    const all = this.#all.map((each) => each.status());
    return { totals: all.flatMap(({ totals }) => totals), drained: all.every(({ drained }) => drained) };
  }

  nextDeadlineMs(): number | undefined {
    return earliest(...this.#all.map((each) => each.nextDeadlineMs()));
  }

  advance(nowMs: number): void {
    for (const each of this.#all) each.advance(nowMs);
  }

  takeOutputs(nowMs: number): ActiveOutputs {
    const all = this.#all.map((each) => each.takeOutputs(nowMs));
    return {
      packets: all.flatMap(({ packets }) => packets),
      records: all.flatMap(({ records }) => records),
    };
  }
}
