import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { hasCommand, lastLines, run, saysNoNetwork, SetupError } from "./shell.mjs";

const MIN_NODE_MAJOR = 24;

const stampFile = (root) => join(root, "node_modules", ".understudy-setup.json");

/** What the set-up did in this node_modules: {lock: hash, cap: {key, built}, native: {key, built}}. */
export function readStamp(root) {
  try {
    return JSON.parse(readFileSync(stampFile(root), "utf8"));
  } catch {
    // Missing or damaged: the same as nothing done yet.
    return {};
  }
}

export function writeStamp(root, stamp) {
  mkdirSync(dirname(stampFile(root)), { recursive: true });
  writeFileSync(stampFile(root), `${JSON.stringify(stamp)}\n`);
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

/** npm's own record of what lies in node_modules agrees with the lock file (someone ran npm by hand). */
function installedAsLocked(root) {
  const wanted = readJson(join(root, "package-lock.json"))?.packages;
  const present = readJson(join(root, "node_modules", ".package-lock.json"))?.packages;
  if (wanted === undefined || present === undefined) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === "") return true;
    const found = present[path];
    // Packages for other systems are locked but not installed.
    if (found === undefined) return entry.optional === true || entry.devOptional === true;
    return found.version === entry.version && found.integrity === entry.integrity;
  });
}

const lockHash = (root) =>
  createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");

/** True when node_modules is what package-lock.json asks for. */
export function packagesReady(root) {
  return existsSync(join(root, "node_modules")) && readStamp(root).lock === lockHash(root);
}

/** npm ci, unless node_modules is already right. Throws SetupError: nothing works without it. */
export async function installNpmPackages(root, { env, log }) {
  if (packagesReady(root)) return;
  const lock = lockHash(root);
  if (installedAsLocked(root)) {
    writeStamp(root, { lock });
    return;
  }
  if (!hasCommand("npm", env))
    throw new SetupError("npm is missing: install it (Debian: apt-get install npm).");
  log("Installing npm packages (npm ci)");
  // npm ci empties node_modules first, so npm must not run on a Node that lies in there.
  const outside = (env.PATH ?? "")
    .split(delimiter)
    .filter((folder) => !folder.startsWith(join(root, "node_modules")));
  const { code, output } = await run(
    "npm",
    ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
    { cwd: root, env: { ...env, PATH: outside.join(delimiter) }, log, title: "npm ci" },
  );
  if (code !== 0) {
    if (saysNoNetwork(output)) {
      throw new SetupError(
        "npm cannot reach its registry: connect this machine to a network and run this again.",
      );
    }
    throw new SetupError(`npm ci failed:\n${lastLines(output, 15)}`);
  }
  writeStamp(root, { lock });
}

/** The Node that runs the project: this one from 24 on, else the one that npm ci brought along. */
export function projectNode(root) {
  if (Number.parseInt(process.versions.node, 10) >= MIN_NODE_MAJOR) return process.execPath;
  const binary = join(root, "node_modules", `node-${process.platform}-${process.arch}`, "bin", "node");
  if (existsSync(binary)) return binary;
  throw new SetupError(
    `Understudy needs Node ${MIN_NODE_MAJOR} and brings none for ${process.platform} ${process.arch}; ` +
      `this is ${process.version}. Install Node ${MIN_NODE_MAJOR} or later and run this again.`,
  );
}

/** The folder above `include/node`; undefined for a Node without headers. */
export function headersOf(nodeBinary) {
  const prefix = dirname(dirname(realpathSync(nodeBinary)));
  return existsSync(join(prefix, "include", "node", "node_version.h")) ? prefix : undefined;
}

/** What a build of `cap` depends on: tried again only when one of these changed. */
function capKey(root, node, env) {
  const tools = ["g++", "make", "python3"].map((name) => (hasCommand(name, env) ? name : `no ${name}`));
  const pcap = existsSync("/usr/include/pcap.h") ? "pcap.h" : "no pcap.h";
  const version = readJson(join(root, "node_modules", "cap", "package.json"))?.version;
  const brought = readJson(join(dirname(dirname(realpathSync(node))), "package.json"))?.version;
  const runtime = node === process.execPath ? process.versions.node : brought;
  return [version, runtime, ...tools, pcap].join(" ");
}

/** True when the libpcap binding was built, or could not be, with what the machine has now. */
export function capReady(root, { env }) {
  return readStamp(root).cap?.key === capKey(root, projectNode(root), env);
}

/** Builds the libpcap binding for the project's Node. A failure is told once and is not fatal. */
export async function buildCap(root, { env, log }) {
  if (capReady(root, { env })) return;
  const node = projectNode(root);
  const key = capKey(root, node, env);
  log("Building the libpcap binding (npm rebuild cap)");
  const headers = headersOf(node);
  const { code, output } = await run(
    "npm",
    ["rebuild", "cap", "--ignore-scripts=false", "--loglevel=error"],
    {
      cwd: root,
      env: {
        ...env,
        PATH: [dirname(node), join(root, "node_modules", ".bin"), env.PATH ?? ""].join(delimiter),
        ...(headers === undefined ? {} : { npm_config_nodedir: headers }),
      },
      log,
      title: "npm rebuild cap",
    },
  );
  const built = code === 0 && existsSync(join(root, "node_modules", "cap", "build", "Release", "cap.node"));
  if (!built) {
    const told = /^.*(?:fatal error|not found|gyp ERR! stack Error).*$/m.exec(output)?.[0];
    const reason = told?.replace(/^.*gyp ERR! (?:stack Error: )?/, "").trim();
    log(
      `The libpcap binding could not be built (${reason ?? lastLines(output, 1)}); captures use dumpcap or tcpdump instead.`,
    );
  }
  writeStamp(root, { ...readStamp(root), cap: { key, built } });
}
