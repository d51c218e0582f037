import * as z from "zod";
import type { AgentRecord, FlowTotal } from "./records.ts";

/**
 * What the desk and an agent say to each other: one JSON object a line, over the agent's standard input
 * and output, which the desk reaches through its SSH channel only. When the channel ends, the agent ends.
 */
export const controlVersion = 1 as const;

/** How often the desk shows that it lives, and after how long a silence the agent ends by itself. */
export const presenceIntervalMs = 2000 as const;
export const deskSilenceMs = 30_000 as const;

/** Most associations that one run loads: the outside computer has an SCTP port for each, and the record all packets. */
export const maxAssociations = 64 as const;

/** Longest line that either side accepts, in bytes. */
export const maxLineBytes: number = 16 * 1024 * 1024;

/** Protocol timers that a run may choose; the names of RFC 9260 section 16 and RFC 7829. */
export interface TimerSetting {
  readonly rtoInitialMs: number;
  readonly rtoMinMs: number;
  readonly rtoMaxMs: number;
  readonly heartbeatIntervalMs: number;
  readonly sackDelayMs: number;
  readonly pathMaxRetrans: number;
  readonly potentiallyFailedMaxRetrans: number;
}

export interface ClusterSetting {
  /** The secondary listens here, the primary connects to it: address and port on the intra-cluster network. */
  readonly linkAddress: string;
  readonly linkPort: number;
  /** Which end of the link this member has, where its role does not say so: one that comes back keeps its end. */
  readonly linkEnd?: "listen" | "connect" | undefined;
  /** Shared secret of the cluster link, for this run only. */
  readonly linkSecretHex: string;
  /** Shared key of the state cookies (RFC 9260 section 5.1.3). */
  readonly cookieKeyHex: string;
  readonly beatIntervalMs: number;
  readonly leaseMs: number;
  readonly takeoverAfterMs: number;
}

/** Who may go on when the two computers of a cluster do not hear each other; `witness`: whom the keeper lets. */
export type FencingMode = "keep-primary" | "prefer-availability" | "witness";

/** Where the members reach the third computer: an agent of ours, or a Redis server, on the intra-cluster network. */
export type KeeperPlace =
  | { readonly kind: "agent"; readonly address: string; readonly port: number }
  | {
      readonly kind: "redis";
      readonly address: string;
      readonly port: number;
      readonly password?: string | undefined;
    };

/** Desk to agent. */
export type DeskMessage =
  | {
      readonly type: "configure";
      readonly role: "primary" | "secondary" | "peer";
      /** A member of the outside end, where that is a cluster too: it opens the association, and echoes. */
      readonly outside?: boolean | undefined;
      readonly sctpPort: number;
      readonly udpPort: number;
      /** How SCTP packets travel: in UDP (RFC 6951) on that port, which is the default, or as IP protocol 132. */
      readonly transport?: "udp" | "raw" | undefined;
      /** All addresses of the endpoint. */
      readonly localAddresses: readonly string[];
      /** The one that this host has. */
      readonly ownAddress: string;
      readonly timers: TimerSetting;
      /** Outside computer: so many associations, each from a port of its own, from `sctpPort` on; 1 where it is absent. */
      readonly associations?: number | undefined;
      /** Absent for the outside computer. */
      readonly cluster?: ClusterSetting | undefined;
      /** Policy and placement in their text form, `every-update` or `interval:50ms`; for members of a cluster, as what follows. */
      readonly replication?: string | undefined;
      readonly fencing?: FencingMode | undefined;
      readonly keeper?: KeeperPlace | undefined;
      /** A member that took over has the other one's outside address too, where both are on one link and nobody answers for it. */
      readonly addressTakeover?: boolean | undefined;
      /** What runs on the associations: the name of a built-in application, or the path of a module on the agent's host. */
      readonly application?: string | undefined;
    }
  | {
      readonly type: "configure-keeper";
      /** The members connect to it here, with the secret of the cluster link. */
      readonly linkAddress: string;
      readonly linkPort: number;
      readonly linkSecretHex: string;
      readonly takeoverAfterMs: number;
      /** Store and witness; or a witness alone, which keeps only the epoch and who has it. */
      readonly holdsStates: boolean;
      /** Most that it holds of states; it refuses what goes beyond. */
      readonly maxBytes: number;
    }
  | { readonly type: "connect"; readonly address: string; readonly port: number }
  | {
      readonly type: "load";
      readonly ratePerSecond: number;
      readonly sizeBytes: number;
      readonly streams: number;
      /** On so many associations, those that came up first, all of this on each; 1 where it is absent. */
      readonly associations?: number | undefined;
    }
  | { readonly type: "stop-load" }
  /** Planned switch-over: the member that serves makes the other one the primary. */
  | { readonly type: "handover" }
  /** Another policy from now on, in its text form; the placement stays. */
  | { readonly type: "set-policy"; readonly replication: string }
  /** The operator says that the member which serves is about to fail. */
  | { readonly type: "announce"; readonly reason: string }
  /** The operator's event: what is not replicated yet goes now. */
  | { readonly type: "synchronise" }
  | { readonly type: "status"; readonly id: number }
  | { readonly type: "clock"; readonly id: number }
  | { readonly type: "shutdown" }
  /** The desk lives; sent every `presenceIntervalMs` when there is nothing else to say. */
  | { readonly type: "present" }
  | { readonly type: "quit" };

export type Configure = Extract<DeskMessage, { type: "configure" }>;
export type ConfigureKeeper = Extract<DeskMessage, { type: "configure-keeper" }>;

/** Agent to desk. */
export type AgentMessage =
  | {
      readonly type: "hello";
      readonly version: number;
      readonly pid?: number | undefined;
      readonly name: string;
      /** How far the agent's stamps may be from its host's wall clock, either way. */
      readonly clockErrorMicros: number;
    }
  | { readonly type: "ready" }
  | { readonly type: "records"; readonly records: readonly AgentRecord[] }
  | {
      readonly type: "status";
      readonly id: number;
      readonly role: "primary" | "secondary" | "peer" | "keeper" | "idle";
      readonly associated: boolean;
      /** Everything that was given out is acknowledged by the other side. */
      readonly drained: boolean;
      readonly totals: readonly FlowTotal[];
    }
  | { readonly type: "clock"; readonly id: number; readonly atUs: number }
  | { readonly type: "bye" }
  /** One sentence for a person. */
  | { readonly type: "error"; readonly message: string };

export type AgentStatus = Extract<AgentMessage, { type: "status" }>;

type Schemas<Message extends { readonly type: string }> = {
  readonly [Type in Message["type"]]: z.ZodType<Extract<Message, { type: Type }>>;
};

const address = z.string().min(1).max(64);
const port = z.int().min(1).max(65_535);
const milliseconds = z.number().min(0).max(86_400_000);
const hexBytes = z.string().regex(/^([0-9a-f]{2}){16,64}$/);

const timerSetting: z.ZodType<TimerSetting> = z.strictObject({
  rtoInitialMs: milliseconds,
  rtoMinMs: milliseconds,
  rtoMaxMs: milliseconds,
  heartbeatIntervalMs: milliseconds,
  sackDelayMs: milliseconds,
  pathMaxRetrans: z.int().min(0).max(255),
  potentiallyFailedMaxRetrans: z.int().min(0).max(255),
});

const clusterSetting: z.ZodType<ClusterSetting> = z.strictObject({
  linkAddress: address,
  linkPort: port,
  linkEnd: z.enum(["listen", "connect"]).optional(),
  linkSecretHex: hexBytes,
  cookieKeyHex: hexBytes,
  beatIntervalMs: milliseconds,
  leaseMs: milliseconds,
  takeoverAfterMs: milliseconds,
});

const associations = z.int().min(1).max(maxAssociations);
const replication = z.string().min(1).max(400);
const keeperPlace: z.ZodType<KeeperPlace> = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("agent"), address, port }),
  z.strictObject({
    kind: z.literal("redis"),
    address,
    port,
    password: z.string().min(1).max(200).optional(),
  }),
]);

const deskSchemas: Schemas<DeskMessage> = {
  configure: z.strictObject({
    type: z.literal("configure"),
    role: z.enum(["primary", "secondary", "peer"]),
    outside: z.boolean().optional(),
    sctpPort: port,
    udpPort: port,
    transport: z.enum(["udp", "raw"]).optional(),
    localAddresses: z.array(address).min(1).max(16),
    ownAddress: address,
    timers: timerSetting,
    associations: associations.optional(),
    cluster: clusterSetting.optional(),
    replication: replication.optional(),
    fencing: z.enum(["keep-primary", "prefer-availability", "witness"]).optional(),
    keeper: keeperPlace.optional(),
    addressTakeover: z.boolean().optional(),
    application: z.string().min(1).max(4096).optional(),
  }),
  "configure-keeper": z.strictObject({
    type: z.literal("configure-keeper"),
    linkAddress: address,
    linkPort: port,
    linkSecretHex: hexBytes,
    takeoverAfterMs: milliseconds,
    holdsStates: z.boolean(),
    maxBytes: z
      .int()
      .min(1)
      .max(2 ** 40),
  }),
  connect: z.strictObject({ type: z.literal("connect"), address, port }),
  load: z.strictObject({
    type: z.literal("load"),
    ratePerSecond: z.number().min(1).max(100_000),
    sizeBytes: z.int().min(24).max(65_536),
    streams: z.int().min(1).max(1024),
    associations: associations.optional(),
  }),
  "stop-load": z.strictObject({ type: z.literal("stop-load") }),
  handover: z.strictObject({ type: z.literal("handover") }),
  "set-policy": z.strictObject({ type: z.literal("set-policy"), replication }),
  announce: z.strictObject({ type: z.literal("announce"), reason: z.string().min(1).max(400) }),
  synchronise: z.strictObject({ type: z.literal("synchronise") }),
  status: z.strictObject({ type: z.literal("status"), id: z.int() }),
  clock: z.strictObject({ type: z.literal("clock"), id: z.int() }),
  shutdown: z.strictObject({ type: z.literal("shutdown") }),
  present: z.strictObject({ type: z.literal("present") }),
  quit: z.strictObject({ type: z.literal("quit") }),
};

const flowTotal: z.ZodType<FlowTotal> = z.object({
  association: z.int().min(0).optional(),
  flow: z.enum(["up", "down", "echo"]),
  streamId: z.int().min(0).max(65_535),
  sent: z.int().min(0),
});

/** Records are known by their kind; an agent of this version is ours, found by its content hash. */
const record = z.custom<AgentRecord>(
  (value) => typeof value === "object" && value !== null && "kind" in value,
);

const agentSchemas: Schemas<AgentMessage> = {
  hello: z.object({
    type: z.literal("hello"),
    version: z.int(),
    pid: z.int().optional(),
    name: z.string().max(200),
    clockErrorMicros: z.number().min(0),
  }),
  ready: z.object({ type: z.literal("ready") }),
  records: z.object({ type: z.literal("records"), records: z.array(record) }),
  status: z.object({
    type: z.literal("status"),
    id: z.int(),
    role: z.enum(["primary", "secondary", "peer", "keeper", "idle"]),
    associated: z.boolean(),
    drained: z.boolean(),
    totals: z.array(flowTotal).max(4096),
  }),
  clock: z.object({ type: z.literal("clock"), id: z.int(), atUs: z.number() }),
  bye: z.object({ type: z.literal("bye") }),
  error: z.object({ type: z.literal("error"), message: z.string().max(4000) }),
};

export type Parsed<T> =
  | { readonly ok: true; readonly message: T }
  | { readonly ok: false; readonly reason: string };

export const parseDeskMessage = (line: string): Parsed<DeskMessage> => parseLine(line, deskSchemas);

export const parseAgentMessage = (line: string): Parsed<AgentMessage> => parseLine(line, agentSchemas);

function parseLine<M extends { readonly type: string }>(line: string, schemas: Schemas<M>): Parsed<M> {
  if (line.length > maxLineBytes) return { ok: false, reason: "a line is too long" };
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { ok: false, reason: `not JSON: ${line.slice(0, 80)}` };
  }
  const type = typeof value === "object" && value !== null && "type" in value ? value.type : undefined;
  const known: Readonly<Record<string, z.ZodType<M>>> = schemas as never;
  const schema = typeof type === "string" && Object.hasOwn(known, type) ? known[type] : undefined;
  if (schema === undefined) return { ok: false, reason: `no message of this version: ${line.slice(0, 80)}` };
  const parsed = schema.safeParse(value);
  if (parsed.success) return { ok: true, message: parsed.data };
  const issue = parsed.error.issues[0];
  return { ok: false, reason: `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not valid"}` };
}
