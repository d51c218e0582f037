/** Proves who we are. Passwords are not offered: they would end up in files. */
export type SshAuth =
  | { readonly privateKey: string; readonly passphrase?: string }
  /** Path of an ssh-agent's socket. */
  | { readonly agent: string };

/** Which host keys are believed. `knownHosts` is the text of a known_hosts file (sshd(8)), hashed entries too. */
export type HostKeyPolicy =
  | { readonly policy: "strict"; readonly knownHosts: string }
  | {
      /** A host that was never seen is believed and told to `remember`; one whose key has changed is refused. */
      readonly policy: "accept-new";
      readonly knownHosts: string;
      remember(knownHostsLine: string): void;
    };

/** One machine that we reach by SSH. */
export interface SshTarget {
  /** Its name in the lab, for messages. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly auth: SshAuth;
  readonly hostKeys: HostKeyPolicy;
}

/** For messages: `host a (root@198.18.4.11)`. */
export function describeTarget(target: SshTarget): string {
  const port = target.port === 22 ? "" : `:${target.port}`;
  return `host ${target.name} (${target.user}@${target.host}${port})`;
}
