/** The main job, end to end. The front door of the room. */
export type { Awaited } from "./aftermath.ts";
export { suitsPeer } from "./application-plan.ts";
export type { BeatTiming } from "./beats.ts";
export { parseBeats } from "./beats.ts";
export type { JobProgress, JobRequest, JobResult } from "./main-job.ts";
export { MainJob } from "./main-job.ts";
export { cutsOfRun } from "./end.ts";
export type { JobSetting, KeeperKind, KillPlan, PeerKind, TimerChoice, TransportChoice } from "./setting.ts";
export { defaultSetting } from "./setting.ts";
