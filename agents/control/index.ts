/** The messages between desk and agent. The front door of the room. */
export type {
  AgentMessage,
  AgentStatus,
  ClusterSetting,
  Configure,
  DeskMessage,
  Parsed,
  TimerSetting,
} from "./messages.ts";
export { controlVersion, maxLineBytes, parseAgentMessage, parseDeskMessage } from "./messages.ts";
