import type { EngineName, ProcessRunner, RunningCapture } from "../../../captures/live/index.ts";
import { CaptureError, chooseEngine, startCapture } from "../../../captures/live/index.ts";
import type { SshHost } from "../../deploy/index.ts";
import type { Lab, SpeakerName } from "../hosts.ts";
import { speakerOf } from "../hosts.ts";
import { type PerHost, onHost, settleAll } from "./job-hosts.ts";
import type { Recording } from "./recording.ts";

export interface TapChoice {
  /** The engine that is wanted; else the best that a host has. */
  readonly wish: EngineName | undefined;
  /** A member may have the outside address of the other one, too. */
  readonly sharesAddresses: boolean;
}

function ownAddresses({ hosts }: Lab, name: SpeakerName, sharesAddresses: boolean): readonly string[] {
  const names: readonly SpeakerName[] =
    sharesAddresses && (name === "a" || name === "b") ? ["a", "b"] : [name];
  return names.map((each) => speakerOf(hosts, each).outside.address);
}

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
    connections: PerHost<SshHost>,
    { wish, sharesAddresses }: TapChoice,
    note: (text: string) => void,
  ): Promise<string[]> {
    const names = Object.keys(connections).filter((name): name is SpeakerName => name !== "keeper");
    const started = names.map(async (name) => {
      const host = speakerOf(lab.hosts, name);
      const connection = onHost(connections, name);
      const runner = lab.kind === "machines" ? await withRights(connection) : connection;
      // What a switch floods to everybody, or what shares one loopback interface, is not this host's traffic.
      const own = ownAddresses(lab, name, sharesAddresses).map((address) => `host ${address}`);
      try {
        const { engine, reason } = await chooseEngine(runner, wish);
        const capture = await startCapture({
          runner,
          host: name,
          interfaceName: host.outside.device,
          filter: `(udp port ${lab.udpPort} or ip proto 132) and (${own.join(" or ")})`,
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
    return await settleAll(started);
  }

  /** Ends all captures; fails with the first failure when each has ended. */
  async stop(): Promise<void> {
    const stopped = this.#running
      .splice(0)
      .map(async (capture) => this.#recording.endCapture(await capture.stop()));
    await settleAll(stopped);
  }
}

/** Capturing takes rights that an ordinary user has through sudo, or through the capture program itself. */
async function withRights(host: SshHost): Promise<ProcessRunner> {
  if (host.target.user === "root") return host;
  const { code } = await host.exec(["sudo", "-n", "true"]);
  if (code !== 0) return host;
  const { where, sharesFiles } = host;
  return { where, sharesFiles, spawn: (argv) => host.spawn(argv, { asRoot: true }) };
}
