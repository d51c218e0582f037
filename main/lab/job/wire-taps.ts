import type { EngineName, RunningCapture } from "../../../captures/live/index.ts";
import { CaptureError, chooseEngine, startCapture } from "../../../captures/live/index.ts";
import type { SshHost } from "../../deploy/index.ts";
import type { HostName, Lab } from "../hosts.ts";
import type { Recording } from "./recording.ts";

/** The captures of a run: one on the outside interface of each host. */
export class WireTaps {
  readonly #running: RunningCapture[] = [];
  readonly #recording: Recording;

  constructor(recording: Recording) {
    this.#recording = recording;
  }

  /**
   * Starts all captures and resolves once each of them really captures; answers a sentence for each.
   * Where a lab without rights has no way to capture, it says so and the run goes on.
   */
  async start(
    lab: Lab,
    connections: Readonly<Record<HostName, SshHost>>,
    wish: EngineName | undefined,
    note: (text: string) => void,
  ): Promise<string[]> {
    const names: readonly HostName[] = ["a", "b", "peer"];
    const started = names.map(async (name) => {
      const host = lab.hosts[name];
      const runner = connections[name];
      // What a switch floods to everybody, or what shares one loopback interface, is not this host's traffic.
      const own = `host ${host.outside.address}`;
      try {
        const { engine, reason } = await chooseEngine(runner, wish);
        const capture = await startCapture({
          runner,
          host: name,
          interfaceName: host.outside.device,
          filter: `(udp port ${lab.udpPort} or ip proto 132) and ${own}`,
          engine,
          onPacket: (packet) => this.#recording.packet(name, packet),
          onNote: (text) => note(`capture on ${name}: ${text}`),
        });
        this.#running.push(capture);
        this.#recording.announceCapture(capture.info);
        return `${name}: ${reason}`;
      } catch (error) {
        if (lab.kind !== "loopback" || !(error instanceof CaptureError)) throw error;
        return `${name}: no capture (${error.message})`;
      }
    });
    return await Promise.all(started);
  }

  async stop(): Promise<void> {
    const running = this.#running.splice(0);
    for (const info of await Promise.all(running.map((capture) => capture.stop())))
      this.#recording.endCapture(info);
  }
}
