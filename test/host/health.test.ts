import { tmpdir } from "node:os";
import { describe, expect, it } from "vitest";
import type { HealthReading } from "../../agents/host/health.ts";
import { readHealth, worriesOf } from "../../agents/host/health.ts";

const well: HealthReading = {
  atMs: 1000,
  memoryFree: 0.5,
  diskFree: 0.5,
  load: 2,
  linkErrors: new Map([["eth0", 7]]),
  degreesLeft: 40,
};

describe("the health of a computer", () => {
  it("is read from what this one tells, and it is not about to fail", async () => {
    const reading = await readHealth(tmpdir(), 0);
    expect(reading.memoryFree).toBeGreaterThan(0);
    expect(reading.memoryFree).toBeLessThan(1);
    expect(reading.diskFree).toBeGreaterThan(0);
    expect([...reading.linkErrors.keys()]).toContain("lo");
    expect((await readHealth("/there/is/no/such/folder", 0)).diskFree).toBe(undefined);
  });

  it("worries nobody as long as all is well, or nothing is told", () => {
    expect(worriesOf(well, undefined)).toEqual([]);
    const silent = { memoryFree: undefined, diskFree: undefined, degreesLeft: undefined };
    expect(worriesOf({ ...well, ...silent }, well)).toEqual([]);
  });

  it.each([
    [{ memoryFree: 0.01 }, "memory: 1.0 % of it is available"],
    [{ diskFree: 0.001 }, "disk: 0.1 % of it is free"],
    [{ load: 40 }, "load: 40 processes wait for each processor"],
    [{ degreesLeft: 2 }, "temperature: 2.0 degrees below critical"],
    [{ atMs: 3000, linkErrors: new Map([["eth0", 1007]]) }, "network device eth0: 500 errors a second"],
  ] as const)("%o is named", (sign, worry) => {
    expect(worriesOf({ ...well, ...sign }, well)).toEqual([worry]);
  });

  it("knows no rate of errors from one reading, nor for a device that is new", () => {
    const many = { ...well, atMs: 2000, linkErrors: new Map([["eth1", 1e6]]) };
    expect(worriesOf(many, undefined)).toEqual([]);
    expect(worriesOf(many, well)).toEqual([]);
  });
});
