/** The applications that an agent hosts on top of an association. The front door of the room. */
export type {
  Application,
  MessageToSend,
  ApplicationNote,
  IncomingMessage,
  Load,
  LoadApplication,
  Refusal,
} from "./application.ts";
export { isLoadApplication } from "./application.ts";
export type { ApplicationChoice, BuiltInApplication, ParsedApplication } from "./choice.ts";
export { builtInApplications, makeBuiltIn, parseApplication } from "./choice.ts";
export { ModuleFault, failureText, makeModule } from "./module-answers.ts";
export type { MadeModule } from "./module-answers.ts";
export { ModuleApplication } from "./module-application.ts";
export type { ApplicationModule, ApplicationModuleExport, ModuleAnswer, ModuleMessage } from "./module.ts";
export type { ApplicationMessage } from "./numbered.ts";
export { NumberedApplication } from "./numbered.ts";
export type { ApplicationPort } from "./run.ts";
export { ApplicationRun } from "./run.ts";
export type { Flow, TestMessage } from "./test-message.ts";
export { readTestMessage, writeTestMessage } from "./test-message.ts";
