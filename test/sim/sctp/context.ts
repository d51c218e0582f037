import { MessageChecker } from "./checker/message-checker.ts";
import { WireChecker } from "./checker/wire-checker.ts";
import type { Handle } from "./host.ts";
import { Host } from "./host.ts";
import type { Knobs, Side } from "./knobs.ts";
import { otherSide, sides } from "./knobs.ts";
import { FaultyNetwork } from "./network.ts";
import type { PortFactory } from "./port.ts";
import type { Trace } from "./trace.ts";

/** What the parts of one simulation share: both hosts, the network, the checkers, and the time. */
export class SimContext {
  nowMs: number = 0;
  readonly knobs: Knobs;
  readonly trace: Trace;
  readonly hosts: Readonly<Record<Side, Host>>;
  readonly network: FaultyNetwork;
  readonly wire: WireChecker;
  readonly messages: MessageChecker = new MessageChecker();
  /** An association may end for reasons that the checker does not look into. */
  excused: boolean;
  disturbedClock: boolean = false;

  constructor(knobs: Knobs, make: PortFactory, trace: Trace) {
    this.knobs = knobs;
    this.trace = trace;
    this.network = new FaultyNetwork(knobs.link, knobs.seed, knobs.markedShare);
    this.wire = new WireChecker(knobs);
    this.hosts = { a: new Host("a", knobs, make), b: new Host("b", knobs, make) };
    // Whoever may give up, may give up while the network is bad.
    this.excused = !knobs.patient;
  }

  /** What the other side knows of the same association. */
  peerOf(host: Host, handle: Handle): Handle | undefined {
    return handle.peerHandle === undefined
      ? undefined
      : this.hosts[otherSide(host.side)].handles.get(handle.peerHandle);
  }

  get bothUp(): boolean {
    return sides.every((side) => this.hosts[side].current?.status === "up");
  }
}
