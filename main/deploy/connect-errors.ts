import { HostError } from "./host-error.ts";
import { type HostKeyJudgement, fingerprint } from "./known-hosts.ts";
import { type SshTarget, describeTarget } from "./ssh-target.ts";

/** What was learnt until a connection failed. */
export interface ConnectAttempt {
  readonly target: SshTarget;
  readonly timeoutMs: number;
  /** Set once the host has shown its key. */
  readonly shown?: { readonly key: Uint8Array; readonly judgement: HostKeyJudgement };
  /** Fingerprint of the key that we offered. */
  readonly offered?: string;
}

function hostKeyError(
  target: SshTarget,
  shown: { readonly key: Uint8Array; readonly judgement: HostKeyJudgement },
): HostError {
  const where = describeTarget(target);
  const print = fingerprint(shown.key);
  const { judgement } = shown;
  if (judgement.answer === "changed") {
    return new HostError(
      "host-key",
      target.name,
      `The host key of ${where} is not the known one: expected ${judgement.expected.join(" or ")}, got ${print}; ` +
        "if the machine was really reinstalled, replace its line in known_hosts, otherwise somebody may be in between.",
    );
  }
  if (judgement.answer === "revoked") {
    return new HostError(
      "host-key",
      target.name,
      `The host key ${print} of ${where} is marked as revoked in known_hosts: do not use this machine until it has a new key.`,
    );
  }
  return new HostError(
    "host-key",
    target.name,
    `The host key of ${where} is not known: it shows ${print}; compare that on the machine itself and add it to known_hosts, ` +
      "or set hostKeys to accept-new.",
  );
}

/** Turns what ssh2 and the socket report into one sentence with what to do. */
export function connectError(attempt: ConnectAttempt, cause: Error): HostError {
  const { target } = attempt;
  const where = describeTarget(target);
  const make = (fault: HostError["fault"], text: string): HostError =>
    new HostError(fault, target.name, text, { cause });
  if (
    attempt.shown &&
    attempt.shown.judgement.answer !== "known" &&
    /verification failed/.test(cause.message)
  ) {
    return hostKeyError(target, attempt.shown);
  }
  const code = "code" in cause ? cause.code : undefined;
  const level = "level" in cause ? cause.level : undefined;
  switch (code) {
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return make(
        "name",
        `The name ${target.host} of host ${target.name} cannot be resolved: check its spelling, or give an address.`,
      );
    case "ECONNREFUSED":
      return make(
        "refused",
        `${where} refuses connections on port ${target.port}: start its SSH server, or correct the port.`,
      );
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "EHOSTDOWN":
      return make(
        "unreachable",
        `${where} cannot be reached: check that it is switched on, its address, and the route to it.`,
      );
    case "ETIMEDOUT":
      return make(
        "timeout",
        `${where} does not answer: check that it is switched on, its address, and firewalls on the way.`,
      );
    case undefined:
    default:
  }
  if (level === "client-timeout") {
    const text = attempt.shown ? "did not finish the SSH log-in" : "does not answer";
    return make(
      "timeout",
      `${where} ${text} within ${attempt.timeoutMs / 1000} s: check that it is switched on, its address, and firewalls on the way.`,
    );
  }
  if (level === "client-authentication") {
    const key = attempt.offered ? `the key ${attempt.offered}` : "every key of the ssh-agent";
    return make(
      "user-key",
      `${where} refused ${key}: add the public key to ~/.ssh/authorized_keys of ${target.user} there, or name another key or user.`,
    );
  }
  return make(
    "remote",
    `The SSH connection to ${where} failed: ${cause.message}; look into the SSH server's log there.`,
  );
}
