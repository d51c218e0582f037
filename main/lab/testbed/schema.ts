import { isIPv4 } from "node:net";
import { z } from "zod";
import { parseApplication } from "../../../agents/application/index.ts";
import type { FencingMode } from "../../../agents/control/index.ts";
import { maxAssociations } from "../../../agents/control/index.ts";
import { parseReplication } from "../../../agents/replica/policy/index.ts";
import type { Scheduling } from "../../deploy/index.ts";

/** Keys that `defaults.ssh` and each host's `ssh` share. */
export interface SshKeys {
  readonly port?: number | undefined;
  readonly user?: string | undefined;
  readonly identityFile?: string | undefined;
  readonly hostKeys?: "strict" | "accept-new" | undefined;
  readonly knownHosts?: string | undefined;
  readonly connectTimeout?: string | undefined;
}

export interface InterfaceKeys {
  readonly dev: string;
  /** With or without the length of the network's prefix. */
  readonly ip: string;
}

export interface HostKeys {
  readonly ssh: SshKeys & { readonly host: string };
  readonly agent?: { readonly workdir?: string | undefined } | undefined;
  readonly interfaces: { readonly out: InterfaceKeys; readonly ic?: InterfaceKeys | undefined };
}

/** The third computer of a cluster has no business on the outside network. */
export interface KeeperKeys extends Omit<HostKeys, "interfaces"> {
  readonly interfaces: { readonly out?: InterfaceKeys | undefined; readonly ic: InterfaceKeys };
}

/** How the cluster replicates; the command line's options come first. */
export interface ReplicationKeys {
  /** Text form of a policy, for example `interval:50ms`. */
  readonly policy?: string | undefined;
  readonly fencing?: FencingMode | undefined;
  /** Whether who takes over has the outside address of the one that is gone, too. */
  readonly addressTakeover?: boolean | undefined;
  /** What the third computer runs. */
  readonly store?: "agent" | "redis" | undefined;
}

export interface ClusterKeys {
  readonly replication?: ReplicationKeys | undefined;
  /** The name of a built-in application, or the path of a module, from the folder of this file on. */
  readonly application?: string | undefined;
  /** Between the outside computer and the cluster, each with the load. */
  readonly associations?: number | undefined;
}

/** The outside end has no third computer. */
export interface PeerReplicationKeys {
  readonly policy?: string | undefined;
  readonly fencing?: Exclude<FencingMode, "witness"> | undefined;
}

export interface MemberKeys extends HostKeys {
  readonly interfaces: { readonly out: InterfaceKeys; readonly ic: InterfaceKeys };
}

/** A testbed file, version 1, reduced to what the main job needs of real machines. */
export interface TestbedFile {
  readonly version: 1;
  readonly name: string;
  readonly defaults?:
    | {
        readonly ssh?: SshKeys | undefined;
        readonly agent?:
          | {
              readonly workdir?: string | undefined;
              readonly udpPort?: number | undefined;
              readonly transport?: "udp" | "raw" | undefined;
              readonly scheduling?: Scheduling | undefined;
            }
          | undefined;
      }
    | undefined;
  readonly cluster?: ClusterKeys | undefined;
  /** The same of the outside end, where that is a cluster. */
  readonly peerCluster?: { readonly replication?: PeerReplicationKeys | undefined } | undefined;
  readonly hosts: {
    readonly a: MemberKeys;
    readonly b: MemberKeys;
    readonly peer: HostKeys;
    /** The second computer of the outside end. */
    readonly peer2?: MemberKeys | undefined;
    readonly keeper?: KeeperKeys | undefined;
  };
}

const text = z.string().min(1).max(500);
const device = z
  .string()
  .regex(/^[A-Za-z0-9_.-]{1,15}$/, "must be the name of a network interface, for example eth1");
const port = z.number().int().min(1).max(65535);
const folder = z
  .string()
  .regex(/^(\/[\w.-]+)+$/, "must be an absolute folder without blanks, for example /var/tmp/understudy");
const duration = z
  .string()
  .regex(/^\d{1,6}(ms|s)$/, "must be a time with its unit, for example 10s or 500ms");
const address = z.string().refine((value) => {
  const [host, prefix = "32", ...rest] = value.split("/");
  return rest.length === 0 && isIPv4(host ?? "") && /^\d{1,2}$/.test(prefix) && Number(prefix) <= 32;
}, "must be an IPv4 address, for example 192.0.2.11/24");

const ssh = {
  port: port.optional(),
  user: text.optional(),
  identityFile: text.optional(),
  hostKeys: z.enum(["strict", "accept-new"]).optional(),
  knownHosts: text.optional(),
  connectTimeout: duration.optional(),
};
const networkInterface = z.strictObject({ dev: device, ip: address });
const host = {
  ssh: z.strictObject({ host: text, ...ssh }),
  agent: z.strictObject({ workdir: folder.optional() }).optional(),
};
const member = z.strictObject({
  ...host,
  interfaces: z.strictObject({ out: networkInterface, ic: networkInterface }),
});
const peer = z.strictObject({
  ...host,
  interfaces: z.strictObject({ out: networkInterface, ic: networkInterface.optional() }),
});

const policy = z
  .string()
  .min(1)
  .max(400)
  .superRefine((value, context) => {
    const parsed = parseReplication(value);
    if (!parsed.ok) context.addIssue({ code: "custom", message: parsed.reason });
  });
const application = text.superRefine((value, context) => {
  const parsed = parseApplication(value);
  if (!parsed.ok) context.addIssue({ code: "custom", message: parsed.reason });
});
const keeper = z.strictObject({
  ...host,
  interfaces: z.strictObject({ out: networkInterface.optional(), ic: networkInterface }),
});
const replication = z.strictObject({
  policy: policy.optional(),
  fencing: z.enum(["keep-primary", "prefer-availability", "witness"]).optional(),
  addressTakeover: z.boolean().optional(),
  store: z.enum(["agent", "redis"]).optional(),
});

const peerReplication = z.strictObject({
  policy: policy.optional(),
  fencing: z.enum(["keep-primary", "prefer-availability"]).optional(),
});

export const testbedShape: z.ZodType<TestbedFile> = z.strictObject({
  version: z.literal(1),
  name: z.string().regex(/^[\w.-]{1,40}$/, "must be 1 to 40 letters, digits, dots or dashes"),
  defaults: z
    .strictObject({
      ssh: z.strictObject(ssh).optional(),
      agent: z
        .strictObject({
          workdir: folder.optional(),
          udpPort: port.optional(),
          transport: z.enum(["udp", "raw"]).optional(),
          scheduling: z.enum(["real-time", "normal"]).optional(),
        })
        .optional(),
    })
    .optional(),
  cluster: z
    .strictObject({
      replication: replication.optional(),
      application: application.optional(),
      associations: z.int().min(1).max(maxAssociations).optional(),
    })
    .optional(),
  peerCluster: z.strictObject({ replication: peerReplication.optional() }).optional(),
  hosts: z.strictObject({ a: member, b: member, peer, peer2: member.optional(), keeper: keeper.optional() }),
});

/** The keys that the file may have at a place. */
export function keysAt(path: readonly PropertyKey[]): string[] {
  let shape: unknown = testbedShape;
  for (const key of [...path, undefined]) {
    while (shape instanceof z.ZodOptional) shape = shape.unwrap();
    if (!(shape instanceof z.ZodObject)) return [];
    if (key === undefined) return Object.keys(shape.shape);
    shape = shape.shape[String(key)];
  }
  return [];
}
