import ssh2 from "ssh2";
import type { ServerHostKeyAlgorithm } from "ssh2";
import { connectError } from "./connect-errors.ts";
import { HostError } from "./host-error.ts";
import {
  type HostKeyJudgement,
  fingerprint,
  judgeHostKey,
  knownHostsLine,
  knownKeyTypes,
} from "./known-hosts.ts";
import { SshHost } from "./ssh-host.ts";
import { type SshTarget, describeTarget } from "./ssh-target.ts";

export interface ConnectOptions {
  /** For the whole way: name, TCP, key exchange, log-in. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** True where the host sees the desk's own files; default false. */
  readonly sharesFiles?: boolean;
}

/** After three unanswered ones the connection counts as lost. */
const keepaliveMs = 5000;

const hostKeyAlgorithms: readonly ServerHostKeyAlgorithm[] = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "rsa-sha2-512",
  "rsa-sha2-256",
];

/** RFC 8332: a host's RSA key has one type on file and signs with newer algorithms. */
function preferKnown(types: readonly string[]): ServerHostKeyAlgorithm[] {
  const isKnown = (algorithm: ServerHostKeyAlgorithm): boolean =>
    types.includes(algorithm) || (algorithm.startsWith("rsa-sha2-") && types.includes("ssh-rsa"));
  return [...hostKeyAlgorithms.filter(isKnown), ...hostKeyAlgorithms.filter((name) => !isKnown(name))];
}

/** Reads the private key before anything is sent, so that a mistake in it is told as such. Returns its fingerprint. */
function readUserKey(target: SshTarget): string | undefined {
  if ("agent" in target.auth) return undefined;
  const parsed = ssh2.utils.parseKey(target.auth.privateKey, target.auth.passphrase);
  if (!(parsed instanceof Error)) return fingerprint(parsed.getPublicSSH());
  const needsPassphrase = /passphrase|encrypted/i.test(parsed.message);
  throw new HostError(
    "user-key",
    target.name,
    needsPassphrase
      ? `The private key for ${describeTarget(target)} is encrypted and the passphrase is missing or wrong: give it, or use an ssh-agent.`
      : `The private key for ${describeTarget(target)} cannot be read (${parsed.message}): name a private key in OpenSSH or PEM form.`,
    { cause: parsed },
  );
}

/**
 * Logs in to a host. The host's key is always checked, as the policy says.
 * Rejects with a HostError whose message is one sentence for a person.
 */
export async function connectSsh(target: SshTarget, options: ConnectOptions): Promise<SshHost> {
  const { timeoutMs, signal } = options;
  const { hostKeys } = target;
  const offered = readUserKey(target);
  const client = new ssh2.Client();
  let shown: { key: Uint8Array; judgement: HostKeyJudgement } | undefined;

  const verify = (key: Buffer): boolean => {
    shown = { key, judgement: judgeHostKey(hostKeys.knownHosts, target.host, target.port, key) };
    if (shown.judgement.answer === "known") return true;
    return hostKeys.policy === "accept-new" && shown.judgement.answer === "unknown";
  };
  const cancelled = (): HostError =>
    new HostError("cancelled", target.name, `Connecting to ${describeTarget(target)} was cancelled.`);

  await new Promise<void>((resolve, reject) => {
    if (signal?.aborted) return reject(cancelled());
    const onAbort = (): void => {
      client.destroy();
      reject(cancelled());
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    client.once("ready", () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    // ssh2 may report a second error while it tears down: the first one names the cause.
    client.on("error", (cause) => {
      signal?.removeEventListener("abort", onAbort);
      client.destroy();
      const known = { target, timeoutMs, ...(shown && { shown }), ...(offered && { offered }) };
      reject(connectError(known, cause));
    });
    client.once("close", () =>
      reject(connectError({ target, timeoutMs }, new Error("closed during the log-in"))),
    );
    client.connect({
      host: target.host,
      port: target.port,
      username: target.user,
      ...target.auth,
      readyTimeout: timeoutMs,
      keepaliveInterval: keepaliveMs,
      keepaliveCountMax: 3,
      hostVerifier: verify,
      algorithms: {
        serverHostKey: preferKnown(knownKeyTypes(hostKeys.knownHosts, target.host, target.port)),
      },
    });
  });
  client.setNoDelay(true);
  if (hostKeys.policy === "accept-new" && shown?.judgement.answer === "unknown") {
    try {
      hostKeys.remember(knownHostsLine(target.host, target.port, shown.key));
    } catch (error) {
      client.destroy();
      throw error;
    }
  }
  return new SshHost(client, target, options.sharesFiles ?? false);
}
