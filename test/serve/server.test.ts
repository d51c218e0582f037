import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { request, type IncomingHttpHeaders } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { serveDesk, type ServedDesk } from "../../main/serve/index.ts";
import { fixtureDesk } from "../../renderer/link/fixture.ts";

const desk = fixtureDesk({ seed: 1, empty: true });
let rendererDir = "";
const open: ServedDesk[] = [];
const errors: unknown[] = [];

beforeAll(async () => {
  rendererDir = await mkdtemp(join(tmpdir(), "understudy-serve-"));
  for (const name of ["index.html", "app.js", "app.css"])
    await writeFile(join(rendererDir, name), `the ${name}`);
  await writeFile(join(rendererDir, "secret.txt"), "not to be served");
});

afterAll(() => rm(rendererDir, { recursive: true }));

afterEach(async () => {
  await Promise.all(open.splice(0).map((served) => served.close()));
});

async function serve(port = 0): Promise<ServedDesk> {
  errors.length = 0;
  const served = await serveDesk({
    desk,
    rendererDir,
    host: "127.0.0.1",
    port,
    onError: (error) => errors.push(error),
  });
  open.push(served);
  return served;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A request with every header under our control; the path goes out as it is written. */
function get(
  served: ServedDesk,
  path: string,
  headers: Record<string, string> = {},
  method = "GET",
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: "127.0.0.1", port: served.port, path, method, headers, agent: false },
      (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.on("end", () => {
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(parts).toString(),
          });
        });
      },
    );
    sent.on("error", reject);
    sent.end();
  });
}

async function signIn(served: ServedDesk): Promise<string> {
  const { pathname, search } = new URL(served.url);
  const answer = await get(served, pathname + search);
  return answer.headers["set-cookie"]?.[0]?.split(";")[0] ?? "";
}

describe("the one-time token", () => {
  it("is exchanged once for an HttpOnly, SameSite=Strict cookie", async () => {
    const served = await serve();
    const { pathname, search } = new URL(served.url);
    const first = await get(served, pathname + search);
    expect(first.status).toBe(303);
    expect(first.headers.location).toBe("/");
    const [cookie = ""] = first.headers["set-cookie"] ?? [];
    expect(cookie).toMatch(/^understudy-\d+=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);

    const second = await get(served, pathname + search);
    expect(second.status).toBe(403);
    expect(second.headers["set-cookie"]).toBeUndefined();
    const again = await get(served, pathname + search, { cookie: cookie.split(";")[0] ?? "" });
    expect(again.status).toBe(303);
  });

  it("is not guessed: a wrong one is refused and does not use it up", async () => {
    const served = await serve();
    for (const token of ["", "x", `${new URL(served.url).searchParams.get("token") ?? ""}x`]) {
      expect((await get(served, `/open?token=${token}`)).status).toBe(403);
    }
    expect(await signIn(served)).not.toBe("");
  });
});

describe("pages", () => {
  it("are served with the cookie only, under a strict policy", async () => {
    const served = await serve();
    expect((await get(served, "/")).status).toBe(403);
    expect((await get(served, "/", { cookie: `understudy-${served.port}=wrong` })).status).toBe(403);
    const cookie = await signIn(served);
    const page = await get(served, "/", { cookie });
    expect(page.body).toBe("the index.html");
    const policy = page.headers["content-security-policy"] ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toContain("unsafe");
    expect(page.headers["x-content-type-options"]).toBe("nosniff");
    expect(page.headers["cache-control"]).toBe("no-store");
    expect((await get(served, "/app.js", { cookie }, "HEAD")).body).toBe("");
  });

  it.each([
    "/secret.txt",
    "/../secret.txt",
    "/%2e%2e/secret.txt",
    "/app.js/../secret.txt",
    "//etc/passwd",
    "/index.html",
  ])("does not serve %s", async (path) => {
    const served = await serve();
    const answer = await get(served, path, { cookie: await signIn(served) });
    expect(answer.status).toBe(404);
    expect(answer.body).not.toContain("not to be served");
  });

  it("survives an address that is none", async () => {
    const served = await serve();
    expect((await get(served, "//[", { cookie: await signIn(served) })).status).toBe(400);
    expect((await get(served, "/")).status).toBe(403);
  });

  it("refuses foreign hosts, foreign origins and other methods", async () => {
    const served = await serve();
    const cookie = await signIn(served);
    const own = `127.0.0.1:${served.port}`;
    const status = async (headers: Record<string, string>, method = "GET"): Promise<number> =>
      (await get(served, "/", { cookie, ...headers }, method)).status;
    expect(await status({ host: own })).toBe(200);
    expect(await status({ host: "localhost:8080" })).toBe(200);
    expect(await status({ host: "evil.example" })).toBe(403);
    expect(await status({ host: "127.0.0.1.evil.example" })).toBe(403);
    expect(await status({ host: own, origin: "http://evil.example" })).toBe(403);
    expect(await status({ host: own, origin: "null" })).toBe(403);
    expect(await status({ host: own, origin: `http://${own}` })).toBe(200);
    expect(await status({ host: own }, "POST")).toBe(405);
  });
});

describe("the WebSocket", () => {
  interface Dial {
    readonly cookie?: string;
    readonly origin?: string;
    readonly host?: string;
    readonly path?: string;
  }

  function dial(served: ServedDesk, how: Dial): Promise<WebSocket | number> {
    const headers = {
      ...(how.cookie === undefined ? {} : { cookie: how.cookie }),
      ...(how.host === undefined ? {} : { host: how.host }),
    };
    const socket = new WebSocket(`ws://127.0.0.1:${served.port}${how.path ?? "/desk"}`, {
      headers,
      ...(how.origin === undefined ? {} : { origin: how.origin }),
    });
    return new Promise((resolve, reject) => {
      socket.on("open", () => {
        resolve(socket);
      });
      socket.on("unexpected-response", (_request, response) => {
        resolve(response.statusCode ?? 0);
      });
      socket.on("error", reject);
    });
  }

  async function talk(served: ServedDesk): Promise<WebSocket> {
    const socket = await dial(served, {
      cookie: await signIn(served),
      origin: `http://127.0.0.1:${served.port}`,
    });
    if (typeof socket === "number") throw new Error(`refused with ${socket}`);
    return socket;
  }

  const next = (socket: WebSocket): Promise<unknown> =>
    new Promise((resolve) => {
      socket.once("message", (data) => {
        resolve(JSON.parse((data as Buffer).toString()));
      });
    });

  const closed = (socket: WebSocket): Promise<number> =>
    new Promise((resolve) => {
      socket.once("close", resolve);
    });

  it("answers requests of the page", async () => {
    const socket = await talk(await serve());
    socket.send(JSON.stringify({ id: 1, name: "runs.list", args: {} }));
    expect(await next(socket)).toEqual({ id: 1, answer: [] });
  });

  it("refuses no cookie, a foreign or absent origin, a foreign host, and other paths", async () => {
    const served = await serve();
    const cookie = await signIn(served);
    const origin = `http://127.0.0.1:${served.port}`;
    expect(await dial(served, { origin })).toBe(403);
    expect(await dial(served, { cookie })).toBe(403);
    expect(await dial(served, { cookie, origin: "http://evil.example" })).toBe(403);
    expect(await dial(served, { cookie, origin: "http://localhost:1" })).toBe(403);
    expect(await dial(served, { cookie, origin: "http://evil.example", host: "evil.example" })).toBe(403);
    expect(await dial(served, { cookie, origin, path: "/other" })).toBe(404);
    const accepted = await dial(served, { cookie, origin });
    expect(accepted).toBeInstanceOf(WebSocket);
  });

  it("cuts off messages beyond its bounds and says so", async () => {
    const served = await serve();
    const large = await talk(served);
    large.send("x".repeat(65 * 1024));
    expect(await closed(large)).toBe(1009);
    expect(errors).toHaveLength(1);
  });

  it("cuts off binary messages", async () => {
    const socket = await talk(await serve());
    socket.send(new Uint8Array(4));
    expect(await closed(socket)).toBe(1008);
  });
});

describe("start and end", () => {
  it("says in one sentence that the port is taken", async () => {
    const served = await serve();
    await expect(serve(served.port)).rejects.toThrow(
      `Port ${served.port} on 127.0.0.1 is taken by another program; choose another port, or 0 for any free one.`,
    );
  });

  it("says in one sentence that the interface is not built", async () => {
    const empty = await mkdtemp(join(tmpdir(), "understudy-unbuilt-"));
    try {
      await expect(serveDesk({ desk, rendererDir: empty, host: "127.0.0.1", port: 0 })).rejects.toThrow(
        /^The interface is not built: .*index\.html cannot be read\. Run `node scripts\/build\.ts renderer`\.$/,
      );
    } finally {
      await rm(empty, { recursive: true });
    }
  });

  it("frees the port when it closes, open pages or not", async () => {
    const served = await serve();
    await signIn(served);
    await served.close();
    open.length = 0;
    const again = await serve(served.port);
    expect(again.port).toBe(served.port);
  });
});
