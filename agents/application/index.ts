/** The applications that an agent hosts on top of an association. The front door of the room. */
export type { ApplicationMessage, Load } from "./numbered.ts";
export { NumberedApplication, echoOf } from "./numbered.ts";
export type { Flow, TestMessage } from "./test-message.ts";
export { readTestMessage, writeTestMessage } from "./test-message.ts";
