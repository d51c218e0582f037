import { z } from "zod";
import type { Args, DeskLink, RequestName } from "../api/contract.ts";

/** Bounds on what an interface may ask for, whatever carries the request. */
const runId = z.string().min(1).max(200);
const instantUs = z.int().min(0);
const filter = z.string().max(200);

const SCHEMAS: { readonly [K in RequestName]: z.ZodType<Args<K>> } = {
  "runs.list": z.strictObject({}),
  "run.open": z.strictObject({ runId }),
  "run.ladder": z
    .strictObject({ runId, fromUs: instantUs, toUs: instantUs, limit: z.int().min(1).max(20_000) })
    .refine((args) => args.fromUs < args.toUs, "fromUs must lie before toUs"),
  "run.packets": z.strictObject({
    runId,
    offset: z.int().min(0).max(1_000_000_000),
    limit: z.int().min(1).max(1_000),
    filter,
  }),
  "run.packet": z.strictObject({ runId, packetId: z.int().min(0) }),
  "run.packetIndexAt": z.strictObject({ runId, atUs: instantUs, filter }),
  "run.state": z.strictObject({
    runId,
    atUs: instantUs,
    association: z.int().min(0).max(65_535).optional(),
  }),
  "run.verdict": z.strictObject({ runId }),
};

const envelope = z.strictObject({
  id: z.int().min(0),
  name: z.string().max(64),
  args: z.unknown(),
});

/** Wire form of an answer; a message whose `id` cannot be read is answered with id -1. */
export type Reply =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly failure: { readonly message: string } };

const MAX_MESSAGE_CHARS = 500;

/**
 * Checks one request as it came from the interface (JSON `{id, name, args}`) and lets the desk answer
 * it. Never rejects: what is wrong is in the reply, and `onError` hears of what the desk threw.
 */
export async function answerRequest(
  desk: DeskLink,
  text: string,
  onError: (error: unknown) => void,
): Promise<Reply> {
  const request = readEnvelope(text);
  if (request === undefined) return refuse(-1, "The request is not in the form {id, name, args}.");
  if (!isRequestName(request.name)) return refuse(request.id, `The desk knows no request "${request.name}".`);
  const args = SCHEMAS[request.name].safeParse(request.args);
  if (!args.success) {
    const [issue] = args.error.issues;
    const where = issue === undefined || issue.path.length === 0 ? "its arguments" : issue.path.join(".");
    return refuse(
      request.id,
      `The request ${request.name} is out of bounds at ${where}: ${issue?.message ?? "invalid"}.`,
    );
  }
  try {
    return { id: request.id, answer: await desk.send(request.name, args.data) };
  } catch (error) {
    onError(error);
    return refuse(request.id, error instanceof Error ? error.message : String(error));
  }
}

function readEnvelope(text: string): z.infer<typeof envelope> | undefined {
  try {
    return envelope.safeParse(JSON.parse(text)).data;
  } catch {
    // Not JSON: the caller says so.
    return undefined;
  }
}

function isRequestName(name: string): name is RequestName {
  return Object.hasOwn(SCHEMAS, name);
}

function refuse(id: number, message: string): Reply {
  return { id, failure: { message: message.slice(0, MAX_MESSAGE_CHARS) } };
}
