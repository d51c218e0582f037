/** What a recorded run tells about an instant. The front door of the room. */
export type { HistorySource } from "./state-at.ts";
export { stateAt } from "./state-at.ts";
