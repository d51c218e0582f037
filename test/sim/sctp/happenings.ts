import type { SimContext } from "./context.ts";
import type { Exchange } from "./exchange.ts";
import { ExtensionHappenings } from "./extension-happenings.ts";
import type { Host } from "./host.ts";
import type { Happening } from "./knobs.ts";

/** Makes happen what the seed decides: to the network, to the hosts, and by their users. */
export class Happenings {
  readonly #context: SimContext;
  readonly #exchange: Exchange;
  readonly #restores: boolean;
  readonly #extensions: ExtensionHappenings;

  constructor(context: SimContext, exchange: Exchange, restores: boolean) {
    this.#context = context;
    this.#exchange = exchange;
    this.#restores = restores;
    this.#extensions = new ExtensionHappenings(context, exchange);
  }

  happen(what: Happening): void {
    this.#context.trace.note(this.#context.nowMs, () => JSON.stringify(what));
    switch (what.kind) {
      case "cut":
        return this.#context.network.cut(what.from, what.to);
      case "heal":
        return this.#context.network.heal(what.from, what.to);
      case "mtu":
        this.#context.network.mtuBytes = what.bytes;
        return;
      case "clock-jump":
        this.#context.hosts[what.side].clockAheadMs += what.byMs;
        this.#context.disturbedClock = true;
        return;
      case "restore":
        if (this.#restores) this.#context.hosts[what.side].endpoint.restore();
        return;
      case "restart":
        return this.#restart(this.#context.hosts[what.side]);
      case "abort":
      case "shutdown":
        return this.#endByUser(this.#context.hosts[what.side], what.kind);
      case "reconfigure":
      case "address":
      case "key-set":
      case "key-use":
      case "key-delete":
        return this.#extensions.happen(what);
      case "send": {
        const host = this.#context.hosts[what.side];
        host.plan(what.count);
        this.#exchange.drain(host);
      }
    }
  }

  #restart(host: Host): void {
    host.restart();
    this.#context.excused = true;
    if (this.#context.knobs[host.side].connects) host.callAtMs = this.#context.nowMs + 1;
  }

  #endByUser(host: Host, kind: "abort" | "shutdown"): void {
    const { current } = host;
    if (current?.status !== "up") return;
    const nowMs = this.#context.nowMs + host.clockAheadMs;
    current.shutdownAtMs ??= this.#context.nowMs;
    if (kind === "shutdown") host.endpoint.shutdown(current.handle, nowMs);
    else {
      this.#context.excused = true;
      current.status = "forgotten";
      current.reason = "aborted by its user";
      host.endpoint.abort(current.handle, "enough", nowMs);
    }
    this.#exchange.drain(host);
  }
}
