import { parseApplication } from "../../agents/application/index.ts";
import type { FencingMode } from "../../agents/control/index.ts";
import {
  describeReplication,
  parseReplication,
  type Replication,
} from "../../agents/replica/policy/index.ts";
import type { Scheduling } from "../deploy/index.ts";
import { type FaultChoice, faultNamed, parseFault } from "../lab/faults/index.ts";
import type {
  BeatTiming,
  JobSetting,
  KeeperKind,
  KillPlan,
  PeerKind,
  TimerChoice,
  TransportChoice,
} from "../lab/job/index.ts";
import { defaultSetting, parseBeats, suitsPeer } from "../lab/job/index.ts";
import type { Testbed } from "../lab/testbed/index.ts";
import { UsageError } from "./exit-codes.ts";

/** What the command line says of a run; what it leaves out comes from the testbed file, else from the defaults. */
export interface SettingOptions {
  readonly peer: PeerKind;
  readonly timers: TimerChoice;
  readonly transport?: TransportChoice;
  readonly scheduling?: Scheduling;
  readonly policy?: string;
  readonly switchTo?: string;
  readonly store?: KeeperKind;
  readonly fencing?: FencingMode;
  readonly addressTakeover?: boolean;
  /** In its text form. */
  readonly beats?: string;
  /** How the outside end replicates, where that is a cluster. */
  readonly peerPolicy?: string;
  readonly peerFencing?: Exclude<FencingMode, "witness">;
  /** In its text form. */
  readonly fault: string;
  readonly application?: string;
  readonly associations?: number;
  readonly kills?: number;
  readonly seed?: number;
  readonly rate: number;
  readonly size: number;
  readonly streams: number;
  readonly seconds: number;
}

/**
 * The setting of a run.
 * @throws UsageError where two choices do not go together
 */
export function chooseSetting(options: SettingOptions, testbed: Testbed | undefined): JobSetting {
  const replication = parsePolicy(options.policy ?? testbed?.replication.policy ?? defaultSetting.policy);
  const { placement } = replication;
  const fencing = chooseFencing(options, testbed, replication);
  const fault = chooseFault(options);
  const keeper = chooseKeeper(options, testbed, replication, fencing, fault);
  const transport = options.transport ?? testbed?.transport ?? defaultSetting.transport;
  if (transport === "raw" && options.peer !== "agent" && options.peer !== "cluster") {
    throw new UsageError(
      `Raw IP (transport raw) is for our own agents: leave --peer ${options.peer} away, or use UDP.`,
    );
  }
  if (testbed !== undefined && options.peer === "kernel")
    throw new UsageError(
      "The Linux kernel as the outside computer is for the embedded lab: leave --testbed away.",
    );
  return {
    ...defaultSetting,
    peer: options.peer,
    timers: options.timers,
    transport,
    scheduling: options.scheduling ?? testbed?.scheduling ?? defaultSetting.scheduling,
    policy: describeReplication(replication),
    placement,
    switchTo: chooseSwitch(options, replication),
    fencing,
    addressTakeover: options.addressTakeover ?? testbed?.replication.addressTakeover ?? false,
    beats: chooseBeats(options),
    keeper,
    ...choosePeerReplication(options, testbed),
    fault,
    application: chooseApplication(options, testbed),
    associations: chooseAssociations(options, testbed),
    kills: chooseKills(options, fault),
    ratePerSecond: options.rate,
    sizeBytes: options.size,
    streams: options.streams,
    beforeFaultMs: options.seconds * 1000,
    afterFaultMs: options.seconds * 1000,
  };
}

function chooseApplication({ application, peer }: SettingOptions, testbed?: Testbed): string {
  const text = application ?? testbed?.application ?? defaultSetting.application;
  const parsed = parseApplication(text);
  if (!parsed.ok) throw new UsageError(parsed.reason);
  if (!suitsPeer(text, peer))
    throw new UsageError(
      `The application ${text} needs our own agent as the outside computer: leave --peer ${peer} away.`,
    );
  return text;
}

/** Packets are captured twice and each is kept: beyond this a run is a benchmark of the desk's disk. */
const maxTotalRate = 20_000;

function chooseAssociations({ associations, peer, rate }: SettingOptions, testbed?: Testbed): number {
  const count = associations ?? testbed?.associations ?? defaultSetting.associations;
  if (count > 1 && peer !== "agent")
    throw new UsageError(
      `Several associations are for our own agent as the outside computer: leave --peer ${peer} or --associations ${count} away.`,
    );
  if (count > 1 && count * rate > maxTotalRate)
    throw new UsageError(
      `${count} associations with ${rate} messages a second each are more than a run can record: choose a --rate of ${Math.floor(maxTotalRate / count)} or less.`,
    );
  return count;
}

function parsePolicy(text: string): Replication {
  const parsed = parseReplication(text);
  if (parsed.ok) return parsed.replication;
  throw new UsageError(parsed.reason);
}

function chooseFault({ fault, peer }: SettingOptions): FaultChoice {
  const parsed = parseFault(fault);
  if (!parsed.ok) throw new UsageError(`--fault: ${parsed.reason}`);
  if (parsed.choice.end === "cluster" || peer === "cluster") return parsed.choice;
  throw new UsageError(`The fault ${fault} is done to a cluster as the outside end: add --peer cluster.`);
}

/** The outside end has no third computer: its state is on its standby. */
function choosePeerReplication(
  { peer, peerPolicy, peerFencing }: SettingOptions,
  testbed: Testbed | undefined,
): Pick<JobSetting, "peerPolicy" | "peerFencing"> {
  const told = testbed?.peerReplication;
  if (peer !== "cluster" && (peerPolicy ?? peerFencing) !== undefined)
    throw new UsageError(
      "--peer-policy and --peer-fencing are for a cluster as the outside end: add --peer cluster.",
    );
  const replication = parsePolicy(peerPolicy ?? told?.policy ?? defaultSetting.peerPolicy);
  if (replication.placement === "store")
    throw new UsageError(
      "The outside end has no store: choose a policy for it that keeps the state on its standby.",
    );
  return {
    peerPolicy: describeReplication(replication),
    peerFencing: peerFencing ?? told?.fencing ?? defaultSetting.peerFencing,
  };
}

function chooseBeats({ beats }: SettingOptions): BeatTiming {
  if (beats === undefined) return defaultSetting.beats;
  const parsed = parseBeats(beats);
  if (parsed.ok) return parsed.timing;
  throw new UsageError(`--beats: ${parsed.reason}`);
}

function chooseKills({ kills, seed }: SettingOptions, { name }: FaultChoice): KillPlan {
  if (name !== "kills" && (kills !== undefined || seed !== undefined))
    throw new UsageError("--kills and --seed are for a series of kills: add --fault kills.");
  return { count: kills ?? defaultSetting.kills.count, seed: seed ?? defaultSetting.kills.seed };
}

function chooseSwitch({ switchTo }: SettingOptions, { placement }: Replication): string | undefined {
  if (switchTo === undefined) return undefined;
  const wanted = parsePolicy(switchTo);
  if (wanted.placement === placement) return describeReplication(wanted);
  throw new UsageError(
    "The association state stays where it is held: --switch-to can change the policy, not go to a store or away from it.",
  );
}

/** Whenever there is a third computer it decides; without one, the operator's choice does. */
function chooseFencing(
  options: SettingOptions,
  testbed: Testbed | undefined,
  { placement }: Replication,
): FencingMode {
  if (placement === "standby")
    return options.fencing ?? testbed?.replication.fencing ?? defaultSetting.fencing;
  if (options.fencing === undefined || options.fencing === "witness") return "witness";
  throw new UsageError(
    `With the state on a store, the store decides who may go on: leave --fencing ${options.fencing} away.`,
  );
}

function chooseKeeper(
  options: SettingOptions,
  testbed: Testbed | undefined,
  { placement }: Replication,
  fencing: FencingMode,
  { name: fault }: FaultChoice,
): KeeperKind | undefined {
  if (placement === "store" || fencing === "witness")
    return options.store ?? testbed?.replication.store ?? "agent";
  if (options.store !== undefined) {
    throw new UsageError(
      `--store ${options.store} is for a run with a third computer: add --policy shared, or --fencing witness.`,
    );
  }
  if (faultNamed(fault).kind === "keeper") {
    throw new UsageError(
      `The fault ${fault} needs a third computer: add --policy shared, or --fencing witness.`,
    );
  }
  return undefined;
}
