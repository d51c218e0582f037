import type { ClientChannel } from "ssh2";
import { createInterface } from "node:readline";

/**
 * Lives on the host as long as our connection does. It ends by signals the programs that are still
 * there when the connection is gone: a program that neither reads nor writes (a capture on a quiet
 * interface) would otherwise never learn of it. Programs get one second to see the end of their own
 * stdin first. It also hands out our signals, because many SSH servers ignore the protocol's own.
 *
 * Lines in: `watch PID`, `forget PID`, `kill PID SIGNAL`; one answer line for `watch` and `kill`.
 */
export const wardenScript = `
trap "" HUP INT PIPE
send() { kill "-$1" "$2" 2>/dev/null || sudo -n kill "-$1" "$2" 2>/dev/null; }
all=" "
while read -r verb pid signal; do
  case $verb in
    watch) all="$all$pid "; echo watched ;;
    forget) case $all in *" $pid "*) all="\${all%% $pid *} \${all#* $pid }" ;; esac ;;
    kill)
      if send "$signal" "$pid"; then echo sent
      elif LC_ALL=C kill -0 "$pid" 2>&1 | grep -q "No such process"; then echo gone
      else echo refused; fi ;;
  esac
done
# Each program leads a process group, unless sudo stands between: its children go with it.
# Only the form with -s takes a group in every shell.
end() { kill -s "$1" -- "-$2" 2>/dev/null || send "$1" "$2"; }
# The rounds are tenths of a second; a program that ends by itself is not waited for.
settle() {
  round=0
  while [ $round -lt 10 ]; do
    left=""
    for pid in $all; do end 0 "$pid" && left="$left $pid"; done
    all=$left
    [ -z "$all" ] && exit 0
    sleep 0.1; round=$((round + 1))
  done
}
settle
for pid in $all; do end TERM "$pid"; done
settle
for pid in $all; do end KILL "$pid"; done
`;

export class Warden {
  readonly #channel: ClientChannel;
  readonly #waiting: { resolve(answer: string): void; reject(error: Error): void }[] = [];
  #closed: Error | undefined;

  constructor(channel: ClientChannel, closedError: () => Error) {
    this.#channel = channel;
    channel.stderr.resume();
    createInterface({ input: channel }).on("line", (line) => this.#waiting.shift()?.resolve(line));
    channel.on("close", () => {
      this.#closed = closedError();
      for (const { reject } of this.#waiting.splice(0)) reject(this.#closed);
    });
  }

  async watch(pid: number): Promise<void> {
    await this.#ask(`watch ${pid}`);
  }

  forget(pid: number): void {
    if (!this.#closed) this.#channel.write(`forget ${pid}\n`);
  }

  /** `gone`: there is no such process any more. `refused`: it belongs to somebody else. */
  async kill(pid: number, signal: "TERM" | "INT" | "KILL"): Promise<"sent" | "gone" | "refused"> {
    const answer = await this.#ask(`kill ${pid} ${signal}`);
    return answer === "sent" || answer === "gone" ? answer : "refused";
  }

  #ask(line: string): Promise<string> {
    if (this.#closed) return Promise.reject(this.#closed);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#channel.write(`${line}\n`);
    });
  }
}
