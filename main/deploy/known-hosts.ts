import { createHash, createHmac } from "node:crypto";

/** What a known_hosts text says about the key that a host has shown. */
export type HostKeyJudgement =
  | { readonly answer: "known" }
  | { readonly answer: "revoked" }
  | { readonly answer: "changed"; readonly expected: readonly string[] }
  | { readonly answer: "unknown" };

interface Entry {
  readonly revoked: boolean;
  readonly hosts: string;
  readonly keyType: string;
  readonly key: Uint8Array;
}

/** The form in which OpenSSH shows keys: `SHA256:` and unpadded base64. */
export function fingerprint(key: Uint8Array): string {
  return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
}

/** The name under which sshd(8) files a host: a port other than 22 is part of it. */
function filedName(host: string, port: number): string {
  return port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;
}

export function knownHostsLine(host: string, port: number, key: Uint8Array): string {
  return `${filedName(host, port)} ${keyTypeOf(key)} ${Buffer.from(key).toString("base64")}`;
}

/** RFC 4253 section 6.6: a public key begins with its type as a string with a 32-bit length. */
function keyTypeOf(key: Uint8Array): string {
  const bytes = Buffer.from(key);
  if (bytes.length < 4) return "";
  return bytes.toString("latin1", 4, Math.min(bytes.length, 4 + bytes.readUInt32BE(0)));
}

function parse(text: string): Entry[] {
  const entries: Entry[] = [];
  for (const line of text.split("\n")) {
    const words = line.trim().split(/\s+/);
    const marker = words[0]?.startsWith("@") ? words.shift() : undefined;
    const [hosts, keyType, key] = words;
    // An authority's key vouches for certificates, which ssh2 does not speak: it says nothing about a plain key.
    if (!hosts || hosts.startsWith("#") || !keyType || !key || marker === "@cert-authority") continue;
    entries.push({ revoked: marker === "@revoked", hosts, keyType, key: Buffer.from(key, "base64") });
  }
  return entries;
}

function glob(pattern: string, name: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`, "i").test(name);
}

function concerns(entry: Entry, name: string): boolean {
  const hashed = /^\|1\|([^|]+)\|([^|]+)$/.exec(entry.hosts);
  if (hashed) {
    const digest = createHmac("sha1", Buffer.from(hashed[1] ?? "", "base64"))
      .update(name)
      .digest("base64");
    return digest === hashed[2];
  }
  const patterns = entry.hosts.split(",");
  if (patterns.some((pattern) => pattern.startsWith("!") && glob(pattern.slice(1), name))) return false;
  return patterns.some((pattern) => glob(pattern, name));
}

function entriesFor(text: string, host: string, port: number): Entry[] {
  const entries = parse(text);
  const named = entries.filter((entry) => concerns(entry, filedName(host, port)));
  if (named.length > 0 || port === 22) return named;
  // Like OpenSSH: a key filed without a port also proves the same host on another port.
  return entries.filter((entry) => concerns(entry, host.toLowerCase()));
}

export function judgeHostKey(text: string, host: string, port: number, key: Uint8Array): HostKeyJudgement {
  const entries = entriesFor(text, host, port);
  const same = entries.filter((entry) => Buffer.compare(entry.key, key) === 0);
  if (same.some((entry) => entry.revoked)) return { answer: "revoked" };
  if (same.length > 0) return { answer: "known" };
  const expected = entries.filter((entry) => !entry.revoked).map((entry) => fingerprint(entry.key));
  return expected.length > 0 ? { answer: "changed", expected } : { answer: "unknown" };
}

/** Key types on file for a host. A server with several keys must be asked for one of these, or a good host looks changed. */
export function knownKeyTypes(text: string, host: string, port: number): string[] {
  const types = entriesFor(text, host, port)
    .filter((entry) => !entry.revoked)
    .map((entry) => entry.keyType);
  return [...new Set(types)];
}
