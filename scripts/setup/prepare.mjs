import { buildBundles, bundlesReady } from "./build.mjs";
import { installPackages, missingPackages } from "./debian.mjs";
import { fetchElectron } from "./electron.mjs";
import { withLock } from "./lock.mjs";
import { buildNative, nativeReady } from "./native.mjs";
import { buildCap, capReady, installNpmPackages, packagesReady } from "./npm.mjs";
import { debianPackages, VERBS } from "./verbs.mjs";

/**
 * Does the set-up that a verb needs; when nothing is missing it does nothing, takes no lock and
 * prints nothing. Throws SetupError where the verb cannot run at all.
 */
export async function prepare(root, verb, args, { env, log, isRoot }) {
  const needs = VERBS[verb];
  const packages = debianPackages(verb, args);
  const options = { env, log, isRoot };
  const missing = await missingPackages(packages, options);
  const ready =
    packagesReady(root) &&
    (!needs.cap || capReady(root, options)) &&
    (!needs.native || nativeReady(root, options)) &&
    (!needs.build || bundlesReady(root)) &&
    missing.length === 0;
  if (!ready) {
    await withLock(root, log, async () => {
      await installPackages(packages, options);
      await installNpmPackages(root, options);
      if (needs.cap) await buildCap(root, options);
      if (needs.native) await buildNative(root, options);
      if (needs.build) await buildBundles(root, options);
    });
  }
  if (needs.electron) await fetchElectron(root, options);
}
