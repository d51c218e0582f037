import { NumberedApplication } from "../application/index.ts";
import type { AgentMessage, Configure, DeskMessage } from "../control/index.ts";
import type { ActiveOptions, ClusterFrame, InstanceOutputs, InstanceRecord } from "../replica/index.ts";
import { ActiveInstance, StandbyInstance, eventRecord } from "../replica/index.ts";
import type { IcmpReport, ProtocolParameters } from "../sctp/index.ts";
import { Endpoint, packetChecksum, rfc9260Parameters } from "../sctp/index.ts";
import { HostClock } from "./clock.ts";
import { ClusterLink } from "./cluster-link.ts";
import type { LoadedNativeIo } from "./native-io.ts";
import { openTransport } from "./open-transport.ts";
import type { PacketTransport, ReceivedPacket, SendPacket } from "./packet-transport.ts";
import { hostRandom } from "./random.ts";

/** Where an agent's answers and records go. */
export interface Reporter {
  send(message: AgentMessage): void;
  record(records: readonly InstanceRecord[]): void;
}

/** setTimeout is late by up to a millisecond and never early enough to matter. */
const smallestWaitMs = 1;

/** One agent: the pure instance of its role, wired to sockets, the cluster link, the clock and the desk. */
export class Agent {
  readonly #clock: HostClock;
  readonly #reporter: Reporter;
  readonly #native: LoadedNativeIo;
  #setting: Configure | undefined;
  #instance: ActiveInstance | StandbyInstance | undefined;
  #transport: PacketTransport | undefined;
  #link: ClusterLink | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(reporter: Reporter, clock: HostClock, native: LoadedNativeIo) {
    this.#reporter = reporter;
    this.#clock = clock;
    this.#native = native;
  }

  /** Carries out a message of the desk; rejects with one sentence for a person. */
  async handle(message: DeskMessage): Promise<void> {
    switch (message.type) {
      case "configure":
        return this.#configure(message);
      case "connect":
        this.#active("connect").connect(message.address, message.port, this.#clock.nowMs());
        break;
      case "load":
        this.#active("start a load").startLoad(message, this.#clock.nowMs());
        break;
      case "stop-load":
        this.#active("stop a load").stopLoad(this.#clock.nowMs());
        break;
      case "shutdown":
        this.#active("shut down").shutdown(this.#clock.nowMs());
        break;
      case "status":
        this.#reportStatus(message.id);
        break;
      case "clock":
        this.#reporter.send({ type: "clock", id: message.id, atUs: Math.round(this.#clock.nowMs() * 1000) });
        break;
      case "configure-keeper":
      case "handover":
      case "set-policy":
      case "announce":
      case "synchronise":
        throw new Error(`this agent knows nothing of "${message.type}" yet`);
      case "present":
        return;
      case "quit":
        this.close();
        break;
    }
    this.#settle();
  }

  #active(wish: string): ActiveInstance {
    if (this.#instance instanceof ActiveInstance) return this.#instance;
    throw new Error(
      `this agent cannot ${wish}: it ${this.#instance ? "is the secondary" : "was not configured yet"}`,
    );
  }

  async #configure(setting: Configure): Promise<void> {
    if (this.#setting !== undefined) throw new Error("this agent was configured already: start another one");
    this.#setting = setting;
    const { ownAddress, udpPort, transport } = setting;
    const way = transport === "raw" ? ("raw" as const) : { udpPort };
    this.#transport = await openTransport({ address: ownAddress, way }, this.#native);
    this.#transport.start({
      onPackets: (packets) => this.#received(packets),
      onIcmp: (report) => this.#reported(report),
    });
    const nowMs = this.#clock.nowMs();
    const { cluster } = setting;
    if (setting.role === "secondary") {
      if (cluster === undefined) throw new Error("a secondary instance needs the setting of its cluster");
      this.#instance = new StandbyInstance({ epoch: 1, ...cluster });
      this.#link = await ClusterLink.listen(
        cluster.linkAddress,
        cluster.linkPort,
        cluster.linkSecretHex,
        this.#linkHandlers(),
      );
    } else {
      this.#instance = new ActiveInstance(this.#options(setting, setting.role === "primary", 1));
      if (cluster !== undefined && setting.role === "primary") {
        const { linkAddress, linkPort, linkSecretHex } = cluster;
        this.#link = ClusterLink.connect(linkAddress, linkPort, linkSecretHex, this.#linkHandlers());
      }
    }
    const text = `this agent is the ${setting.role}${setting.role === "peer" ? "" : " instance"}`;
    this.#reporter.record([eventRecord("role", text, nowMs, { role: setting.role, epoch: 1 })]);
    this.#reporter.send({ type: "ready" });
    this.#settle();
  }

  #options(setting: Configure, replicates: boolean, epoch: number): ActiveOptions {
    const cluster = setting.role !== "peer";
    const parameters: ProtocolParameters = { ...rfc9260Parameters, ...setting.timers };
    const endpoint = new Endpoint(
      {
        localPort: setting.sctpPort,
        localAddresses: setting.localAddresses,
        ownAddress: setting.ownAddress,
        listening: cluster,
        cookieKey: cookieKey(setting),
        parameters,
      },
      hostRandom,
    );
    return {
      endpoint,
      application: new NumberedApplication(cluster ? "down" : "up"),
      echoes: !cluster,
      replicates,
      epoch,
      beatIntervalMs: setting.cluster?.beatIntervalMs ?? 1000,
      leaseMs: setting.cluster?.leaseMs ?? 1000,
    };
  }

  #linkHandlers() {
    return {
      onUp: () => this.#onLink((instance, nowMs) => instance.linkUp(nowMs)),
      onDown: () => this.#onLink((instance, nowMs) => instance.linkDown(nowMs)),
      onFrame: (frame: ClusterFrame) =>
        this.#onLink((instance, nowMs) => instance.receiveFrame(frame, nowMs)),
      onProblem: (text: string) => this.#reporter.record([eventRecord("note", text, this.#clock.nowMs())]),
    };
  }

  #onLink(act: (instance: ActiveInstance | StandbyInstance, nowMs: number) => void): void {
    if (this.#instance !== undefined) act(this.#instance, this.#clock.nowMs());
    this.#settle();
  }

  #received(packets: readonly ReceivedPacket[]): void {
    const nowMs = this.#clock.nowMs();
    for (const { bytes, route, congestionExperienced = false } of packets) {
      this.#instance?.receive(bytes, route, congestionExperienced, nowMs);
    }
    this.#settle();
  }

  #reported(report: IcmpReport): void {
    this.#instance?.receiveIcmp(report, this.#clock.nowMs());
    this.#settle();
  }

  /** Carries out what the instance wants, takes over if that is due, and sets the next timer. */
  #settle(): void {
    this.#carryOut();
    this.#takeOverIfDetected();
    const dueMs = this.#instance?.nextDeadlineMs();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (dueMs === undefined) return;
    const waitMs = Math.max(dueMs - this.#clock.nowMs(), smallestWaitMs);
    this.#timer = setTimeout(() => {
      this.#instance?.advance(this.#clock.nowMs());
      this.#settle();
    }, waitMs);
  }

  #carryOut(): void {
    if (this.#instance === undefined) return;
    const outputs: InstanceOutputs = this.#instance.takeOutputs();
    // The link goes first: what waits for the secondary should not wait for anything else.
    this.#link?.send(outputs.frames);
    const records = [...outputs.records];
    const own: SendPacket[] = [];
    for (const packet of outputs.packets) {
      const { local, remote, remotePort, bytes, reason, dependsOn } = packet;
      if (this.#transport?.has(local) === true) {
        const at = Math.round(this.#clock.nowMs() * 1000);
        own.push(packet);
        records.push({ kind: "sent", at, local, remote, checksum: packetChecksum(bytes), reason, dependsOn });
      } else {
        const route = { local, remote, remotePort };
        this.#link?.send([{ kind: "outbound", epoch: 1, route, packet: bytes }]);
      }
    }
    this.#transport?.send(own);
    this.#reporter.record(records);
  }

  #takeOverIfDetected(): void {
    if (!(this.#instance instanceof StandbyInstance) || this.#setting === undefined) return;
    const { detection, states } = this.#instance;
    if (detection === undefined) return;
    const epoch = 2;
    const startMs = this.#clock.nowMs();
    const text = `takeover: this instance goes on with ${states.length} association(s) under epoch ${epoch}`;
    this.#reporter.record([eventRecord("takeover-started", text, startMs, { epoch })]);
    this.#instance = ActiveInstance.takeOver(this.#options(this.#setting, false, epoch), states, startMs);
    this.#carryOut();
    const doneMs = this.#clock.nowMs();
    const done = "the association is served from here";
    this.#reporter.record([
      eventRecord("takeover-complete", done, doneMs, { epoch, tookMs: doneMs - startMs }),
    ]);
  }

  #reportStatus(id: number): void {
    const instance = this.#instance;
    if (!(instance instanceof ActiveInstance)) {
      const role = instance === undefined ? "idle" : "secondary";
      this.#reporter.send({ type: "status", id, role, associated: false, drained: true, totals: [] });
      return;
    }
    const { totals, drained } = instance.status();
    const role = this.#setting?.role === "peer" ? "peer" : "primary";
    const associated = instance.association !== undefined;
    this.#reporter.send({ type: "status", id, role, associated, drained, totals: [...totals] });
  }

  /** Ends on purpose: the other computer is told, so that it does not take over. */
  close(): void {
    clearTimeout(this.#timer);
    this.#link?.send([{ kind: "leaving", epoch: 1 }]);
    this.#link?.close();
    this.#transport?.close();
    this.#instance = undefined;
    this.#transport = undefined;
  }
}

function cookieKey(setting: Configure): Uint8Array {
  const hex = setting.cluster?.cookieKeyHex;
  return hex === undefined ? hostRandom.bytes(32) : new Uint8Array(Buffer.from(hex, "hex"));
}
