import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { HostedApplication } from "../../agents/host/hosted-application.ts";
import { UserModule } from "../../agents/host/user-module.ts";

const folder = mkdtempSync(join(tmpdir(), "understudy-module-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const parts = "onMessage() {}, snapshot() { return new Uint8Array(1); }, restore() {}";

describe("a module on the agent's host", () => {
  it("is loaded from its file; each association gets its own", async () => {
    const module = await UserModule.load(file("good.mjs", `export default () => ({ ${parts} })`));
    const [one, other] = [module.make(), module.make()];
    expect(one).not.toBe(other);
    one.fail(new Error("broken"));
    expect([one.failed, other.failed]).toEqual([true, false]);
    expect(one.takeNotes()[0]?.text).toContain(join(folder, "good.mjs"));
  });

  it.each([
    ["syntax.mjs", "export default {", /cannot be loaded on this host: \w*Error: /],
    ["throws.mjs", 'throw new Error("not today")', /cannot be loaded on this host: Error: not today$/],
    ["imports.mjs", 'import "no-such-package"', /cannot be loaded on this host: Error: .*no-such-package/],
    ["nothing.mjs", "export const x = 1", /has no default export$/],
    [
      "half.mjs",
      "export default { onMessage() {} }",
      /cannot be used: its default export has no function snapshot$/,
    ],
    ["maker.mjs", 'export default () => { throw new Error("no") }', /cannot be used: Error: no$/],
  ])("that cannot be used is refused in one sentence: %s", async (name, text, reason) => {
    const refused = UserModule.load(file(name, text));
    await expect(refused).rejects.toThrow(reason);
    await expect(refused).rejects.toThrow(/^the application .* [^\n]*$/);
  });

  it("that is not there is refused in one sentence", async () => {
    const path = join(folder, "absent.mjs");
    await expect(UserModule.load(path)).rejects.toThrow(
      /^the application .*absent\.mjs cannot be loaded on this host: /,
    );
  });

  it("ends by errors of its own code that nobody caught, and by no others", async () => {
    const path = file(
      "thrower.mjs",
      `export const make = () => new Error("mine"); export default { ${parts} }`,
    );
    const module = await UserModule.load(path);
    const { make } = (await import(path)) as { make: () => Error };
    const application = module.make();
    for (const other of [new Error("elsewhere"), "text", undefined]) expect(module.blame(other)).toBe(false);
    expect(application.failed).toBe(false);
    expect(module.blame(make())).toBe(true);
    expect(application.takeNotes()[0]?.text).toMatch(/thrower\.mjs is not called any more, .*: Error: mine$/);
  });

  it("that makes none for a further association costs that one its application only", async () => {
    const text = `let made = 0; export default () => { if (++made > 2) throw new Error("enough"); return { ${parts} } }`;
    const module = await UserModule.load(file("once.mjs", text));
    const [one, other] = [module.make(), module.make()];
    expect([one.failed, other.failed]).toEqual([false, true]);
    expect(other.takeNotes()[0]?.text).toMatch(/the association goes on without it: Error: enough$/);
    other.onMessage({ streamId: 0, ppid: 0, unordered: false, tsn: 1, payload: new Uint8Array(1) }, 0);
    expect(other.due(0)).toBeUndefined();
  });
});

describe("the application of an agent", () => {
  it("is a built-in one by its name, made for the side that it runs on", async () => {
    const hosted = await HostedApplication.load("numbered", true);
    expect(hosted.make()).not.toBe(hosted.make());
    expect(hosted.make().summary).toBe("0 messages of down were numbered");
    const outside = await HostedApplication.load("numbered", false);
    expect(outside.make().summary).toBe("0 messages of up were numbered, 0 echoes wait");
    expect(hosted.blame(new Error("any"))).toBe(false);
  });

  it("is a module by its path", async () => {
    const hosted = await HostedApplication.load(file("mine.mjs", `export default { ${parts} }`), true);
    expect(hosted.make().summary).toMatch(/mine\.mjs got 0 messages$/);
  });

  it("is refused in one sentence where there is no such name", async () => {
    await expect(HostedApplication.load("ecko", true)).rejects.toThrow(/^There is no application "ecko": /);
  });
});
