export { CaptureError } from "./capture-error.ts";
export type { CapturedPacket, CaptureOptions, RunningCapture } from "./capture-options.ts";
export { chooseEngine, type EngineChoice } from "./choose-engine.ts";
export type { EngineName } from "./engines.ts";
export { localRunner, netnsRunner } from "./local-runner.ts";
export type { ProcessRunner, StreamedProcess } from "./process-runner.ts";
export { startCapture } from "./start-capture.ts";
