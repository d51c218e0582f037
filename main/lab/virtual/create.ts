import { randomInt } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Lab, LabError } from "../hosts.ts";
import { lockState } from "./lock.ts";
import { makeLoopbackLab } from "./loopback-lab.ts";
import { isLabId, labFolder, writeManifest } from "./manifest.ts";
import { makeNetnsLab, whyNoNamespaces } from "./netns-lab.ts";
import { NamespacesRefused, type NetworkNames, networkNames } from "./network.ts";
import type { Parts } from "./parts.ts";
import { removeLabNow, startReaper, sweepStaleLabs } from "./removal.ts";

export interface VirtualLabRequest {
  /** Holds the lock and the labs' folders; one lab at a time. */
  readonly stateDir: string;
  log(line: string): void;
  /** 2 to 8 small letters and digits; drawn where none is given. */
  readonly id?: string;
  /** Default `auto`: namespaces where this system lets us, else loopback. */
  readonly kind?: "auto" | "netns" | "loopback";
  /** RFC 6951 encapsulation; default 9899. */
  readonly udpPort?: number;
  /** Whether there is to be a host `keeper`, the third computer of a cluster; default false. */
  readonly withKeeper?: boolean;
  /** Whether there is to be a host `peer2`, so that the outside end is a cluster, too; default false. */
  readonly withPeer2?: boolean;
}

function isTaken(names: NetworkNames): boolean {
  return Object.values(names.namespaces).some((name) => existsSync(join("/run/netns", name)));
}

/** Whatever is made under the lab's names is removed in the end: they must not be somebody else's before. */
function chooseId(wanted: string | undefined): string {
  for (;;) {
    const id =
      wanted ??
      randomInt(36 ** 4)
        .toString(36)
        .padStart(4, "0");
    if (!isTaken(networkNames(id, { withKeeper: true, withPeer2: true }))) return id;
    if (wanted !== undefined) {
      throw new LabError(
        `There are already network namespaces of a lab ${id} on this machine: choose another id.`,
      );
    }
  }
}

/** The port registered for RFC 6951. */
const defaultUdpPort = 9899;

interface Made {
  readonly parts: Parts;
  dispose(): Promise<void>;
}

/** Announces, then makes one lab; leaves nothing behind when that fails. */
async function make(
  request: VirtualLabRequest,
  stateDir: string,
  id: string,
  kind: "netns" | "loopback",
): Promise<Made> {
  const { withKeeper, withPeer2 } = request;
  const extra = { withKeeper, withPeer2 };
  const names = networkNames(id, extra);
  const outside =
    kind === "netns" ? { namespaces: Object.values(names.namespaces), link: names.link } : { namespaces: [] };
  const manifest = writeManifest(stateDir, { id, ...outside });
  const reaper = startReaper(stateDir, manifest);
  const remove = async (): Promise<void> => {
    await removeLabNow(stateDir, manifest);
    reaper.dismiss();
  };
  try {
    const build = kind === "netns" ? makeNetnsLab : makeLoopbackLab;
    const udpPort = request.udpPort ?? defaultUdpPort;
    const folder = labFolder(stateDir, id);
    const parts = await build({ id, folder, udpPort, extra, log: request.log });
    return {
      parts,
      async dispose() {
        await parts.close();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

function chooseKind(request: VirtualLabRequest): { kind: "netns" | "loopback"; limits: string[] } {
  if (request.kind === "loopback") return { kind: "loopback", limits: [] };
  const reason = whyNoNamespaces();
  if (reason === undefined) return { kind: "netns", limits: [] };
  if (request.kind === "netns") {
    throw new LabError(`There can be no lab of network namespaces here: ${reason}; use the loopback lab.`);
  }
  request.log(`loopback lab, because ${reason}`);
  return { kind: "loopback", limits: [`The hosts are not separate machines, because ${reason}.`] };
}

/**
 * Makes three virtual computers on this machine, or up to five: network namespaces with a real sshd each, or, where
 * that cannot be, loopback addresses with an SSH server in this process. Labs of dead desks in the same
 * state folder are removed first; this one is removed by `dispose()`, and by a reaper when this process
 * dies in any way. Rejects with a LabError, also when another lab holds the state folder.
 */
export async function createVirtualLab(request: VirtualLabRequest): Promise<Lab> {
  const stateDir = resolve(request.stateDir);
  if (request.id !== undefined && !isLabId(request.id)) {
    throw new LabError(`"${request.id}" cannot be the id of a lab: give 2 to 8 small letters and digits.`);
  }
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const udpPort = request.udpPort ?? defaultUdpPort;
  const unlock = lockState(stateDir);
  try {
    const swept = await sweepStaleLabs(stateDir);
    if (swept.length > 0) request.log(`removed what earlier runs left behind: ${swept.join(", ")}`);
    const id = chooseId(request.id);
    const { kind, limits } = chooseKind(request);
    try {
      return labOf(await make(request, stateDir, id, kind), { id, kind, limits, udpPort }, unlock);
    } catch (error) {
      if (!(error instanceof NamespacesRefused) || request.kind === "netns") throw error;
      request.log(`loopback lab instead: ${error.message}`);
      const reasons = [`The hosts are not separate machines: ${error.message}`];
      const made = await make(request, stateDir, id, "loopback");
      return labOf(made, { id, kind: "loopback", limits: reasons, udpPort }, unlock);
    }
  } catch (error) {
    unlock();
    throw error;
  }
}

function labOf(made: Made, about: Pick<Lab, "id" | "kind" | "limits" | "udpPort">, unlock: () => void): Lab {
  const { parts } = made;
  let disposed: Promise<void> | undefined;
  const disposeOnce = async (): Promise<void> => {
    try {
      await made.dispose();
    } finally {
      unlock();
    }
  };
  return {
    ...about,
    limits: [...about.limits, ...parts.limits],
    hosts: parts.hosts,
    cut: (place) => parts.cut(place),
    heal: (place) => parts.heal(place),
    dispose: () => (disposed ??= disposeOnce()),
  };
}
