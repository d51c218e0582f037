import { mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { type Owner, ownerShape, thisProcess } from "./owner.ts";

/** Names that a lab may use. They end up in commands of root: nothing else is ever removed. */
const labId = /^[a-z0-9]{2,8}$/;

/** Everything that a lab will make outside its folder, written down before the first thing is made. */
export interface Manifest {
  readonly version: 1;
  readonly id: string;
  readonly owner: Owner;
  readonly namespaces: readonly string[];
  /** The end of a veth pair that lies in the desk's own namespace. */
  readonly link?: string;
}

const manifestShape: z.ZodType<Manifest> = z.strictObject({
  version: z.literal(1),
  id: z.string().regex(labId),
  owner: ownerShape,
  namespaces: z.array(z.string().regex(/^us[a-z0-9]{2,8}-(a|b|peer2?|keeper|net)$/)).max(6),
  link: z.stringFormat("link", /^us[a-z0-9]{2,8}m0$/).exactOptional(),
});

export function isLabId(id: string): boolean {
  return labId.test(id);
}

function labsFolder(stateDir: string): string {
  return join(stateDir, "labs");
}

export function labFolder(stateDir: string, id: string): string {
  return join(labsFolder(stateDir), id);
}

/** Makes the lab's folder with the manifest in it, at one stroke: no sweep ever sees a folder without one. */
export function writeManifest(stateDir: string, lab: Omit<Manifest, "version" | "owner">): Manifest {
  const manifest = manifestShape.parse({ version: 1, owner: thisProcess(), ...lab });
  const draft = join(labsFolder(stateDir), `.new-${lab.id}`);
  mkdirSync(draft, { recursive: true, mode: 0o700 });
  writeFileSync(join(draft, "manifest.json"), JSON.stringify(manifest));
  renameSync(draft, labFolder(stateDir, lab.id));
  return manifest;
}

/** Labs that have a folder; without `manifest` where that file was damaged. */
export function listManifests(stateDir: string): { readonly id: string; readonly manifest?: Manifest }[] {
  let ids: string[];
  try {
    ids = readdirSync(labsFolder(stateDir));
  } catch {
    return [];
  }
  return ids
    .filter((id) => labId.test(id))
    .map((id) => {
      try {
        const text = readFileSync(join(labFolder(stateDir, id), "manifest.json"), "utf8");
        return { id, manifest: manifestShape.parse(JSON.parse(text)) };
      } catch {
        return { id };
      }
    });
}
