import { execFile } from "node:child_process";
import { EventEmitter } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { fixtureDesk } from "../../renderer/link/fixture.ts";

/** Electron as far as the shell uses it: it records what it is told and lets the test raise its events. */
const stub = vi.hoisted(() => {
  const state = {
    forked: [] as {
      path: string;
      args: string[];
      posted: unknown[];
      exit: (code: number) => void;
      killed: boolean;
    }[],
    windows: [] as { options: { webPreferences: Record<string, unknown> }; url: string }[],
    errorBoxes: [] as string[],
    lockGiven: true,
    quits: 0,
    schemes: [] as unknown[],
  };
  return state;
});

vi.mock("electron", async () => {
  const { EventEmitter: Emitter } = await import("node:events");
  const app = Object.assign(new Emitter(), {
    requestSingleInstanceLock: () => stub.lockGiven,
    enableSandbox: vi.fn(),
    whenReady: () => Promise.resolve(),
    quit: () => {
      stub.quits += 1;
    },
  });
  class BrowserWindow extends Emitter {
    static getAllWindows = (): unknown[] => stub.windows;
    readonly record: (typeof stub.windows)[number];
    constructor(options: (typeof stub.windows)[number]["options"]) {
      super();
      this.record = { options, url: "" };
      stub.windows.push(this.record);
    }
    loadURL(url: string): Promise<void> {
      this.record.url = url;
      return Promise.resolve();
    }
  }
  return {
    app,
    BrowserWindow,
    dialog: { showErrorBox: (title: string, text: string) => stub.errorBoxes.push(`${title}: ${text}`) },
    ipcMain: new Emitter(),
    MessageChannelMain: class {
      readonly port1 = "port1";
      readonly port2 = "port2";
    },
    protocol: {
      registerSchemesAsPrivileged: (schemes: unknown[]) => stub.schemes.push(...schemes),
      handle: vi.fn(),
    },
    session: {
      defaultSession: Object.assign(new Emitter(), {
        setPermissionRequestHandler: vi.fn(),
        setPermissionCheckHandler: vi.fn(),
        setDevicePermissionHandler: vi.fn(),
      }),
    },
    utilityProcess: {
      fork: (path: string, args: string[]) => {
        const child = new Emitter();
        const record = {
          path,
          args,
          posted: [] as unknown[],
          exit: (code: number) => child.emit("exit", code),
          killed: false,
        };
        stub.forked.push(record);
        return Object.assign(child, {
          postMessage: (message: unknown, ports: unknown[]) => record.posted.push([message, ports]),
          kill: () => {
            record.killed = true;
          },
        });
      },
    },
  };
});

const { runApp, servePage } = await import("../../main/electron/app.ts");
const { hostDesk } = await import("../../main/electron/desk-ports.ts");
const { LabProcess } = await import("../../main/electron/lab-process.ts");
const { isOwnPage, lockContents } = await import("../../main/electron/lock-down.ts");

beforeEach(() => {
  stub.forked.length = 0;
  stub.windows.length = 0;
  stub.errorBoxes.length = 0;
  stub.lockGiven = true;
  stub.quits = 0;
});

interface FrameStub {
  readonly url: string;
  readonly parent: null | object;
  readonly posted: unknown[];
  postMessage(...args: unknown[]): void;
}

function frame(url: string, parent: null | object = null): FrameStub {
  const posted: unknown[] = [];
  return { url, parent, posted, postMessage: (...args) => posted.push(args) };
}

const asFrame = (stubbed: FrameStub): Parameters<InstanceType<typeof LabProcess>["connect"]>[0] =>
  stubbed as unknown as Parameters<InstanceType<typeof LabProcess>["connect"]>[0];

describe("pages of ours", () => {
  it.each([
    ["understudy://app/", true],
    ["understudy://app/app.js", true],
    ["understudy://app.evil/", false],
    ["understudy://other/", false],
    ["file:///etc/passwd", false],
    ["https://understudy/app/", false],
    ["not an address", false],
  ])("%s: %s", (address, own) => {
    expect(isOwnPage(address)).toBe(own);
  });

  it("may go nowhere else and open nothing", () => {
    const contents = Object.assign(new EventEmitter(), { setWindowOpenHandler: vi.fn() });
    lockContents(contents as unknown as Parameters<typeof lockContents>[0]);
    const away = { url: "https://example.org/", preventDefault: vi.fn() };
    contents.emit("will-navigate", away);
    expect(away.preventDefault).toHaveBeenCalledOnce();
    const own = { url: "understudy://app/#/run/1", preventDefault: vi.fn() };
    contents.emit("will-navigate", own);
    expect(own.preventDefault).not.toHaveBeenCalled();
    const handler = contents.setWindowOpenHandler.mock.calls[0]?.[0] as () => unknown;
    expect(handler()).toEqual({ action: "deny" });
  });

  it("come from the fixed list, under a policy without exceptions", async () => {
    const files = new Map([["/", { bytes: new TextEncoder().encode("page"), contentType: "text/html" }]]);
    const page = servePage(files, "understudy://app/");
    expect(await page.text()).toBe("page");
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(page.headers.get("content-security-policy")).not.toContain("unsafe");
    expect(servePage(files, "understudy://app/../etc/passwd").status).toBe(404);
    expect(servePage(files, "understudy://other/").status).toBe(404);
  });
});

describe("the lab process", () => {
  const options = { servicePath: "/service.mjs", runsDir: "/runs" };

  it("gives a channel to our page in the top frame and to nobody else", () => {
    const lab = new LabProcess(options);
    expect(lab.connect(null)).toBe(false);
    expect(lab.connect(asFrame(frame("https://example.org/")))).toBe(false);
    expect(lab.connect(asFrame(frame("understudy://app/", {})))).toBe(false);
    expect(stub.forked).toHaveLength(0);
    const page = frame("understudy://app/");
    expect(lab.connect(asFrame(page))).toBe(true);
    expect(page.posted).toEqual([["understudy-desk-port", null, ["port2"]]]);
    expect(stub.forked).toMatchObject([
      { path: "/service.mjs", args: ["/runs"], posted: [["desk", ["port1"]]] },
    ]);
  });

  it("is shared, says when it ends by itself, starts again when asked, and ends quietly with the app", () => {
    const lab = new LabProcess(options);
    lab.connect(asFrame(frame("understudy://app/")));
    lab.connect(asFrame(frame("understudy://app/")));
    expect(stub.forked).toHaveLength(1);
    stub.forked[0]?.exit(139);
    expect(stub.errorBoxes).toEqual([expect.stringContaining("ended with code 139. Reload the window")]);
    lab.connect(asFrame(frame("understudy://app/")));
    expect(stub.forked).toHaveLength(2);
    lab.stop();
    expect(stub.forked[1]?.killed).toBe(true);
    stub.forked[1]?.exit(0);
    expect(stub.errorBoxes).toHaveLength(1);
  });
});

describe("the app", () => {
  const options = {
    rendererDir: join(import.meta.dirname, "../../renderer"),
    preloadPath: "/preload.cjs",
    servicePath: "/service.mjs",
    runsDir: "/runs",
  };

  it("leaves the field to an instance that is there already", async () => {
    stub.lockGiven = false;
    await runApp(options);
    expect(stub.quits).toBe(1);
    expect(stub.windows).toHaveLength(0);
  });

  it("says that the interface is not built before it opens anything", async () => {
    await expect(runApp({ ...options, rendererDir: "/nowhere" })).rejects.toThrow(
      "The interface is not built",
    );
    expect(stub.windows).toHaveLength(0);
  });

  it("opens one isolated, sandboxed window on its own scheme", async () => {
    const rendererDir = await mkdtemp(join(tmpdir(), "understudy-shell-"));
    try {
      for (const name of ["index.html", "app.js", "app.css"]) await writeFile(join(rendererDir, name), name);
      await runApp({ ...options, rendererDir });
    } finally {
      await rm(rendererDir, { recursive: true });
    }
    expect(stub.windows).toHaveLength(1);
    expect(stub.windows[0]?.url).toBe("understudy://app/");
    expect(stub.windows[0]?.options.webPreferences).toMatchObject({
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      webviewTag: false,
      preload: "/preload.cjs",
    });
  });
});

describe("the lab service", () => {
  it("answers on every port it is given, until the port closes", async () => {
    const parent = new EventEmitter();
    hostDesk(
      parent as unknown as Parameters<typeof hostDesk>[0],
      fixtureDesk({ seed: 1, empty: true }),
      () => undefined,
    );
    const answers: unknown[] = [];
    const port = Object.assign(new EventEmitter(), {
      start: vi.fn(),
      postMessage: (text: string) => answers.push(JSON.parse(text)),
    });
    parent.emit("message", { data: "desk", ports: [port] });
    expect(port.start).toHaveBeenCalledOnce();
    port.emit("message", { data: JSON.stringify({ id: 4, name: "runs.list", args: {} }) });
    await vi.waitFor(() => {
      expect(answers).toEqual([{ id: 4, answer: [] }]);
    });
    port.emit("close");
    port.emit("message", { data: JSON.stringify({ id: 5, name: "runs.list", args: {} }) });
    await new Promise((resolve) => setImmediate(resolve));
    expect(answers).toHaveLength(1);
  });
});

describe("the real Electron", () => {
  it("starts and tells its version", async ({ skip }) => {
    const binary = join(import.meta.dirname, "../../node_modules/electron/dist/electron");
    if (!existsSync(binary)) skip("there is no Electron binary at node_modules/electron/dist/electron");
    const { stdout } = await promisify(execFile)(binary, ["--version"]);
    expect(stdout).toMatch(/^v45\./);
  });
});
