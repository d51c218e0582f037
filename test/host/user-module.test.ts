import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
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

  it("answers for errors of its own code only", async () => {
    const thrower = `${parts}, send() { return new Error("made here") }`;
    const path = file(
      "thrower.mjs",
      `export const make = () => new Error("made here"); export default { ${thrower} }`,
    );
    const module = await UserModule.load(path);
    const { make } = (await import(path)) as { make: () => Error };
    expect(module.isFaultOf(make())).toBe(true);
    expect(module.isFaultOf(new Error("made elsewhere"))).toBe(false);
    expect(module.isFaultOf("text")).toBe(false);
  });
});
