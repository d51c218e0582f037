import type { Client, ClientChannel, SFTPWrapper } from "ssh2";
import type { ProcessRunner } from "../../captures/live/process-runner.ts";
import { type ExecOptions, type ExecResult, type RemoteShell, collectExec } from "./exec.ts";
import { HostError } from "./host-error.ts";
import { uploadFile } from "./sftp-upload.ts";
import { runProgram, runWatchedProgram, scriptLine } from "./shell.ts";
import { type SshTarget, describeTarget } from "./ssh-target.ts";
import { Warden, wardenScript } from "./warden.ts";
import { type RemoteProcess, newMark, watchedProcess } from "./watched-process.ts";

const farewellMs = 2000;

/** One machine that we are logged in to. Made by `connectSsh`. */
export class SshHost implements ProcessRunner, RemoteShell {
  readonly target: SshTarget;
  readonly where: string;
  readonly sharesFiles: boolean;
  /** Settles when the connection broke without our doing; never after `close()`. */
  readonly lost: Promise<HostError>;
  readonly #client: Client;
  #warden: Promise<Warden> | undefined;
  #sftp: Promise<SFTPWrapper> | undefined;
  #ended: "open" | "closed" | "lost" = "open";
  #lastError: Error | undefined;

  constructor(client: Client, target: SshTarget, sharesFiles: boolean) {
    this.#client = client;
    this.target = target;
    this.where = describeTarget(target);
    this.sharesFiles = sharesFiles;
    client.on("error", (error) => {
      this.#lastError = error;
    });
    this.lost = new Promise((resolve) => {
      client.once("close", () => {
        if (this.#ended === "closed") return;
        this.#ended = "lost";
        resolve(this.#lostError());
      });
    });
  }

  /** The host's name in the lab. */
  get name(): string {
    return this.target.name;
  }

  /**
   * Runs a short program to its end. `asRoot` puts `sudo -n` before it where the user is not root.
   * Rejects with a HostError when the connection breaks, the time is over or it prints too much; an
   * exit code other than 0 is an ordinary result (127: no such program).
   */
  async exec(argv: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    return await this.script(runProgram, argv, options);
  }

  /** Like `exec`, for a POSIX shell script that gets `args` as `$1`, `$2`, ... */
  async script(script: string, args: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    const mark = newMark();
    const asRoot = this.#needsSudo(options.asRoot);
    const channel = await this.#open(scriptLine(`echo "${mark} $$" >&2; ${script}`, args, asRoot));
    return await collectExec(channel, options, {
      name: this.name,
      where: this.where,
      program: script === runProgram ? (args[0] ?? "") : "a script",
      mark,
      lostError: () => this.#lostError(),
      kill: (pid) => {
        // The caller already has the error that led here; whether this helps as well changes nothing for it.
        this.#open(scriptLine('kill -KILL "$1"', [pid], asRoot)).then(
          (killer) => killer.resume(),
          () => {},
        );
      },
    });
  }

  /**
   * Starts a long-running program and streams its input and output. When the connection goes, the
   * program sees the end of its stdin; one that is still there after a second is ended by signals.
   * Rejects with a HostError (`no-program`) when it is not there.
   */
  async spawn(argv: readonly string[], options: { readonly asRoot?: boolean } = {}): Promise<RemoteProcess> {
    this.#warden ??= this.#startWarden();
    const warden = await this.#warden.catch((error: unknown) => {
      this.#warden = undefined;
      throw error;
    });
    const mark = newMark();
    const channel = await this.#open(
      scriptLine(runWatchedProgram, [mark, ...argv], this.#needsSudo(options.asRoot)),
    );
    return await watchedProcess(channel, {
      name: this.name,
      where: this.where,
      program: argv[0] ?? "",
      mark,
      warden,
      lostError: () => this.#lostError(),
    });
  }

  /**
   * Puts a whole file there under a temporary name, then renames it: it is there completely or not at
   * all. `mode` as in chmod(2). Rejects with a HostError (`disk-full`, `forbidden`, `lost`, `remote`).
   */
  async upload(bytes: Uint8Array, remotePath: string, mode: number): Promise<void> {
    this.#sftp ??= this.#openSftp();
    // A failed attempt is not kept: the next call tries anew.
    const sftp = await this.#sftp.catch((error: unknown) => {
      this.#sftp = undefined;
      throw error;
    });
    await uploadFile(this, sftp, { bytes, remotePath, mode });
  }

  /** Logs out. Programs that were started by `spawn` end. */
  async close(): Promise<void> {
    if (this.#ended !== "open") return;
    this.#ended = "closed";
    await new Promise<void>((resolve) => {
      // A machine that has vanished does not answer the farewell.
      const timer = setTimeout(() => this.#client.destroy(), farewellMs);
      this.#client.once("close", () => {
        clearTimeout(timer);
        resolve();
      });
      this.#client.end();
    });
  }

  /** False when the connection broke or was closed. */
  get isOpen(): boolean {
    return this.#ended === "open";
  }

  #needsSudo(asRoot: boolean | undefined): boolean {
    return asRoot === true && this.target.user !== "root";
  }

  #lostError(): HostError {
    if (this.#ended === "closed") {
      return new HostError("lost", this.name, `The connection to ${this.where} was closed by us.`);
    }
    const reason = this.#lastError ? ` (${this.#lastError.message})` : "";
    return new HostError(
      "lost",
      this.name,
      `The SSH connection to ${this.where} broke${reason}: check the machine and the network to it, then start again.`,
      this.#lastError ? { cause: this.#lastError } : undefined,
    );
  }

  async #startWarden(): Promise<Warden> {
    const channel = await this.#open(scriptLine(wardenScript, [], false));
    return new Warden(channel, () => this.#lostError());
  }

  #openSftp(): Promise<SFTPWrapper> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== "open") return reject(this.#lostError());
      this.#client.sftp((error, sftp) => {
        if (!error) {
          sftp.once("close", () => {
            this.#sftp = undefined;
          });
          return resolve(sftp);
        }
        const text = `${this.where} offers no SFTP (${error.message}): enable "Subsystem sftp internal-sftp" in its sshd_config.`;
        reject(new HostError("remote", this.name, text, { cause: error }));
      });
    });
  }

  #open(command: string): Promise<ClientChannel> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== "open") return reject(this.#lostError());
      const onChannel = (error: Error | undefined, channel: ClientChannel): void => {
        if (!error) return resolve(channel);
        if (this.#ended !== "open") return reject(this.#lostError());
        const text = `${this.where} opens no further session (${error.message}): raise MaxSessions in its sshd_config.`;
        reject(new HostError("remote", this.name, text, { cause: error }));
      };
      try {
        this.#client.exec(command, onChannel);
      } catch (cause) {
        // ssh2 throws when the socket is already gone and its close event is still to come.
        this.#lastError ??= cause instanceof Error ? cause : new Error(String(cause));
        reject(this.#lostError());
      }
    });
  }
}
