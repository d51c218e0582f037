import { clusterAddresses } from "./stage.ts";
import type { Stage } from "./stage.ts";

const port = 7000;

/** The outside computer: calls the cluster, and notes what reaches its application. */
export class Outside {
  readonly #stage: Stage;
  #wasUp: boolean = false;
  #isCalling: boolean = false;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** Calls until there is an association, and then never again. */
  call(): void {
    const { peer, nowMs } = this.#stage;
    if (this.#wasUp || this.#isCalling) return;
    this.#isCalling = true;
    peer.endpoint.connect(clusterAddresses, port, nowMs);
    this.drain();
  }

  receive(bytes: Uint8Array, local: string, remote: string): void {
    const { peer, nowMs } = this.#stage;
    peer.receive(bytes, { local, remote }, false, nowMs);
    this.drain();
  }

  drain(): void {
    const stage = this.#stage;
    const { packets, records } = stage.peer.takeOutputs(stage.nowMs);
    for (const { local, remote, bytes } of packets) {
      stage.note({ kind: "peer-sends", atMs: stage.nowMs, bytes });
      stage.network.send({ from: local, to: remote, bytes }, stage.nowMs);
    }
    for (const record of records) {
      if (record.kind === "message" && record.act === "delivered") {
        const { flow, streamId, number, intact } = record;
        stage.note({ kind: "peer-delivers", atMs: stage.nowMs, flow, streamId, number, intact });
      } else if (record.kind === "event") this.#event(record.name, record.text);
    }
  }

  #event(name: string, text: string): void {
    const stage = this.#stage;
    if (name === "association-lost" && !this.#wasUp) {
      this.#isCalling = false;
      return;
    }
    const dropped = /echo (\d+) of stream (\d+) is not sent/.exec(text);
    if (dropped !== null) {
      const [number, streamId] = [Number(dropped[1]), Number(dropped[2])];
      stage.note({ kind: "peer-drops-echo", atMs: stage.nowMs, streamId, number });
    }
    const isAgain = name === "association-up" && this.#wasUp;
    if (name === "association-up") this.#wasUp = true;
    stage.note({ kind: "peer-event", atMs: stage.nowMs, name: isAgain ? `${name}-again` : name, text });
  }
}
