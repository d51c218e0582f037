import { ok } from "node:assert";

/** One word for a POSIX shell, whatever is in it. */
function quote(word: string): string {
  ok(!word.includes("\0"), "a command line cannot carry a NUL");
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** An SSH command is one string that the user's shell takes apart again: this makes each word of `argv` survive that. */
export function commandLine(argv: readonly string[]): string {
  return argv.map(quote).join(" ");
}

/** Daemons' tools (ip, nft, tcpdump) lie in folders that a user's PATH often lacks. */
const widerPath = "PATH=${PATH:-/usr/bin:/bin}:/usr/local/sbin:/usr/sbin:/sbin; export PATH";

/** Runs `script` with the arguments as `$1`, `$2`, ... The login shell replaces itself, so that exit signals stay visible. */
export function scriptLine(script: string, args: readonly string[], asRoot: boolean): string {
  const sudo = asRoot ? ["sudo", "-n"] : [];
  return `exec ${commandLine([...sudo, "sh", "-c", `${widerPath}; ${script}`, "sh", ...args])}`;
}

export const runProgram = 'exec "$@"';

/**
 * Starts a program under the eyes of a watcher: says its process number on stderr, waits for one line on
 * stdin (the word that it is now watched), and only then becomes the program. `$1` marks the line, the rest is the program.
 */
export const runWatchedProgram: string = [
  "mark=$1; shift",
  'command -v -- "$1" >/dev/null 2>&1 || { echo "$mark missing" >&2; exit 127; }',
  'echo "$mark $$" >&2',
  'read -r go && exec "$@"',
].join("; ");
