import { randomBytes } from "node:crypto";
import type { ConnectionLimits } from "./cluster-link-connection.ts";

export interface LinkOptions extends Partial<ConnectionLimits> {
  readonly address: string;
  readonly port: number;
  /** The secret of the cluster, for one run. */
  readonly secretHex: string;
  /** Names this process to the other end, 16 hexadecimal digits; drawn anew for each process unless given. */
  readonly member?: string;
}

/** TLS with a shared secret and nothing else: who does not know the run's secret gets no link. */
export const tlsTerms = {
  ciphers: "PSK-AES256-GCM-SHA384:PSK-AES128-GCM-SHA256",
  minVersion: "TLSv1.2",
  maxVersion: "TLSv1.2",
} as const;

const defaultLimits: ConnectionLimits = {
  silentAfterMs: 2000,
  maxUnsentBytes: 32 * 1024 * 1024,
  greetingMs: 2000,
};

export const limitsOf = (options: LinkOptions): ConnectionLimits => ({ ...defaultLimits, ...options });

export const secretOf = ({ secretHex }: LinkOptions): Buffer => Buffer.from(secretHex, "hex");

const thisProcess = randomBytes(8).toString("hex");
const identityShape = /^understudy:([0-9a-f]{16})$/;

/** The identity under which TLS-PSK asks for the secret: it tells one process from another. */
export const identityOf = ({ member = thisProcess }: LinkOptions): string => `understudy:${member}`;

/** The process that an identity names; undefined when it is none of ours. */
export const memberOf = (identity: string): string | undefined => identityShape.exec(identity)?.[1];
