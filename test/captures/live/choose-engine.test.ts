import { afterEach, expect, test } from "vitest";
import { CaptureError, chooseEngine, type ProcessRunner } from "../../../captures/live/index.ts";
import { toolFolder, type ToolFolder } from "./tool-folder.ts";

let folder: ToolFolder | undefined;
afterEach(async () => folder?.remove());

async function hostWith(
  scripts: Readonly<Record<string, string>>,
  sharesFiles = false,
): Promise<ProcessRunner> {
  folder = await toolFolder(scripts, sharesFiles);
  return folder.runner;
}
const message = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "no error",
    (error: unknown) => (error instanceof CaptureError ? error.message : `another error: ${String(error)}`),
  );

test("dumpcap comes first", async () => {
  const choice = await chooseEngine(await hostWith({ dumpcap: "exit 0", tcpdump: "exit 0" }));
  expect(choice.engine).toBe("dumpcap");
  expect(choice.reason).toMatch(/^dumpcap at \/.*\/dumpcap: kernel time stamps and a drop count$/);
});

test("tcpdump where dumpcap is missing", async () => {
  const choice = await chooseEngine(await hostWith({ tcpdump: "exit 0" }));
  expect(choice.engine).toBe("tcpdump");
  expect(choice.reason).toMatch(/tcpdump at .*, as dumpcap is missing: kernel/);
});

test("a file that may not be executed does not count", async () => {
  expect((await chooseEngine(await hostWith({ dumpcap: "", tcpdump: "exit 0" }))).engine).toBe("tcpdump");
});

test("a wish goes before the order, and is never silently replaced", async () => {
  const both = await hostWith({ dumpcap: "exit 0", tcpdump: "exit 0" });
  expect(await chooseEngine(both, "tcpdump")).toMatchObject({
    engine: "tcpdump",
    reason: expect.stringContaining("as asked for") as string,
  });
  await folder?.remove();
  const one = await hostWith({ tcpdump: "exit 0" }, true);
  expect(await message(chooseEngine(one, "dumpcap"))).toBe(
    "host t has no dumpcap: install it there, or choose another capture engine.",
  );
});

test("cap only where our own files are", async () => {
  const remote = await hostWith({ dumpcap: "exit 0" });
  expect(await message(chooseEngine(remote, "cap"))).toMatch(
    /^The capture engine cap cannot run on host t: it works only/,
  );
});

test("no engine at all", async () => {
  expect(await message(chooseEngine(await hostWith({})))).toMatch(
    /^host t has neither dumpcap nor tcpdump .*: install one of the two\.$/,
  );
});

test("cap where it loads and nothing else is there", async (context) => {
  const host = await hostWith({}, true);
  const choice = await chooseEngine(host).catch((error: unknown) => {
    if (!(error instanceof CaptureError)) throw error;
    return error;
  });
  if (choice instanceof CaptureError) return context.skip(choice.message);
  expect(choice).toEqual({
    engine: "cap",
    reason:
      "cap (libpcap in a process of ours), as dumpcap and tcpdump are missing: arrival time stamps, no drop count",
  });
});
