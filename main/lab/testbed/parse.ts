import { LineCounter, type Node, isMap, isNode, isPair, isScalar, parseDocument, visit } from "yaml";
import type { Document } from "yaml";
import { dirname, resolve } from "node:path";
import type { z } from "zod";
import { parseApplication } from "../../../agents/application/index.ts";
import type { Scheduling } from "../../deploy/index.ts";
import type { Attachment } from "../hosts.ts";
import {
  type HostKeys,
  type InterfaceKeys,
  type MemberKeys,
  type PeerReplicationKeys,
  type ReplicationKeys,
  type SshKeys,
  type TestbedFile,
  keysAt,
  testbedShape,
} from "./schema.ts";
import { nearest } from "./suggest.ts";

export interface TestbedComputer {
  readonly name: "a" | "b" | "peer" | "peer2" | "keeper";
  readonly ssh: {
    readonly host: string;
    readonly port: number;
    readonly user: string;
    /** As written, `~` for the home folder; without it an ssh-agent is asked. */
    readonly identityFile?: string;
    readonly hostKeys: "strict" | "accept-new";
    readonly knownHosts: string;
  };
  readonly workdir: string;
}

export type TestbedHost = TestbedComputer & { readonly outside: Attachment };
export type TestbedKeeper = TestbedComputer & { readonly intra: Attachment };
export type TestbedMember = TestbedHost & TestbedKeeper;

/** A testbed file with its defaults filled in. */
export interface Testbed {
  readonly fileName: string;
  readonly name: string;
  readonly udpPort: number;
  readonly transport: "udp" | "raw";
  readonly scheduling: Scheduling;
  readonly connectTimeoutMs: number;
  /** What the file says of these; each may be absent. */
  readonly replication: ReplicationKeys;
  /** A module's path is one from here on. */
  readonly application?: string;
  readonly associations?: number;
  /** The same of the outside end, where that is a cluster. */
  readonly peerReplication: PeerReplicationKeys;
  readonly hosts: {
    readonly a: TestbedMember;
    readonly b: TestbedMember;
    readonly peer: TestbedHost & { readonly intra?: Attachment };
    readonly peer2?: TestbedMember;
    readonly keeper?: TestbedKeeper;
  };
}

export interface TestbedError {
  /** From 1. */
  readonly line: number;
  readonly column: number;
  /** What is wrong and what to do, without the place. */
  readonly message: string;
}

export type TestbedResult =
  | { readonly ok: true; readonly testbed: Testbed }
  | { readonly ok: false; readonly fileName: string; readonly errors: readonly TestbedError[] };

const sizeLimit = 256 * 1024;
const secretKey = /passw(or)?d|passphrase|secret|token|private_?key/i;

interface Source {
  readonly document: Document;
  readonly lines: LineCounter;
}

function errorAt(source: Source, offset: number, message: string): TestbedError {
  const { line, col } = source.lines.linePos(offset);
  return { line, column: col, message };
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? (node as Node).range?.[0] : undefined;
}

/** Where the value at `path` begins, or the nearest thing around it that is in the file. */
function offsetOf(source: Source, path: readonly PropertyKey[]): number {
  for (let depth = path.length; depth >= 0; depth--) {
    const node = depth === 0 ? source.document.contents : source.document.getIn(path.slice(0, depth), true);
    const start = startOf(node);
    if (start !== undefined) return start;
  }
  return 0;
}

function offsetOfKey(source: Source, path: readonly PropertyKey[], key: string): number {
  const map = path.length === 0 ? source.document.contents : source.document.getIn(path, true);
  if (!isMap(map)) return offsetOf(source, path);
  const pair = map.items.find((item) => isScalar(item.key) && String(item.key.value) === key);
  return startOf(pair?.key) ?? offsetOf(source, path);
}

function unknownKey(path: readonly PropertyKey[], key: string): string {
  const known = keysAt(path);
  const meant = nearest(key, known);
  const place = path.length === 0 ? "the file" : path.join(".");
  const advice = meant === undefined ? `known here: ${known.join(", ")}` : `did you mean "${meant}"?`;
  return `unknown key "${key}" in ${place}; ${advice}`;
}

function explain(source: Source, issue: z.core.$ZodIssue): TestbedError[] {
  const { path } = issue;
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => errorAt(source, offsetOfKey(source, path, key), unknownKey(path, key)));
  }
  const name = path.join(".");
  const isMissing = source.document.getIn(path) === undefined;
  const message = isMissing
    ? `"${name}" is missing; add it`
    : `${name === "" ? "the file" : `"${name}"`}: ${issue.message.replace(/^Invalid (input|option): /, "")}`;
  return [errorAt(source, offsetOf(source, path), message)];
}

/** A testbed file is handed around and stored with runs: no secret may be in it, under any key. */
function findSecrets(source: Source): TestbedError[] {
  const found: TestbedError[] = [];
  visit(source.document, (_key, node) => {
    if (!isPair(node) || !isScalar(node.key)) return;
    const key = String(node.key.value);
    const holdsKey = isScalar(node.value) && /-----BEGIN [A-Z ]*PRIVATE KEY/.test(String(node.value.value));
    if (!secretKey.test(key) && !holdsKey) return;
    const advice = `"${key}" would put a secret into this file; name an identityFile, or use an ssh-agent`;
    found.push(errorAt(source, startOf(node.key) ?? 0, advice));
  });
  return found;
}

function milliseconds(duration: string): number {
  return duration.endsWith("ms") ? Number(duration.slice(0, -2)) : Number(duration.slice(0, -1)) * 1000;
}

function applicationFrom(fileName: string, text: string): string {
  const parsed = parseApplication(text);
  return parsed.ok && parsed.choice.kind === "module" ? resolve(dirname(fileName), text) : text;
}

function fill(file: TestbedFile, fileName: string): Testbed {
  const defaults = file.defaults ?? {};
  const computerOf = (name: TestbedComputer["name"], keys: Omit<HostKeys, "interfaces">): TestbedComputer => {
    const ssh: SshKeys & { host: string } = { ...defaults.ssh, ...keys.ssh };
    return {
      name,
      ssh: {
        host: ssh.host,
        port: ssh.port ?? 22,
        user: ssh.user ?? "root",
        hostKeys: ssh.hostKeys ?? "strict",
        knownHosts: ssh.knownHosts ?? "~/.ssh/known_hosts",
        ...(ssh.identityFile !== undefined && { identityFile: ssh.identityFile }),
      },
      workdir: keys.agent?.workdir ?? defaults.agent?.workdir ?? "/var/tmp/understudy",
    };
  };
  const placeOf = ({ dev, ip }: InterfaceKeys): Attachment => ({
    device: dev,
    address: ip.replace(/\/.*/, ""),
  });
  const memberOf = (name: "a" | "b" | "peer2", keys: MemberKeys): TestbedMember => {
    const { out, ic } = keys.interfaces;
    return { ...computerOf(name, keys), outside: placeOf(out), intra: placeOf(ic) };
  };
  const { a, b, peer, peer2, keeper } = file.hosts;
  const application = file.cluster?.application;
  return {
    fileName,
    name: file.name,
    udpPort: defaults.agent?.udpPort ?? 9899,
    transport: defaults.agent?.transport ?? "udp",
    scheduling: defaults.agent?.scheduling ?? "real-time",
    connectTimeoutMs: milliseconds(defaults.ssh?.connectTimeout ?? "10s"),
    replication: file.cluster?.replication ?? {},
    ...(application !== undefined && { application: applicationFrom(fileName, application) }),
    ...(file.cluster?.associations !== undefined && { associations: file.cluster.associations }),
    peerReplication: file.peerCluster?.replication ?? {},
    hosts: {
      a: memberOf("a", a),
      b: memberOf("b", b),
      peer: {
        ...computerOf("peer", peer),
        outside: placeOf(peer.interfaces.out),
        ...(peer.interfaces.ic && { intra: placeOf(peer.interfaces.ic) }),
      },
      ...(peer2 && { peer2: memberOf("peer2", peer2) }),
      ...(keeper && {
        keeper: { ...computerOf("keeper", keeper), intra: placeOf(keeper.interfaces.ic) },
      }),
    },
  };
}

/** Two hosts with one address would look like one in every capture. */
function findDoubles(source: Source, file: TestbedFile): TestbedError[] {
  const seen = new Map<string, string>();
  const errors: TestbedError[] = [];
  for (const name of ["a", "b", "peer", "peer2", "keeper"] as const) {
    for (const network of ["out", "ic"] as const) {
      const address = file.hosts[name]?.interfaces[network]?.ip.replace(/\/.*/, "");
      if (address === undefined) continue;
      const other = seen.get(address);
      const offset = offsetOf(source, ["hosts", name, "interfaces", network, "ip"]);
      if (other)
        errors.push(errorAt(source, offset, `${address} is also the address of ${other}; give each its own`));
      seen.set(address, `${name}.${network}`);
    }
  }
  return errors;
}

/** Reads a testbed file. Errors come with line and column, in the order of the file. */
export function parseTestbed(text: string, fileName: string): TestbedResult {
  const failed = (errors: readonly TestbedError[]): TestbedResult => ({
    ok: false,
    fileName,
    errors: errors.toSorted((left, right) => left.line - right.line || left.column - right.column),
  });
  if (text.length > sizeLimit) {
    return failed([{ line: 1, column: 1, message: `a testbed file has at most ${sizeLimit / 1024} KiB` }]);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const source = { document, lines };
  if (document.errors.length > 0) {
    return failed(
      document.errors.map((error) => errorAt(source, error.pos[0], `not YAML: ${error.message}`)),
    );
  }
  const secrets = findSecrets(source);
  if (secrets.length > 0) return failed(secrets);
  const parsed = testbedShape.safeParse(document.toJS({ maxAliasCount: 100 }));
  if (!parsed.success) return failed(parsed.error.issues.flatMap((issue) => explain(source, issue)));
  const doubles = findDoubles(source, parsed.data);
  return doubles.length > 0 ? failed(doubles) : { ok: true, testbed: fill(parsed.data, fileName) };
}

/** One line for an error, as compilers print them: `rack7.testbed.yaml:12:5: ...`. */
export function formatTestbedError(fileName: string, error: TestbedError): string {
  return `${fileName}:${error.line}:${error.column}: ${error.message}`;
}
