import { setTimeout as sleep } from "node:timers/promises";
import type { Application } from "../application/index.ts";
import type { AgentMessage, Configure, ConfigureKeeper, DeskMessage } from "../control/index.ts";
import type {
  ActiveInstance,
  BecamePrimary,
  ClusterFrame,
  InstanceRecord,
  LinkName,
  OutsideInstance,
} from "../replica/index.ts";
import { Member, deliveryRecord, eventRecord } from "../replica/index.ts";
import type { IcmpReport } from "../sctp/index.ts";
import { AddressTakeover } from "./address-takeover.ts";
import { statusOf } from "./agent-status.ts";
import { HostClock } from "./clock.ts";
import type { Delivered } from "./cluster-link.ts";
import { ClusterLink } from "./cluster-link.ts";
import { HealthWatch } from "./health-watch.ts";
import { HostedApplication } from "./hosted-application.ts";
import { KeeperHost } from "./keeper-host.ts";
import { keeperLink } from "./keeper-link.ts";
import type { LoadedNativeIo } from "./native-io.ts";
import { openTransport } from "./open-transport.ts";
import { newMember, newOutsideComputer } from "./new-instance.ts";
import { Outbox } from "./outbox.ts";
import { openOutsideLink } from "./outside-link.ts";
import type { PacketTransport, ReceivedPacket } from "./packet-transport.ts";
import { rehearseTakeover } from "./readiness.ts";
import { isOutside, parametersOf, replicationOf } from "./setting.ts";

/** Where an agent's answers and records go. */
export interface Reporter {
  send(message: AgentMessage): void;
  record(records: readonly InstanceRecord[]): void;
}

/** Who is told to end waits so long for its handover, and looks so often. */
const longestHandoverMs = 1000;
const pollMs = 2;
/** setTimeout is late by up to a millisecond and never early enough to matter. */
const smallestWaitMs = 1;

/** One agent: the pure instance of its role, wired to sockets, the cluster link, the clock and the desk. */
export class Agent {
  readonly #clock: HostClock;
  readonly #reporter: Reporter;
  readonly #native: LoadedNativeIo;
  #setting: Configure | undefined;
  #hosted: HostedApplication | undefined;
  #instance: OutsideInstance | Member | undefined;
  readonly #outbox: Outbox;
  #keeper: KeeperHost | undefined;
  #addressTakeover: AddressTakeover | undefined;
  #health: HealthWatch | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** As soon as all frames that came with one read have been taken in. */
  #settlesSoon: boolean = false;

  constructor(reporter: Reporter, clock: HostClock, native: LoadedNativeIo) {
    this.#reporter = reporter;
    this.#clock = clock;
    this.#native = native;
    this.#outbox = new Outbox(clock, (records) => reporter.record(records));
  }

  /** Carries out a message of the desk; rejects with one sentence for a person. */
  async handle(message: DeskMessage): Promise<void> {
    const nowMs = this.#clock.nowMs();
    switch (message.type) {
      case "configure":
        return this.#configure(message);
      case "connect":
        this.#active("connect").connect(message.address, message.port, nowMs);
        break;
      case "load":
        this.#refuse(this.#active("start a load").startLoad(message, nowMs, message.associations));
        break;
      case "stop-load":
        this.#active("stop a load").stopLoad(nowMs);
        break;
      case "shutdown":
        this.#active("shut down").shutdown(nowMs);
        break;
      case "handover":
        this.#refuse(this.#member("hand over").handOver(nowMs));
        break;
      case "set-policy":
        this.#setPolicy(message.replication, nowMs);
        break;
      case "announce":
        this.#member("expect a failure").failureImpends(message.reason, nowMs);
        break;
      case "synchronise":
        this.#member("synchronise").synchronise(nowMs);
        break;
      case "configure-keeper":
        return this.#configureKeeper(message);
      case "status":
        this.#reporter.send(statusOf(message.id, this.#instance, this.#keeper !== undefined));
        break;
      case "clock":
        this.#reporter.send({ type: "clock", id: message.id, atUs: Math.round(nowMs * 1000) });
        break;
      case "present":
        return;
      case "quit":
        this.close();
        break;
    }
    this.#settle();
  }

  #setPolicy(text: string, nowMs: number): void {
    const member = this.#member("change its policy");
    const { policy, placement } = replicationOf(text);
    const own = replicationOf(this.#setting?.replication);
    if (placement !== own.placement)
      this.#refuse("the state stays where it is while the association runs: choose a policy without a store");
    member.setPolicy(policy, nowMs);
  }

  #refuse(why: string | undefined): void {
    if (why !== undefined) throw new Error(`this agent cannot do that: ${why}`);
  }

  #active(wish: string): Pick<ActiveInstance, "connect" | "startLoad" | "stopLoad" | "shutdown"> {
    const instance = this.#instance;
    const active = instance instanceof Member ? instance.active : instance;
    if (active !== undefined) return active;
    throw new Error(
      `this agent cannot ${wish}: it ${instance ? "is the secondary" : "was not configured yet"}`,
    );
  }

  #member(wish: string): Member {
    if (this.#instance instanceof Member) return this.#instance;
    throw new Error(`this agent cannot ${wish}: it is no member of a cluster`);
  }

  async #configure(setting: Configure): Promise<void> {
    if (this.#setting !== undefined) throw new Error("this agent was configured already: start another one");
    this.#setting = setting;
    const { ownAddress, application = "numbered" } = setting;
    this.#hosted = await HostedApplication.load(application, !isOutside(setting));
    this.#outbox.transport = await this.#openTransport(setting, ownAddress);
    if (setting.addressTakeover === true) this.#addressTakeover = this.#newAddressTakeover(setting);
    const nowMs = this.#clock.nowMs();
    const makeApplication = () => this.#application();
    if (setting.role === "peer") this.#instance = newOutsideComputer(setting, makeApplication);
    else {
      if (setting.role === "secondary") rehearseTakeover(parametersOf(setting));
      this.#instance = newMember(setting, makeApplication, this.#clock.nowMs());
      if (replicationOf(setting.replication).policy.kind === "impending-failure") this.#watchHealth();
      await this.#link(setting);
    }
    const text = `this agent is the ${setting.role}${setting.role === "peer" ? "" : " instance"}`;
    this.#reporter.record([eventRecord("role", text, nowMs, { role: setting.role, epoch: 1 })]);
    this.#reporter.send({ type: "ready" });
    this.#settle();
  }

  async #openTransport({ transport, udpPort }: Configure, address: string): Promise<PacketTransport> {
    const way = transport === "raw" ? ("raw" as const) : { udpPort };
    const opened = await openTransport({ address, way }, this.#native);
    opened.start({
      onPackets: (packets) => this.#received(packets),
      onIcmp: (report) => this.#reported(report),
    });
    return opened;
  }

  #newAddressTakeover(setting: Configure): AddressTakeover | undefined {
    const { ownAddress, localAddresses } = setting;
    const address = localAddresses.find((each) => each !== ownAddress);
    if (address === undefined) return undefined;
    return new AddressTakeover(address, openOutsideLink(ownAddress, address, this.#native), {
      clock: this.#clock,
      record: (records) => this.#reporter.record(records),
      openTransport: () => this.#openTransport(setting, address),
      onTransport: (transport) => {
        this.#outbox.partnerTransport = transport;
        this.#onMember((member, nowMs) => member.holdPartnerAddress(transport !== undefined, nowMs));
      },
    });
  }

  async #link({ role, cluster, keeper }: Configure): Promise<void> {
    if (cluster === undefined) {
      if (role === "primary") return;
      throw new Error("a secondary instance needs the setting of its cluster");
    }
    const { linkAddress, linkPort, linkSecretHex: secretHex, linkEnd, takeoverAfterMs } = cluster;
    if (keeper !== undefined) {
      const options = { secretHex, takeoverAfterMs };
      this.#outbox.links.set("keeper", keeperLink(keeper, options, this.#linkHandlers("keeper")));
    }
    const handlers = this.#linkHandlers("partner");
    const place = { address: linkAddress, port: linkPort, secretHex };
    const link =
      (linkEnd ?? (role === "secondary" ? "listen" : "connect")) === "listen"
        ? await ClusterLink.listen(place, handlers)
        : ClusterLink.connect(place, handlers);
    this.#outbox.links.set("partner", link);
  }

  async #configureKeeper(setting: ConfigureKeeper): Promise<void> {
    if (this.#setting !== undefined || this.#keeper !== undefined)
      throw new Error("this agent was configured already: start another one");
    const { linkAddress, linkPort, linkSecretHex, ...options } = setting;
    const link = { address: linkAddress, port: linkPort, secretHex: linkSecretHex };
    this.#keeper = await KeeperHost.open(options, link, this.#clock, (records) =>
      this.#reporter.record(records),
    );
    const text = setting.holdsStates ? "this agent is the store" : "this agent is the witness";
    this.#reporter.record([eventRecord("role", text, this.#clock.nowMs(), { role: "keeper", epoch: 0 })]);
    this.#reporter.send({ type: "ready" });
  }

  #application(): Application {
    if (this.#hosted === undefined) throw new Error("broken rule: applications need a setting");
    return this.#hosted.make();
  }

  /** An error that nobody caught: true where it was a user's module, whose applications have ended, and no bug of ours. */
  blameModule(error: unknown): boolean {
    if (this.#hosted?.blame(error) !== true) return false;
    this.#settle();
    return true;
  }

  /** Signs of a failure to come, for the policy that waits for them. */
  #watchHealth(): void {
    this.#health = new HealthWatch(process.cwd(), (reason) => {
      this.#onMember((member, nowMs) => member.failureImpends(reason, nowMs));
    });
  }

  #linkHandlers(link: LinkName) {
    return {
      onUp: () => this.#onMember((member, nowMs) => member.linkUp(link, nowMs)),
      onDown: (closed: boolean) => {
        if (link === "partner") this.#addressTakeover?.partner("gone");
        this.#onMember((member, nowMs) => member.linkDown(link, closed, nowMs));
      },
      onFrame: (frame: ClusterFrame) => this.#heard(link, frame),
      onDelivered: (delivered: readonly Delivered[]) => {
        const nowMs = this.#clock.nowMs();
        const records = delivered.flatMap(
          (each) => deliveryRecord(each.association, each.payload, each.sequence, nowMs) ?? [],
        );
        this.#reporter.record(records);
      },
      onRefused: (reason: string) =>
        this.#reporter.record([eventRecord("link-refused", reason, this.#clock.nowMs(), { reason })]),
    };
  }

  /** Under load many of these come with one read, and are answered together. */
  #heard(link: LinkName, frame: ClusterFrame): void {
    if (link === "partner") this.#addressTakeover?.partner("heard");
    const gathers = frame.kind === "held" || frame.kind === "updates";
    if (!gathers || !(this.#instance instanceof Member)) {
      this.#onMember((member, nowMs) => member.receiveFrame(link, frame, nowMs));
      return;
    }
    this.#instance.receiveFrame(link, frame, this.#clock.nowMs());
    if (this.#settlesSoon) return;
    this.#settlesSoon = true;
    queueMicrotask(() => {
      this.#settlesSoon = false;
      this.#settle();
    });
  }

  #onMember(act: (member: Member, nowMs: number) => void): void {
    if (this.#instance instanceof Member) act(this.#instance, this.#clock.nowMs());
    this.#settle();
  }

  #received(packets: readonly ReceivedPacket[]): void {
    const nowMs = this.#clock.nowMs();
    const instance = this.#instance;
    for (const { bytes, route, congestionExperienced = false } of packets) {
      if (instance instanceof Member) instance.receive({ bytes, route, congestionExperienced }, nowMs);
      else instance?.receive(bytes, route, congestionExperienced, nowMs);
    }
    this.#settle();
  }

  #reported(report: IcmpReport): void {
    this.#instance?.receiveIcmp(report, this.#clock.nowMs());
    this.#settle();
  }

  /** Carries out what the instance wants, and sets the next timer. */
  #settle(): void {
    this.#carryOut();
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
    const instance = this.#instance;
    if (instance === undefined) return;
    const startMs = this.#clock.nowMs();
    if (!(instance instanceof Member)) {
      const { packets, records } = instance.takeOutputs(startMs);
      this.#outbox.send(packets, 1, [...records]);
      return;
    }
    const outputs = instance.takeOutputs(startMs);
    this.#outbox.carryOut(outputs, instance.epoch);
    if (outputs.becamePrimary !== undefined) this.#recordChange(outputs.becamePrimary, startMs);
    this.#addressTakeover?.settled(instance.active !== undefined, outputs.becamePrimary);
  }

  #recordChange({ by, epoch }: BecamePrimary, startMs: number): void {
    const doneMs = this.#clock.nowMs();
    const name = by === "takeover" ? "takeover-complete" : "handover-complete";
    const detail = { epoch, tookMs: doneMs - startMs };
    this.#reporter.record([eventRecord(name, "the association is served from here", doneMs, detail)]);
  }

  /**
   * This process is to end: a primary hands over first, where there is somebody to hand over to. Resolves
   * when that is done, or after a second.
   */
  async giveWay(reason: string): Promise<void> {
    const member = this.#instance;
    if (!(member instanceof Member) || member.active === undefined) return;
    const nowMs = this.#clock.nowMs();
    member.failureImpends(reason, nowMs);
    const isMoving = member.handOver(nowMs) === undefined;
    this.#settle();
    const endMs = nowMs + longestHandoverMs;
    while (isMoving && member.active !== undefined && this.#clock.nowMs() < endMs) await sleep(pollMs);
  }

  /** Ends on purpose: the other computers are told, so that nobody takes over. */
  close(): void {
    clearTimeout(this.#timer);
    this.#outbox.close(this.#instance instanceof Member ? this.#instance.epoch : 1);
    this.#keeper?.close();
    this.#addressTakeover?.close();
    this.#health?.close();
    this.#instance = undefined;
  }
}
