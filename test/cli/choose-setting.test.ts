import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { chooseSetting, type SettingOptions } from "../../main/cli/choose-setting.ts";
import { parseTestbed, type Testbed } from "../../main/lab/testbed/index.ts";

const plain: SettingOptions = {
  peer: "agent",
  timers: "telecom",
  fault: "crash",
  rate: 500,
  size: 200,
  streams: 4,
  seconds: 4,
};

function testbedWith(replication: string): Testbed {
  const member = (last: number): string =>
    `{ssh: {host: h${last}}, interfaces: {out: {dev: e1, ip: 192.0.2.${last}}, ic: {dev: e2, ip: 10.77.0.${last}}}}`;
  const text = `version: 1
name: t
hosts: {a: ${member(1)}, b: ${member(2)}, peer: {ssh: {host: p}, interfaces: {out: {dev: e1, ip: 192.0.2.9}}}}
cluster: {replication: ${replication}}
`;
  const parsed = parseTestbed(text, "t.yaml");
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  return parsed.testbed;
}

describe("what a run is to do", () => {
  it("has no address takeover where neither the command line nor the testbed asks for it", () => {
    const chosen = (options: Partial<SettingOptions>, testbed?: Testbed): boolean =>
      chooseSetting({ ...plain, ...options }, testbed).addressTakeover;
    expect(chosen({})).toBe(false);
    expect(chosen({}, testbedWith("{fencing: keep-primary}"))).toBe(false);
    expect(chosen({ addressTakeover: true })).toBe(true);
    expect(chosen({}, testbedWith("{addressTakeover: true}"))).toBe(true);
  });

  it("is every update with the standby and a crash, where nothing is said", () => {
    expect(chooseSetting(plain, undefined)).toMatchObject({
      policy: "every-update",
      placement: "standby",
      fencing: "prefer-availability",
      keeper: undefined,
      fault: { name: "crash", end: "cluster", peerAfterMs: 0 },
      beforeFaultMs: 4000,
    });
  });

  it("has a store and its leave to go on where the state lies there", () => {
    const shared = { policy: "shared", placement: "store", fencing: "witness" };
    expect(chooseSetting({ ...plain, policy: "shared" }, undefined)).toMatchObject({
      ...shared,
      keeper: "agent",
    });
    expect(chooseSetting({ ...plain, policy: "shared", store: "redis" }, undefined)).toMatchObject({
      ...shared,
      keeper: "redis",
    });
  });

  it("has a witness alone where only that is asked for", () => {
    const setting = chooseSetting({ ...plain, fencing: "witness", fault: "store-death" }, undefined);
    expect(setting).toMatchObject({ placement: "standby", keeper: "agent", fault: { name: "store-death" } });
  });

  it("has a series of kills by number and seed", () => {
    const setting = chooseSetting({ ...plain, fault: "kills", kills: 30, seed: 7 }, undefined);
    expect(setting.kills).toEqual({ count: 30, seed: 7 });
  });

  it("comes from the testbed file where the command line is silent", () => {
    const testbed = testbedWith('{policy: "interval:50ms", fencing: keep-primary}');
    expect(chooseSetting(plain, testbed)).toMatchObject({ policy: "interval:50ms", fencing: "keep-primary" });
    const other = { ...plain, policy: "event:'updates>=20'", fencing: "prefer-availability" as const };
    expect(chooseSetting(other, testbed)).toMatchObject({
      policy: "event:'updates>=20'",
      fencing: "prefer-availability",
    });
    expect(chooseSetting(plain, testbedWith("{policy: shared, store: redis}"))).toMatchObject({
      placement: "store",
      keeper: "redis",
    });
  });

  it("lets each of two clusters replicate in its own way", () => {
    const options = {
      ...plain,
      peer: "cluster",
      policy: "interval:50ms",
      fault: "crash@both:300ms",
    } as const;
    expect(chooseSetting({ ...options, peerFencing: "keep-primary" }, undefined)).toMatchObject({
      policy: "interval:50ms",
      fencing: "prefer-availability",
      peerPolicy: "every-update",
      peerFencing: "keep-primary",
      fault: { name: "crash", end: "both", peerAfterMs: 300 },
    });
  });

  it.each<[string, Partial<SettingOptions>, RegExp]>([
    ["no policy", { policy: "sometimes" }, /no replication policy "sometimes": write every-update, /],
    ["no event", { policy: "event:'updates>'" }, /event "updates>" cannot be read/],
    [
      "a store for nobody",
      { store: "redis" },
      /--store redis is for a run with a third computer: add --policy shared/,
    ],
    [
      "fencing beside a store",
      { policy: "shared", fencing: "keep-primary" },
      /the store decides who may go on/,
    ],
    ["the death of no store", { fault: "store-death" }, /store-death needs a third computer/],
    ["a switch to another place", { switchTo: "shared" }, /stays where it is held/],
    ["kills without their fault", { kills: 3 }, /--kills and --seed are for a series of kills/],
    [
      "a fault of no cluster",
      { fault: "crash@peer" },
      /crash@peer is done to a cluster .* add --peer cluster/,
    ],
    ["a policy of no cluster", { peerPolicy: "interval:50ms" }, /are for a cluster as the outside end/],
    ["a store outside", { peer: "cluster", peerPolicy: "shared" }, /The outside end has no store/],
    ["raw IP for usrsctp", { peer: "usrsctp", transport: "raw" }, /leave --peer usrsctp away/],
  ])("refuses %s with one sentence", (_what, options, sentence) => {
    expect(() => chooseSetting({ ...plain, ...options }, undefined)).toThrow(sentence);
  });

  it("has as many associations as the command line, else the testbed says, with our own agent only", () => {
    const testbed = testbedWith("{}, associations: 8");
    expect(chooseSetting(plain, undefined).associations).toBe(1);
    expect(chooseSetting(plain, testbed).associations).toBe(8);
    expect(chooseSetting({ ...plain, associations: 3 }, testbed).associations).toBe(3);
    expect(() => chooseSetting({ ...plain, associations: 2, peer: "usrsctp" }, undefined)).toThrow(
      /leave --peer usrsctp or --associations 2 away/,
    );
    expect(() => chooseSetting({ ...plain, associations: 64 }, undefined)).toThrow(
      "64 associations with 500 messages a second each are more than a run can record: choose a --rate of 312 or less.",
    );
  });

  it("runs the application that the command line, else the testbed names, where the outside computer suits it", () => {
    const testbed = testbedWith("{}, application: ./mine.mjs");
    expect(chooseSetting(plain, undefined).application).toBe("numbered");
    expect(chooseSetting(plain, testbed).application).toBe(resolve("mine.mjs"));
    expect(chooseSetting({ ...plain, application: "sink", peer: "usrsctp" }, testbed).application).toBe(
      "sink",
    );
    expect(() => chooseSetting({ ...plain, application: "requester", peer: "usrsctp" }, undefined)).toThrow(
      "The application requester needs our own agent as the outside computer: leave --peer usrsctp away.",
    );
    expect(() => chooseSetting({ ...plain, application: "sing" }, undefined)).toThrow(
      /^There is no application "sing": write one of numbered, echo/,
    );
  });
});
