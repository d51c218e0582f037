import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openRun } from "../../main/store/index.ts";
import { buildTarget } from "../../scripts/build.ts";
import { eventually, noNamespaces } from "../lab/support/lab.ts";
import { type TestMachines, makeMachines } from "./support/machines.ts";
import { type Ended, lastSentence, runUnderstudy } from "./support/understudy.ts";

const reason: string | undefined = noNamespaces;

/** Remembers in its state how many messages it got, and says so with every tenth. */
const counting = `export default () => {
  let count = 0;
  return {
    onMessage({ streamId }) {
      count += 1;
      if (count % 10 === 0) return { streamId, payload: new TextEncoder().encode("count " + count) };
    },
    snapshot: () => new TextEncoder().encode(String(count)),
    restore(bytes) { count = Number(new TextDecoder().decode(bytes)); },
  };
};
`;

describe.skipIf(reason)(
  `applications and associations that the operator chooses${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  () => {
    let machines: TestMachines;

    beforeAll(async () => {
      await buildTarget("agent");
      machines = await makeMachines();
      writeFileSync(join(machines.folder, "counting.mjs"), counting);
    });
    afterAll(async () => {
      await machines?.dispose();
    });

    const demo = (...more: readonly string[]): Promise<Ended> =>
      runUnderstudy(machines.env, "demo", "--testbed", machines.testbed(), "--seconds", "1", ...more);

    it("a module is sent to both members, gets each message once on each association, and is gone afterwards", async () => {
      const module = join(machines.folder, "counting.mjs");
      const ended = await demo("--application", module, "--associations", "3", "--rate", "100");
      // Between machines the order of the last promises before the kill may stay open: then nothing fails.
      expect([0, 2], `${ended.err}\n${ended.out}`).toContain(ended.code);
      expect(ended.out).toMatch(/✓ pass +Messages lost +0 of [1-9]\d{2,}, on 3 associations/);
      expect(ended.out).toMatch(/✓ pass +Messages duplicated +0 of [1-9]\d{2,}, on 3 associations/);
      const runs = join(machines.env["UNDERSTUDY_RUNS_DIR"] ?? "", "main-job");
      const reader = openRun(join(runs, readdirSync(runs).toSorted().at(-1) ?? ""));
      expect(reader.overview().associations).toEqual([7001, 7002, 7003]);
      expect(reader.overview().terms.application).toBe(module);
      expect(reader.verdict()?.promise).toContain("exactly once as its snapshot has it");
      reader.close();
      await eventually(async () => (await machines.leftovers()).length === 0, "nothing of the run is left");
    });

    it("a module that is not there, and an application that nobody knows, are told before anything is done", async () => {
      const absent = await demo("--application", "./absent.mjs");
      expect(lastSentence(absent)).toBe("The application ./absent.mjs cannot be read: check its name.");
      expect(absent.code).toBe(64);
      const unknown = await demo("--application", "juggler");
      expect(lastSentence(unknown)).toMatch(/^There is no application "juggler": write one of numbered/);
      const many = await demo("--associations", "65");
      expect(lastSentence(many)).toContain("It must be a whole number from 1 to 64.");
    });
  },
);
