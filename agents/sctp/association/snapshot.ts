import type { ProtocolParameters } from "../base/parameters.ts";
import type { Tsn } from "../base/serial.ts";
import type { Path } from "../path/path.ts";
import { clonePath } from "../path/path.ts";
import type { ReceiveWindowState } from "../rx/receive-window.ts";
import type { SackSchedulerState } from "../rx/sack-scheduler.ts";
import type { FlightState } from "../tx/flight.ts";
import type { SchedulerSnapshot } from "../tx/scheduler.ts";
import type { AbandonedMessages } from "./abandoned-messages.ts";
import type { AssociationSetting, PendingControl, SkipMeanwhile, TimerName } from "./core.ts";
import { AssociationCore } from "./core.ts";
import type { EcnState } from "./ecn-state.ts";
import type { ForwardTsnSent } from "./forward-tsn-state.ts";
import type { KeyRingSnapshot } from "./key-ring.ts";
import type { Route } from "./outputs.ts";
import type { Recovery } from "./recovery-state.ts";
import type { AssociationState } from "./state.ts";
import { cloneAssociationState } from "./state.ts";

/** All of an association at an instant; a value, independent of the association that it was taken from. */
export interface AssociationSnapshot {
  readonly state: AssociationState;
  readonly localAddress: string;
  readonly sources: readonly string[];
  readonly nowMs: number;
  readonly replyRoute: Route;
  readonly parameters: ProtocolParameters;
  readonly peerAdvertisedBytes: number;
  readonly window: ReceiveWindowState;
  readonly windowClosed: boolean;
  readonly windowProbes: number;
  readonly errorCount: number;
  readonly receivedSequence: number;
  readonly phaseSequence: number;
  readonly sendBlocked: boolean;
  readonly forwardTsnDue: boolean;
  readonly forwardTsn: ForwardTsnSent;
  readonly abandonedMessages: readonly AbandonedMessages[];
  readonly shutdownPath: string | undefined;
  readonly fastRecoveryExit: Tsn | undefined;
  readonly ecn: EcnState;
  readonly probedAtMs: number;
  readonly requestDue: boolean;
  readonly requestInProgress: boolean;
  readonly requestPath: string | undefined;
  readonly deliveredMeanwhile: readonly (readonly [streamId: number, tsn: Tsn])[] | undefined;
  readonly skippedMeanwhile?: readonly (readonly [streamId: number, skip: SkipMeanwhile])[] | undefined;
  readonly asconfDue: boolean;
  readonly asconfPath: string | undefined;
  readonly wantedPrimary: string | undefined;
  readonly recovery: Recovery | undefined;
  readonly lostAddresses?: readonly string[] | undefined;
  readonly lostSinceSequence?: number | undefined;
  readonly leftUntilMs?: readonly (readonly [address: string, untilMs: number])[] | undefined;
  readonly keys: KeyRingSnapshot;
  readonly peerKeyId: number;
  readonly paths: readonly Path[];
  readonly flight: FlightState;
  readonly scheduler: SchedulerSnapshot;
  readonly sack: SackSchedulerState;
  readonly deadlines: readonly (readonly [TimerName, number])[];
  readonly control: readonly PendingControl[];
}

export function takeSnapshot(core: AssociationCore): AssociationSnapshot {
  return {
    state: cloneAssociationState(core.state),
    localAddress: core.localAddress,
    sources: core.sources,
    nowMs: core.nowMs,
    replyRoute: core.replyRoute,
    parameters: core.parameters,
    peerAdvertisedBytes: core.peerAdvertisedBytes,
    window: core.window.snapshot(),
    windowClosed: core.windowClosed,
    windowProbes: core.windowProbes,
    errorCount: core.errorCount,
    receivedSequence: core.receivedSequence,
    phaseSequence: core.phaseSequence,
    sendBlocked: core.sendBlocked,
    forwardTsnDue: core.forwardTsnDue,
    forwardTsn: core.forwardTsn,
    abandonedMessages: core.abandonedMessages.snapshot(),
    shutdownPath: core.shutdownPath,
    fastRecoveryExit: core.fastRecoveryExit,
    ecn: core.ecn,
    probedAtMs: core.probedAtMs,
    requestDue: core.requestDue,
    requestInProgress: core.requestInProgress,
    requestPath: core.requestPath,
    deliveredMeanwhile: core.deliveredMeanwhile && [...core.deliveredMeanwhile],
    skippedMeanwhile: [...core.skippedMeanwhile],
    asconfDue: core.asconfDue,
    asconfPath: core.asconfPath,
    wantedPrimary: core.wantedPrimary,
    recovery: core.recovery,
    lostAddresses: core.lostAddresses,
    lostSinceSequence: core.lostSinceSequence,
    leftUntilMs: [...core.leftUntilMs],
    keys: core.keys.snapshot(),
    peerKeyId: core.authenticator?.peerKeyId ?? 0,
    paths: core.allPaths.map(clonePath),
    flight: core.flight.snapshot(),
    scheduler: core.scheduler.snapshot(),
    sack: core.sack.snapshot(),
    deadlines: core.deadlines.snapshot(),
    control: [...core.control],
  };
}

/** The association as it was; it does nothing by itself. */
export function restoreCore(snapshot: AssociationSnapshot, setting: AssociationSetting): AssociationCore {
  const { localAddress, parameters } = snapshot;
  const state = cloneAssociationState(snapshot.state);
  const core = new AssociationCore(state, { ...setting, localAddress, parameters, keys: snapshot.keys });
  if (core.authenticator !== undefined) core.authenticator.peerKeyId = snapshot.peerKeyId;
  core.sources = snapshot.sources;
  core.nowMs = snapshot.nowMs;
  core.replyRoute = snapshot.replyRoute;
  core.peerAdvertisedBytes = snapshot.peerAdvertisedBytes;
  core.window.restore(snapshot.window);
  core.windowClosed = snapshot.windowClosed;
  core.windowProbes = snapshot.windowProbes;
  core.errorCount = snapshot.errorCount;
  core.receivedSequence = snapshot.receivedSequence;
  core.phaseSequence = snapshot.phaseSequence;
  core.sendBlocked = snapshot.sendBlocked;
  core.forwardTsnDue = snapshot.forwardTsnDue;
  core.forwardTsn = snapshot.forwardTsn;
  core.abandonedMessages.restore(snapshot.abandonedMessages);
  core.shutdownPath = snapshot.shutdownPath;
  core.fastRecoveryExit = snapshot.fastRecoveryExit;
  core.ecn = snapshot.ecn;
  core.probedAtMs = snapshot.probedAtMs;
  core.requestDue = snapshot.requestDue;
  core.requestInProgress = snapshot.requestInProgress;
  core.requestPath = snapshot.requestPath;
  core.deliveredMeanwhile = snapshot.deliveredMeanwhile && new Map(snapshot.deliveredMeanwhile);
  for (const [streamId, skip] of snapshot.skippedMeanwhile ?? []) core.skippedMeanwhile.set(streamId, skip);
  core.asconfDue = snapshot.asconfDue;
  core.asconfPath = snapshot.asconfPath;
  core.wantedPrimary = snapshot.wantedPrimary;
  core.recovery = snapshot.recovery;
  core.lostAddresses = snapshot.lostAddresses ?? [];
  core.lostSinceSequence = snapshot.lostSinceSequence ?? 0;
  for (const [address, untilMs] of snapshot.leftUntilMs ?? []) core.leftUntilMs.set(address, untilMs);
  core.paths.clear();
  for (const path of snapshot.paths) core.paths.set(path.address, { ...clonePath(path), flightBytes: 0 });
  core.allPaths = [...core.paths.values()];
  core.flight.restore(snapshot.flight, state.send.outstanding, core.paths);
  core.scheduler.restore(snapshot.scheduler);
  core.sack.restore(snapshot.sack);
  core.deadlines.restore(snapshot.deadlines);
  core.control.push(...snapshot.control);
  return core;
}
