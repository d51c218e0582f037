import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { headersOf, projectNode, readStamp, writeStamp } from "./npm.mjs";
import { hasCommand, lastLines, run } from "./shell.mjs";

const COMPILERS = ["gcc", "cc", "clang"];

const sourceFolder = (root) => join(root, "agents", "native");
const output = (root) =>
  join(root, "dist", "native", `${process.platform}-${process.arch}`, "understudy-io.node");

/** The headers of the Node that npm ci brought along, else of the one that runs the project. */
function nodeHeaders(root) {
  const brought = join(root, "node_modules", `node-${process.platform}-${process.arch}`, "bin", "node");
  const own = headersOf(projectNode(root));
  return existsSync(brought) ? (headersOf(brought) ?? own) : own;
}

/** What a build of the addon depends on: tried again only when one of these changed. */
function nativeKey(root, env) {
  const compiler = COMPILERS.find((name) => hasCommand(name, env));
  const headers = nodeHeaders(root);
  const hash = createHash("sha256");
  if (existsSync(sourceFolder(root))) {
    for (const name of readdirSync(sourceFolder(root)).toSorted((a, b) => (a < b ? -1 : 1))) {
      hash.update(name).update(readFileSync(join(sourceFolder(root), name)));
    }
  }
  const sources = hash.digest("hex").slice(0, 16);
  return [
    sources,
    process.arch,
    compiler ?? "no compiler",
    headers === undefined ? "no headers" : "headers",
  ].join(" ");
}

/** True when the addon was built, or could not be, with what the machine has now; it is for Linux only. */
export function nativeReady(root, { env }) {
  if (process.platform !== "linux") return true;
  const { native } = readStamp(root);
  return native?.key === nativeKey(root, env) && (!native.built || existsSync(output(root)));
}

/**
 * Builds the packet addon of agents/native into dist/native, for the architecture of this machine. It is N-API:
 * one binary serves Node 20 and later. A failure is told once and is not fatal.
 */
export async function buildNative(root, { env, log }) {
  if (nativeReady(root, { env })) return;
  const key = nativeKey(root, env);
  const problem = await compile(root, { env, log });
  if (problem !== undefined) {
    log(`The packet addon could not be built (${problem}); agents use Node's own UDP, and no raw IP.`);
  }
  writeStamp(root, { ...readStamp(root), native: { key, built: problem === undefined } });
}

/** Answers why it could not be done, undefined when it was. */
async function compile(root, { env, log }) {
  const compiler = COMPILERS.find((name) => hasCommand(name, env));
  if (compiler === undefined) return "there is no C compiler";
  const headers = nodeHeaders(root);
  if (headers === undefined) return "Node came without its headers";
  log("Building the packet addon");
  const sources = readdirSync(sourceFolder(root)).filter((name) => name.endsWith(".c"));
  const target = output(root);
  const half = `${target}.part`;
  mkdirSync(dirname(target), { recursive: true });
  const options = ["-std=c11", "-O2", "-Wall", "-Wextra", "-shared", "-fPIC", "-fvisibility=hidden"];
  const { code, output: said } = await run(
    compiler,
    [...options, "-DNAPI_VERSION=8", "-I", join(headers, "include", "node"), "-s", "-o", half, ...sources],
    { cwd: sourceFolder(root), env, log, title: compiler },
  );
  if (code !== 0) return /^.*(?:error|not found).*$/m.exec(said)?.[0].trim() ?? lastLines(said, 1);
  renameSync(half, target);
  return undefined;
}
