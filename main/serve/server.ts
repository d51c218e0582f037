import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer, type WebSocket } from "ws";
import type { DeskLink } from "../api/contract.ts";
import { isOwnHost, isOwnOrigin, securityHeaders } from "./headers.ts";
import { answerRequest } from "./requests.ts";
import { createSession, type Session } from "./session.ts";
import { loadStaticFiles, type StaticFile } from "./static-files.ts";

export interface ServeOptions {
  readonly desk: DeskLink;
  /** Folder with the built interface: index.html, app.js, app.css. */
  readonly rendererDir: string;
  /** Address to bind; loopback unless a person asked for another. */
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Hears of everything that the desk threw and of connections that broke the rules. */
  readonly onError?: (error: unknown) => void;
}

export interface ServedDesk {
  /** Address with the one-time token: for one browser, once. */
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

interface Site {
  readonly desk: DeskLink;
  readonly host: string;
  readonly session: Session;
  readonly files: ReadonlyMap<string, StaticFile>;
  readonly onError: (error: unknown) => void;
}

const MAX_REQUEST_BYTES = 64 * 1024;
const MAX_CONNECTIONS = 16;
const MAX_REQUESTS_AT_ONCE = 64;
/** A reader that does not take its answers is cut off before they fill the memory. */
const MAX_UNREAD_BYTES = 64 * 1024 * 1024;

/**
 * Serves the interface and the desk to one browser. Throws one clear sentence where the interface is
 * not built or the port cannot be had.
 */
export async function serveDesk(options: ServeOptions): Promise<ServedDesk> {
  const files = await loadStaticFiles(options.rendererDir);
  const server = createServer();
  await listen(server, options.host, options.port);
  const { port } = server.address() as AddressInfo;
  const session = createSession(port);
  const site: Site = {
    desk: options.desk,
    host: options.host,
    session,
    files,
    onError: options.onError ?? (() => undefined),
  };
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_REQUEST_BYTES,
    perMessageDeflate: false,
  });
  server.on("request", (request, response) => {
    respond(site, request, response);
  });
  server.on("upgrade", (request, stream, head) => {
    upgrade(site, sockets, request, stream, head);
  });
  return {
    url: `http://${urlHost(options.host)}:${port}/open?token=${session.token}`,
    port,
    close: () => closeAll(server, sockets),
  };
}

function urlHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      reject(new Error(listenFailure(error, host, port), { cause: error }));
    });
    server.listen(port, host, resolve);
  });
}

function listenFailure(error: NodeJS.ErrnoException, host: string, port: number): string {
  switch (error.code) {
    case "EADDRINUSE":
      return `Port ${port} on ${host} is taken by another program; choose another port, or 0 for any free one.`;
    case "EACCES":
      return `Port ${port} on ${host} needs rights that this user has not; choose a port above 1023.`;
    case "EADDRNOTAVAIL":
      return `This machine has no address ${host}; choose 127.0.0.1.`;
    default:
      return `The interface cannot be served on ${host} port ${port}: ${error.message}.`;
  }
}

function closeAll(server: Server, sockets: WebSocketServer): Promise<void> {
  for (const socket of sockets.clients) socket.terminate();
  return new Promise((resolve, reject) => {
    server.close((error) => {
      if (error === undefined) resolve();
      else reject(error);
    });
    server.closeAllConnections();
  });
}

function respond(site: Site, request: IncomingMessage, response: ServerResponse): void {
  const { host, origin, cookie } = request.headers;
  const say = (status: number, text: string, extra: Record<string, string> = {}): void => {
    const headers = {
      ...securityHeaders("127.0.0.1"),
      "Content-Type": "text/plain; charset=utf-8",
      ...extra,
    };
    response.writeHead(status, headers).end(`${text}\n`);
  };
  if (host === undefined || !isOwnHost(host, site.host)) {
    say(
      403,
      "Refused: this desk answers only under its own address. Open the address that Understudy printed.",
    );
    return;
  }
  if (origin !== undefined && !isOwnOrigin(origin, host)) {
    say(403, "Refused: the request comes from a page of another origin.");
    return;
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    say(405, "Only GET is answered here.", { Allow: "GET, HEAD" });
    return;
  }
  const url = URL.parse(request.url ?? "/", "http://desk");
  if (url === null) {
    say(400, "This is not an address.");
    return;
  }
  if (url.pathname === "/open") {
    openSession(site, url.searchParams.get("token") ?? "", cookie, say);
    return;
  }
  if (!site.session.holds(cookie)) {
    say(
      403,
      "Refused: open the address that Understudy printed when it started; it carries the key to this page.",
    );
    return;
  }
  const file = site.files.get(url.pathname);
  if (file === undefined) {
    say(404, "There is no such page.");
    return;
  }
  response.writeHead(200, {
    ...securityHeaders(host),
    "Content-Type": file.contentType,
    "Content-Length": file.bytes.length,
  });
  response.end(request.method === "HEAD" ? undefined : file.bytes);
}

type Say = (status: number, text: string, extra?: Record<string, string>) => void;

function openSession(site: Site, token: string, cookie: string | undefined, say: Say): void {
  const secret = site.session.exchange(token);
  if (secret !== undefined) {
    const value = `${site.session.cookieName}=${secret}; Path=/; HttpOnly; SameSite=Strict`;
    say(303, "Welcome.", { Location: "/", "Set-Cookie": value });
    return;
  }
  // The browser that has the cookie may use its old address again.
  if (site.session.holds(cookie)) say(303, "Welcome back.", { Location: "/" });
  else say(403, "Refused: this address is wrong or was used already. Start Understudy again for a new one.");
}

function upgrade(
  site: Site,
  sockets: WebSocketServer,
  request: IncomingMessage,
  stream: Duplex,
  head: Buffer,
): void {
  const { host, origin, cookie } = request.headers;
  const refuse = (status: string): void => {
    stream.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  };
  // A browser that goes away in the middle of the handshake is no fault of ours.
  const ignore = (): void => undefined;
  stream.on("error", ignore);
  if (request.url !== "/desk") refuse("404 Not Found");
  else if (!isOwnHost(host, site.host) || !isOwnOrigin(origin, host) || !site.session.holds(cookie))
    refuse("403 Forbidden");
  else if (sockets.clients.size >= MAX_CONNECTIONS) refuse("503 Service Unavailable");
  else {
    sockets.handleUpgrade(request, stream, head, (socket) => {
      stream.off("error", ignore);
      converse(site, socket);
    });
  }
}

function converse(site: Site, socket: WebSocket): void {
  let atOnce = 0;
  // ws closes the connection itself after a broken frame or one beyond `maxPayload`.
  socket.on("error", site.onError);
  socket.on("message", (data, isBinary) => {
    if (isBinary || atOnce >= MAX_REQUESTS_AT_ONCE || socket.bufferedAmount > MAX_UNREAD_BYTES) {
      site.onError(new Error("A connection of the interface broke the rules and was closed"));
      socket.close(1008, "too much at once");
      return;
    }
    atOnce += 1;
    // A Buffer, because `binaryType` is left at its default.
    void answerRequest(site.desk, (data as Buffer).toString(), site.onError).then((reply) => {
      atOnce -= 1;
      if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(reply));
    });
  });
}
