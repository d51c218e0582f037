import { type ChildProcess, spawn } from "node:child_process";
import type { AddressInfo } from "node:net";
import { userInfo } from "node:os";
import ssh2 from "ssh2";
import type { AuthContext, Connection, ServerChannel, Session } from "ssh2";
import { LabError } from "../hosts.ts";
import { serveSftp } from "./loopback-sftp.ts";
import { widePath } from "./run.ts";

export interface LoopbackServerRequest {
  readonly address: string;
  /** OpenSSH private key text. */
  readonly hostKey: string;
  /** The one public key that may log in. */
  readonly userKey: string;
  /** Programs start in this folder. */
  readonly home: string;
}

export interface LoopbackServer {
  readonly address: string;
  readonly port: number;
  readonly user: string;
  /** Ends every connection and waits for the programs that were started. */
  close(): Promise<void>;
}

function isOurUser(context: AuthContext, user: string, userKey: string): boolean {
  const key = ssh2.utils.parseKey(userKey);
  if (key instanceof Error) throw key;
  if (context.method !== "publickey" || context.username !== user) return false;
  if (!key.getPublicSSH().equals(context.key.data)) return false;
  // The first request of RFC 4252 section 7 only asks whether this key would do, without a signature.
  if (!context.signature || !context.blob) return true;
  return key.verify(context.blob, context.signature, context.hashAlgo) === true;
}

/** Runs one command as sshd does: through a shell, with its input and output on the channel. */
function runCommand(command: string, home: string, channel: ServerChannel): ChildProcess {
  const child = spawn("/bin/sh", ["-c", command], {
    cwd: home,
    env: { ...process.env, PATH: widePath },
    // A Ctrl-C at the desk's terminal must not reach what runs on a host.
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
  });
  // A program may end before it has read all, and a client may go before it has read all: both are ordinary.
  for (const stream of [child.stdin, child.stdout, child.stderr, channel]) stream.on("error", () => {});
  channel.pipe(child.stdin);
  child.stdout.pipe(channel, { end: false });
  child.stderr.pipe(channel.stderr, { end: false });
  child.once("error", (error) => {
    channel.stderr.write(`${error.message}\n`);
    channel.exit(126);
    channel.end();
  });
  child.once("close", (code, signal) => {
    if (signal) channel.exit(signal.slice(3));
    else channel.exit(code ?? 0);
    channel.end();
  });
  channel.once("close", () => {
    child.stdin.destroy();
    child.stdout.destroy();
    child.stderr.destroy();
  });
  return child;
}

export async function startLoopbackServer(request: LoopbackServerRequest): Promise<LoopbackServer> {
  const user = userInfo().username;
  const connections = new Set<Connection>();
  const ends = new Set<Promise<void>>();
  const serveSession = (session: Session): void => {
    session.on("exec", (accept, _reject, info) => {
      const child = runCommand(info.command, request.home, accept());
      const ended = new Promise<void>((resolve) => {
        child.once("close", () => resolve()).once("error", () => resolve());
      });
      ends.add(ended);
      void ended.then(() => ends.delete(ended));
    });
    session.on("sftp", (accept) => serveSftp(accept()));
  };
  const server = new ssh2.Server({ hostKeys: [request.hostKey] }, (connection) => {
    // Answers are small and come in several packets: held back, each would cost a delayed acknowledgement.
    // ssh2's declarations lack the method.
    if ("setNoDelay" in connection && typeof connection.setNoDelay === "function")
      connection.setNoDelay(true);
    connections.add(connection);
    connection.once("close", () => connections.delete(connection));
    // A client that breaks off is no trouble of the server's.
    connection.on("error", () => connections.delete(connection));
    connection.on("authentication", (context) => {
      if (isOurUser(context, user, request.userKey)) context.accept();
      else context.reject(["publickey"]);
    });
    connection.on("session", (accept) => serveSession(accept()));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause: Error) => {
      const fix =
        process.platform === "linux"
          ? "check the loopback interface"
          : `run: sudo ifconfig lo0 alias ${request.address}`;
      reject(
        new LabError(`This machine does not answer on ${request.address} (${cause.message}): ${fix}.`, {
          cause,
        }),
      );
    });
    server.listen(0, request.address, resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    address: request.address,
    port,
    user,
    async close() {
      for (const connection of connections) connection.end();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await Promise.all(ends);
    },
  };
}
