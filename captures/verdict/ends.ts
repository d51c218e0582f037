import type { History, HistoryHost, RunTerms } from "./history.ts";

const rolesAcross: Readonly<Record<HistoryHost["role"], HistoryHost["role"]>> = {
  primary: "peer",
  secondary: "peer-secondary",
  peer: "primary",
  "peer-secondary": "secondary",
  keeper: "keeper",
};

/** Whether a host is of the outside end. */
export const isOutside = ({ role }: HistoryHost): boolean => role === "peer" || role === "peer-secondary";

/** A fault as the other end names it: what is done to this one is done to its peer. */
function faultAcross(fault: string): string {
  if (fault.includes("@both")) return fault;
  return fault.endsWith("@peer") ? fault.slice(0, -"@peer".length) : `${fault}@peer`;
}

function termsAcross({ peerPolicy, peerFencing, fault }: RunTerms): RunTerms {
  return {
    placement: "standby",
    ...(peerPolicy === undefined ? {} : { policy: peerPolicy }),
    ...(peerFencing === undefined ? {} : { fencing: peerFencing }),
    ...(fault === undefined ? {} : { fault: faultAcross(fault) }),
  };
}

/** The hosts as seen from the outside end, where that is a cluster, too; undefined: it is one computer. */
export function hostsAcross(hosts: readonly HistoryHost[]): HistoryHost[] | undefined {
  if (!hosts.some(({ role }) => role === "peer-secondary")) return undefined;
  return hosts
    .filter(({ role }) => role !== "keeper")
    .map((host) => ({ ...host, role: rolesAcross[host.role] }));
}

/**
 * The same run as seen from the outside end, where that is a cluster, too: there its members are the primary and
 * the secondary, and the others are the peer. The keeper is not of that end. Undefined: it is one computer.
 */
export function fromOutside(history: History): History | undefined {
  const hosts = hostsAcross(history.hosts);
  if (hosts === undefined) return undefined;
  return { ...history, hosts, terms: termsAcross(history.terms ?? {}) };
}

/** The history with the books of this end's own computers: both ends number their updates and epochs from 1. */
export function withOwnBooks(history: History): History {
  const outside = new Set(history.hosts.filter(isOutside).map(({ name }) => name));
  const own = <Record extends { readonly host: string }>(records: readonly Record[]): readonly Record[] =>
    records.filter(({ host }) => !outside.has(host));
  return { ...history, updates: own(history.updates), acked: own(history.acked) };
}
