import type { MessageToSend } from "./application.ts";
import type { ApplicationModule, ApplicationModuleExport } from "./module.ts";

/** Largest snapshot of a module. */
const maxSnapshotBytes = 1024 * 1024;
const maxReasonCharacters = 300;

/** A module broke a rule of `ApplicationModule`; the message says which. */
export class ModuleFault extends Error {}

export type MadeModule =
  | { readonly ok: true; readonly module: ApplicationModule }
  /** `reason` is one sentence without its full stop. */
  | { readonly ok: false; readonly reason: string };

/** What a default export gives for one more association. */
export function makeModule(exported: ApplicationModuleExport): MadeModule {
  let made: unknown;
  try {
    made = typeof exported === "function" ? exported() : exported;
  } catch (error) {
    return { ok: false, reason: failureText(error) };
  }
  const reason = moduleFault(made);
  return reason === undefined ? { ok: true, module: made as ApplicationModule } : { ok: false, reason };
}

/** Why a value is no module; undefined where it is one. */
function moduleFault(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null)
    return "its default export is neither an object nor a function that makes one";
  const members = value as Record<string, unknown>;
  for (const name of ["onMessage", "snapshot", "restore"]) {
    if (typeof members[name] !== "function") return `its default export has no function ${name}`;
  }
  if (members["send"] !== undefined && typeof members["send"] !== "function")
    return "its send is no function";
  return undefined;
}

/** What `onMessage` answered. Throws a ModuleFault. */
export function readAnswers(value: unknown): MessageToSend[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value)
    ? value.map((each) => readMessage(each, "onMessage"))
    : [readMessage(value, "onMessage")];
}

/** What `send` answered. Throws a ModuleFault. */
export function readSendAnswer(value: unknown): MessageToSend | number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "number") return readMessage(value, "send");
  if (!Number.isFinite(value)) throw new ModuleFault(`send answered the instant ${value}`);
  return value;
}

/** What `snapshot` answered, copied. Throws a ModuleFault. */
export function readSnapshot(value: unknown): Uint8Array {
  refusePromise(value, "snapshot");
  if (!(value instanceof Uint8Array)) throw new ModuleFault("snapshot answered no Uint8Array");
  if (value.length > maxSnapshotBytes) {
    throw new ModuleFault(`snapshot answered ${value.length} bytes, and ${maxSnapshotBytes} is the most`);
  }
  return value.slice();
}

function readMessage(value: unknown, from: string): MessageToSend {
  refusePromise(value, from);
  if (typeof value !== "object" || value === null) throw new ModuleFault(`${from} answered no message`);
  const { streamId, payload, ppid = 0, unordered = false } = value as Record<string, unknown>;
  if (!isWhole(streamId, 0xffff))
    throw new ModuleFault(`${from} answered a message without a streamId of 0 to 65535`);
  if (!(payload instanceof Uint8Array) || payload.length === 0) {
    throw new ModuleFault(`${from} answered a message whose payload is no Uint8Array with a byte or more`);
  }
  if (!isWhole(ppid, 0xffffffff))
    throw new ModuleFault(`${from} answered a message whose ppid is not of 32 bits`);
  if (typeof unordered !== "boolean")
    throw new ModuleFault(`${from} answered a message whose unordered is no boolean`);
  return { streamId, ppid, unordered, payload: payload.slice() };
}

const isWhole = (value: unknown, most: number): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most;

/** An async function of a module would answer too late; what its promise comes to is nobody's. */
function refusePromise(value: unknown, from: string): void {
  if (!(value instanceof Promise)) return;
  value.catch(() => undefined);
  throw new ModuleFault(`${from} answered a promise: an application answers at once`);
}

/** One sentence without its full stop. */
export function failureText(error: unknown): string {
  const text = error instanceof ModuleFault ? error.message : describeError(error);
  const line = text.replaceAll(/\s+/g, " ").trim();
  return line.length > maxReasonCharacters ? `${line.slice(0, maxReasonCharacters)}...` : line;
}

/** Foreign code can throw anything, also what cannot be shown. */
function describeError(error: unknown): string {
  try {
    return error instanceof Error ? `${error.name}: ${error.message}` : `it threw ${String(error)}`;
  } catch {
    return "it threw something that cannot be shown";
  }
}
