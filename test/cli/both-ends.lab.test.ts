import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openRun } from "../../main/store/index.ts";
import { buildTarget } from "../../scripts/build.ts";
import { noNamespaces } from "../lab/support/lab.ts";
import { lastSentence, runUnderstudy } from "./support/understudy.ts";

/** Two clusters on four virtual computers: real processes, real kills at both ends, and a verdict of each. */
describe.skipIf(noNamespaces !== undefined)(`clusters at both ends (${noNamespaces ?? "netns"})`, () => {
  const folder = mkdtempSync(join(tmpdir(), "understudy-both-test-"));
  const env = {
    ...process.env,
    NO_COLOR: "1",
    UNDERSTUDY_RUNS_DIR: join(folder, "runs"),
    UNDERSTUDY_STATE_DIR: join(folder, "state"),
  };
  const demo = (...more: readonly string[]) =>
    runUnderstudy(env, "demo", "--seconds", "1", "--rate", "100", ...more);

  beforeAll(async () => {
    await buildTarget("agent");
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("lose nothing when both primaries are killed at once", async () => {
    const ended = await demo("--peer", "cluster", "--fault", "crash@both");
    expect(ended.code, `${ended.err}\n${ended.out}`).toBe(0);
    expect(ended.err).toMatch(/confirmed: 192\.0\.2\.11 \(a\) and 192\.0\.2\.12 \(b\)/);
    expect(ended.err).toMatch(/outside end: 192\.0\.2\.20 \(peer\) and 192\.0\.2\.21 \(peer2\)/);
    expect(ended.out).toMatch(/✓ pass +After the fault: b takes over/);
    expect(ended.out).toMatch(/✓ pass +After the fault: peer2 takes over/);
    expect(ended.out).toMatch(/✓ pass +Messages lost +0 of [1-9]\d{2}/);
    expect(ended.out).toMatch(
      /✓ pass +peer\/peer2: nothing left the primary before the secondary held it +\d+ promises/,
    );
    const run = /^ +run +(\S+)$/m.exec(ended.out)?.[1] ?? "";
    const reader = openRun(run);
    const { services, outsideServices, hosts } = reader.overview();
    const served = (list: typeof services): string[] => list.map(({ host, epoch }) => `${host} ${epoch}`);
    expect(served(services)).toEqual(["a 1", "b 2"]);
    expect(served(outsideServices)).toEqual(["peer 1", "peer2 2"]);
    expect(hosts.map(({ name }) => name)).toEqual(["a", "b", "peer", "peer2"]);
    reader.close();
  });

  it("need a cluster to be struck at the outside end", async () => {
    const ended = await demo("--fault", "crash@peer");
    expect(lastSentence(ended)).toMatch(
      /crash@peer is done to a cluster as the outside end: add --peer cluster/,
    );
    expect(ended.code).toBe(64);
  });
});
