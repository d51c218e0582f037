import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

const KEPT_CHARACTERS = 256 * 1024;
const STILL_WORKING_MS = 15_000;

/** A fault of the machine or of its operator: one sentence to print, without a stack. */
export class SetupError extends Error {}

/** True when the command is in PATH, or where Debian keeps what belongs to root. */
export function hasCommand(name, env) {
  const folders = [...(env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * Runs a program and keeps the end of its output. Resolves to {code, output}; code is -1 when it
 * could not be started. `log`, where given, says every 15 s that the work goes on.
 */
export function run(command, args, { cwd, env, log, title = command }) {
  return new Promise((resolve) => {
    const started = Date.now();
    const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    const keep = (text) => {
      output = (output + text).slice(-KEPT_CHARACTERS);
    };
    child.stdout.setEncoding("utf8").on("data", keep);
    child.stderr.setEncoding("utf8").on("data", keep);
    const ticker = setInterval(() => {
      log?.(`${title}: still working (${Math.round((Date.now() - started) / 1000)} s)`);
    }, STILL_WORKING_MS);
    const finish = (code) => {
      clearInterval(ticker);
      resolve({ code, output });
    };
    child.once("error", (error) => {
      keep(`${error.message}\n`);
      finish(-1);
    });
    child.once("close", (code) => finish(code ?? -1));
  });
}

const NO_NETWORK =
  /could not resolve|temporary failure (in name )?resolv|failed to fetch|network is unreachable|unable to connect|connection (refused|timed out|failed)|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH/i;

/** Whether a program's output says that it could not reach the network. */
export function saysNoNetwork(output) {
  return NO_NETWORK.test(output);
}

/** The last lines of an output, for a person. */
export function lastLines(output, count) {
  return output.trimEnd().split("\n").slice(-count).join("\n");
}
