import { execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { noNamespaces } from "../lab/support/lab.ts";
import { noNative } from "./support/native.ts";

/**
 * a - router - b, in three namespaces: 1500 bytes on the left, 1280 on the right. The router marks what is capable of
 * ECN. Nothing leaves them.
 */
const prefix = `usraw${process.pid.toString(36)}`;
const namespaces = { a: `${prefix}-a`, router: `${prefix}-r`, b: `${prefix}-b` } as const;
const families = [
  {
    name: "IPv4",
    a: "10.77.1.1",
    ra: "10.77.1.254",
    b: "10.77.2.1",
    rb: "10.77.2.254",
    bits: 24,
    header: 20,
  },
  { name: "IPv6", a: "fd77:1::1", ra: "fd77:1::fe", b: "fd77:2::1", rb: "fd77:2::fe", bits: 64, header: 40 },
] as const;

const child: string = new URL("packets-child.ts", import.meta.url).pathname;
const running: ChildProcess[] = [];

const run = (command: string, ...args: string[]): string => execFileSync(command, args, { encoding: "utf8" });
const within = (namespace: string, ...command: string[]): string =>
  run("ip", "netns", "exec", namespace, ...command);

function build(): void {
  for (const namespace of Object.values(namespaces)) {
    run("ip", "netns", "add", namespace);
    within(namespace, "ip", "link", "set", "lo", "up");
  }
  for (const side of ["a", "b"] as const) {
    const [own, router] = [namespaces[side], namespaces.router];
    run(
      "ip",
      "link",
      "add",
      `to-r`,
      "netns",
      own,
      "type",
      "veth",
      "peer",
      "name",
      `to-${side}`,
      "netns",
      router,
    );
    const mtu = side === "a" ? "1500" : "1280";
    for (const [namespace, device] of [
      [own, "to-r"],
      [router, `to-${side}`],
    ] as const) {
      within(namespace, "ip", "link", "set", device, "mtu", mtu, "up");
    }
    for (const family of families) {
      const gateway = side === "a" ? family.ra : family.rb;
      const nodad = family.name === "IPv6" ? ["nodad"] : [];
      within(own, "ip", "addr", "add", `${family[side]}/${family.bits}`, "dev", "to-r", ...nodad);
      within(router, "ip", "addr", "add", `${gateway}/${family.bits}`, "dev", `to-${side}`, ...nodad);
      within(own, "ip", "route", "add", "default", "via", gateway);
    }
  }
  within(namespaces.router, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1");
  within(
    namespaces.router,
    "nft",
    "add table inet congested; add chain inet congested f { type filter hook forward priority 0; }; " +
      "add rule inet congested f ip ecn ect0 ip ecn set ce; add rule inet congested f ip6 ecn ect0 ip6 ecn set ce",
  );
}

/** Which CPUs take in what arrives at a device, as a mask; 0: whichever sent it. */
function takeIn(namespace: string, device: string, cpus: number): void {
  within(namespace, "sh", "-c", `echo ${cpus} > /sys/class/net/${device}/queues/rx-0/rps_cpus`);
}

/**
 * On the way from a to b one CPU takes in all that arrives, until the test is over. Otherwise the one that sent does, and as
 * the timers of `a` may send beside its processes, two packets in a row may change places.
 */
function keepOrder(): void {
  const way = [
    [namespaces.router, "to-a"],
    [namespaces.b, "to-r"],
  ] as const;
  for (const [namespace, device] of way) takeIn(namespace, device, 1);
  onTestFinished(() => {
    for (const [namespace, device] of way) takeIn(namespace, device, 0);
  });
}

function tearDown(): void {
  for (const namespace of Object.values(namespaces)) {
    if (existsSync(`/run/netns/${namespace}`)) run("ip", "netns", "del", namespace);
  }
}

/** A child in a namespace, its lines of JSON one by one. */
function start(where: keyof typeof namespaces, ...args: string[]) {
  const command = ["netns", "exec", namespaces[where], process.execPath, child, ...args];
  const started = spawn("ip", command, { stdio: ["pipe", "pipe", "pipe"] });
  running.push(started);
  let complaint = "";
  started.stderr.on("data", (text: Buffer) => (complaint += text.toString()));
  const lines = createInterface({ input: started.stdout })[Symbol.asyncIterator]();
  return async (): Promise<unknown> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`${args.join(" ")} ended: ${complaint}`);
    return JSON.parse(String(value)) as unknown;
  };
}

const reason = noNamespaces ?? noNative;

describe.skipIf(reason !== undefined)(`raw IP protocol 132${reason ? ` (skipped: ${reason})` : ""}`, () => {
  beforeAll(build);
  afterAll(tearDown);
  afterEach(async () => {
    for (const each of running.splice(0)) {
      if (each.exitCode !== null || each.signalCode !== null) continue;
      const exited = once(each, "exit");
      each.stdin?.end();
      await exited;
    }
  });

  describe.each(families)("over $name", ({ a, b, header }) => {
    it("carries an association from its start to its end", async () => {
      const listening = start("b", "listen", b);
      expect(await listening()).toEqual({ ready: true });
      const connecting = start("a", "associate", a, b, "1000");
      expect(await connecting()).toMatchObject({ sent: 1000, counters: { sendErrors: 0, receiveDrops: 0 } });
      expect(await listening()).toMatchObject({ delivered: 1000 });
    });

    it.each(["", "udp-"])(
      "marks packets as capable of ECN and sees what the router marked (%s)",
      async (udp) => {
        const sink = start("b", `${udp}sink`, b);
        await sink();
        await start("a", `${udp}send`, a, b, "1000")();
        const route = { local: b, remote: a, ...(udp === "udp-" && { remotePort: 9899 }) };
        expect(await sink()).toEqual({
          length: 1000,
          first: [0, 0, 0, 77],
          route,
          congestionExperienced: true,
        });
      },
    );

    it("reports that a host has nobody for the protocol", async () => {
      expect(await start("a", "report", a, b)()).toEqual({
        kind: "protocol-unreachable",
        quoted: [0, 0, 0, 77],
        route: { local: a, remote: b },
      });
    });

    it.each(["", "udp-"])("reports the MTU of the next hop for a probe (%s)", async (udp) => {
      const route = { local: a, remote: b, ...(udp === "udp-" && { remotePort: 9899 }) };
      const expected = { kind: "packet-too-big", mtuBytes: 1280, quoted: [0, 0, 0, 77], route };
      expect(await start("a", `${udp}probe`, a, b, "1400")()).toEqual(expected);
    });

    it.each(["", "udp-"])("lets an endpoint find the MTU of its path (%s)", async (udp) => {
      const listening = start("b", `${udp}listen`, b);
      await listening();
      const fits = 1280 - header - (udp === "" ? 0 : 8);
      const found = await start("a", `${udp}discover`, a, b, String(fits))();
      expect((found as { packetSizeBytes: number }).packetSizeBytes).toBeLessThanOrEqual(fits);
      await listening();
    });

    it("reports the MTU of its own interface for a probe", async () => {
      expect(await start("a", "probe", a, b, String(1501 - header))()).toEqual({
        kind: "packet-too-big",
        mtuBytes: 1500,
        quoted: [0, 0, 0, 77],
        route: { local: a, remote: b },
      });
    });

    it.each(["", "udp-"])("waits while the kernel has no room, and loses nothing (%s)", async (udp) => {
      const device = ["dev", "to-r", "root"];
      const slow = ["tbf", "rate", "100mbit", "burst", "100kb", "limit", "32mb"];
      within(namespaces.a, "tc", "qdisc", "add", ...device, ...slow);
      onTestFinished(() => void within(namespaces.a, "tc", "qdisc", "del", ...device));
      keepOrder();
      await start("a", "report", a, b)(); // by the answer all know their neighbours: what waits for one may be overtaken
      const counting = start("b", `${udp}count`, b);
      await counting();
      expect(await start("a", `${udp}flood`, a, b)()).toEqual({ lost: 0, hadToWait: true });
      expect(within(namespaces.a, "tc", "-s", "qdisc", "show", "dev", "to-r")).toContain("dropped 0,");
      expect(await counting()).toEqual({ ordered: true });
    });

    it("has packets fragmented that are no probes", async () => {
      const sink = start("b", "sink", b);
      await sink();
      await start("a", "send", a, b, "4000")();
      expect(await sink()).toMatchObject({ length: 4000, first: [0, 0, 0, 77] });
    });
  });
});
