import { once } from "node:events";
import { createServer, connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { ClusterLink } from "../../agents/host/cluster-link.ts";
import type { ClusterFrame } from "../../agents/replica/index.ts";

const address = "127.0.0.1";
const secret = "ab".repeat(32);
const opened: ClusterLink[] = [];

afterEach(() => {
  for (const link of opened.splice(0)) link.close();
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, address);
  await once(server, "listening");
  const bound = server.address();
  server.close();
  await once(server, "close");
  if (bound === null || typeof bound === "string") throw new Error("no port");
  return bound.port;
}

/** One end of a link and what it heard. */
class End {
  readonly frames: ClusterFrame[] = [];
  readonly problems: string[] = [];
  readonly events: string[] = [];
  #changed: () => void = () => undefined;

  readonly handlers = {
    onUp: (): void => this.#note("up"),
    onDown: (): void => this.#note("down"),
    onFrame: (frame: ClusterFrame): void => {
      this.frames.push(frame);
      this.#changed();
    },
    onProblem: (text: string): void => {
      this.problems.push(text);
      this.#changed();
    },
  };

  #note(event: string): void {
    this.events.push(event);
    this.#changed();
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => (this.#changed = resolve));
  }
}

async function listenAt(port: number, end: End, key = secret): Promise<ClusterLink> {
  const link = await ClusterLink.listen(address, port, key, end.handlers);
  opened.push(link);
  return link;
}

function connectTo(port: number, end: End, key = secret): ClusterLink {
  const link = ClusterLink.connect(address, port, key, end.handlers);
  opened.push(link);
  return link;
}

describe("the cluster link", () => {
  it("carries frames both ways, whole and in order, and says when it is gone", async () => {
    const port = await freePort();
    const [b, a] = [new End(), new End()];
    // The primary may come first: it tries until the secondary listens.
    const primary = connectTo(port, a);
    const secondary = await listenAt(port, b);
    await Promise.all([a.until(() => a.events.includes("up")), b.until(() => b.events.includes("up"))]);
    const packet = new Uint8Array(100_000).fill(7);
    const frames: ClusterFrame[] = Array.from({ length: 50 }, (_, index) => ({
      kind: "inbound",
      epoch: index,
      route: { local: "192.0.2.12", remote: "192.0.2.20", ...(index % 2 === 0 && { remotePort: 9899 }) },
      packet,
      congestionExperienced: index % 3 === 0,
    }));
    secondary.send(frames);
    primary.send([{ kind: "beat", epoch: 1 }]);
    await a.until(() => a.frames.length === 50);
    expect(a.frames).toEqual(frames);
    await b.until(() => b.frames.length === 1);
    primary.close();
    await b.until(() => b.events.includes("down"));
  });

  it("refuses who does not know the secret, and goes on waiting for who does", async () => {
    const port = await freePort();
    const [b, stranger, a] = [new End(), new End(), new End()];
    await listenAt(port, b);
    connectTo(port, stranger, "cd".repeat(32));
    await b.until(() => b.problems.length > 0);
    expect(b.problems[0]).toContain("refused on the cluster link");
    expect(stranger.events).toEqual([]);
    opened.pop()?.close();
    connectTo(port, a);
    await b.until(() => b.events.includes("up"));
    expect(stranger.events).toEqual([]);
  });

  it("refuses plain bytes", async () => {
    const port = await freePort();
    const b = new End();
    await listenAt(port, b);
    const socket = connect(port, address);
    socket.on("error", () => undefined);
    socket.write("GET / HTTP/1.1\r\n\r\n");
    await b.until(() => b.problems.length > 0);
    expect(b.events).toEqual([]);
  });

  it("says in one sentence that its port is taken", async () => {
    const port = await freePort();
    await listenAt(port, new End());
    await expect(ClusterLink.listen(address, port, secret, new End().handlers)).rejects.toThrow(
      /TCP port \d+ on 127\.0\.0\.1 .* end the program that uses it, or choose another port/,
    );
  });
});
