import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildTarget } from "../../scripts/build.ts";

/**
 * Packages the desktop app around a stand-in for Electron's binary, which cannot be fetched everywhere:
 * that checks the whole configuration and what the package holds.
 */

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");
const builder = join(root, "node_modules/electron-builder/cli.js");
const linux = process.platform === "linux";

let work = "";

beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), "understudy-package-"));
  if (!linux) return;
  for (const target of ["agent", "renderer", "electron"] as const) await buildTarget(target);
  await standIn(join(work, "electron"));
});

afterAll(() => rm(work, { recursive: true, force: true }));

async function standIn(folder: string): Promise<void> {
  for (const name of ["resources", "locales"]) await mkdir(join(folder, name), { recursive: true });
  for (const name of ["LICENSE", "LICENSES.chromium.html", "chrome-sandbox"])
    await writeFile(join(folder, name), "");
  await writeFile(join(folder, "version"), "v45.4.1");
  await writeFile(join(folder, "electron"), "#!/bin/sh\n");
  await chmod(join(folder, "electron"), 0o755);
}

describe("packaging", () => {
  it("puts shell, interface, agent and native parts where the app looks for them", async ({ skip }) => {
    if (!linux) skip("the stand-in for Electron has the layout of Linux");
    const output = join(work, "out");
    await run(
      process.execPath,
      [
        builder,
        "--dir",
        "--linux",
        `-c.electronDist=${join(work, "electron")}`,
        `-c.directories.output=${output}`,
      ],
      { cwd: root, env: { ...process.env, CSC_IDENTITY_AUTO_DISCOVERY: "false" }, timeout: 110_000 },
    );
    const resources = join(output, "linux-unpacked/resources");
    const asar = join(resources, "app.asar");
    const { stdout } = await run(join(root, "node_modules/.bin/asar"), ["list", asar], {
      maxBuffer: 16 * 1024 * 1024,
    });
    const packed = new Set(stdout.split("\n"));
    for (const file of [
      "electron/main.mjs",
      "electron/preload.cjs",
      "electron/lab-service.mjs",
      "renderer/index.html",
      "renderer/app.js",
    ]) {
      expect(packed, file).toContain(`/dist/${file}`);
    }
    expect(
      [...packed].filter(
        (path) => /^\/node_modules\/(react|d3|node-linux)/.test(path) && path.endsWith(".js"),
      ),
    ).toEqual([]);
    expect([...packed].filter((path) => /^\/(renderer|main|test|runs)\//.test(path))).toEqual([]);
    expect((await readFile(join(resources, "agent.mjs"))).length).toBeGreaterThan(10_000);
    expect(existsSync(join(resources, "app.asar.unpacked/node_modules/better-sqlite3"))).toBe(true);

    await run(join(root, "node_modules/.bin/asar"), ["extract-file", asar, "package.json"], { cwd: work });
    const manifest = JSON.parse(await readFile(join(work, "package.json"), "utf8")) as { main: string };
    expect(manifest.main).toBe("dist/electron/main.mjs");
  });

  it("bundles a lab service that answers under plain Node as it does in a utility process", async ({
    skip,
  }) => {
    if (!linux) skip("the bundles are made with the package");
    const script = join(work, "utility.mjs");
    await writeFile(
      script,
      `import { EventEmitter } from "node:events";
      process.parentPort = new EventEmitter();
      await import(${JSON.stringify(join(root, "dist/electron/lab-service.mjs"))});
      const port = Object.assign(new EventEmitter(), { start() {}, postMessage: (text) => console.log(text) });
      process.parentPort.emit("message", { data: "desk", ports: [port] });
      port.emit("message", { data: JSON.stringify({ id: 1, name: "runs.list", args: {} }) });`,
    );
    const { stdout } = await run(process.execPath, [script, join(work, "no-runs-yet")], { timeout: 20_000 });
    expect(JSON.parse(stdout)).toEqual({ id: 1, answer: [] });
  });

  it("bundles a preload script that asks for nothing but electron", async ({ skip }) => {
    if (!linux) skip("the bundles are made with the package");
    const preload = await readFile(join(root, "dist/electron/preload.cjs"), "utf8");
    expect([...preload.matchAll(/require\("([^"]+)"\)/g)].map(([, name]) => name)).toEqual(["electron"]);
  });
});
