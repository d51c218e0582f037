/** The messages between desk and agent. The front door of the room. */
export type {
  AgentMessage,
  AgentStatus,
  ClusterSetting,
  Configure,
  ConfigureKeeper,
  DeskMessage,
  FencingMode,
  KeeperPlace,
  Parsed,
  TimerSetting,
} from "./messages.ts";
export {
  controlVersion,
  deskSilenceMs,
  maxAssociations,
  maxLineBytes,
  parseAgentMessage,
  parseDeskMessage,
  presenceIntervalMs,
} from "./messages.ts";
