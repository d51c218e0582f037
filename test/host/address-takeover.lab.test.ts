import { execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { eventually, noNamespaces } from "../lab/support/lab.ts";
import { missingPrograms } from "../../main/lab/virtual/sshd.ts";
import { noNative } from "./support/native.ts";

/** a, b and a third computer p on one link, in namespaces of their own; what b announces is captured on p. */
const prefix = `usarp${process.pid.toString(36)}`;
const child: string = new URL("address-takeover-child.ts", import.meta.url).pathname;
const missing = missingPrograms("bash", "tcpdump");
const reason =
  noNamespaces ?? noNative ?? (missing.length > 0 ? `missing: ${missing.join(", ")}` : undefined);

const families = [
  { name: "IPv4", a: "192.0.2.11", b: "192.0.2.12", p: "192.0.2.20", far: "198.51.100.11", bits: 24 },
  { name: "IPv6", a: "2001:db8::11", b: "2001:db8::12", p: "2001:db8::20", far: "2001:db8:1::11", bits: 64 },
] as const;

const run = (...command: string[]): string =>
  execFileSync(command[0] ?? "", command.slice(1), { encoding: "utf8" });
const within = (host: string, ...command: string[]): string =>
  run("ip", "netns", "exec", `${prefix}-${host}`, ...command);

function build(): void {
  for (const host of ["a", "b", "p", "net"]) run("ip", "netns", "add", `${prefix}-${host}`);
  within("net", "ip", "link", "add", "bridge", "type", "bridge", "forward_delay", "0", "mcast_snooping", "0");
  within("net", "ip", "link", "set", "bridge", "up");
  for (const host of ["a", "b", "p"] as const) {
    const [inside, switched] = [`${prefix}-${host}`, `${prefix}-net`];
    const pair = ["out0", "netns", inside, "type", "veth", "peer", "name", `to-${host}`, "netns", switched];
    run("ip", "link", "add", ...pair);
    within("net", "ip", "link", "set", `to-${host}`, "master", "bridge", "up");
    within(host, "ip", "link", "set", "out0", "up");
    for (const family of families) {
      const nodad = family.name === "IPv6" ? ["nodad"] : [];
      within(host, "ip", "addr", "add", `${family[host]}/${family.bits}`, "dev", "out0", ...nodad);
    }
  }
}

function remove(): void {
  for (const host of ["a", "b", "p", "net"]) {
    try {
      run("ip", "netns", "del", `${prefix}-${host}`);
    } catch {
      // It was never made.
    }
  }
}

const cut = (host: string): string => within("net", "ip", "link", "set", `to-${host}`, "down");
const heal = (host: string): string => within("net", "ip", "link", "set", `to-${host}`, "up");
const linkAddress = (host: string): string => within(host, "cat", "/sys/class/net/out0/address").trim();
/** Whom p would send to for the address. */
const knownOnP = (address: string): string =>
  /lladdr (\S+)/.exec(within("p", "ip", "neigh", "show", address, "dev", "out0"))?.[1] ?? "nobody";
const has = (host: string, address: string): boolean =>
  within(host, "ip", "-o", "addr", "show", "dev", "out0").includes(` ${address}/`);
const sendFromP = (address: string): string =>
  within("p", "bash", "-c", `echo 0123456789ab > /dev/udp/${address}/9899`);

/** A program in a namespace, and the lines that it said. */
class Program {
  readonly process: ChildProcess;
  readonly lines: string[] = [];

  constructor(host: string, ...command: string[]) {
    const argv = ["netns", "exec", `${prefix}-${host}`, ...command];
    this.process = spawn("ip", argv, { stdio: ["pipe", "pipe", "ignore"] });
    createInterface({ input: this.process.stdout! }).on("line", (line) => this.lines.push(line));
    onTestFinished(() => this.end("SIGKILL"));
  }

  async says(line: string): Promise<void> {
    await eventually(() => this.lines.includes(line), `it says ${line}`);
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const exited = once(this.process, "exit");
    this.process.kill(signal);
    await exited;
  }
}

async function startTakeover(own: string, partner: string): Promise<Program> {
  const program = new Program("b", process.execPath, child, own, partner);
  await eventually(() => program.lines.length > 0, "it starts");
  return program;
}

describe.skipIf(reason).each(families)(
  `address takeover, $name${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  ({ name, a, b, far }) => {
    beforeEach(build);
    afterEach(remove);

    /** Announcements on the link as p sees them: who has the address, by ARP or an overriding advertisement. */
    const captureAnnouncements = async (): Promise<() => string[]> => {
      const filter = name === "IPv4" ? "arp" : "icmp6 && ip6[40] == 136";
      const capture = new Program("p", "tcpdump", "-l", "-n", "-e", "-v", "-i", "out0", filter);
      await eventually(
        async () => within("p", "cat", "/proc/net/packet").trim().split("\n").length > 1,
        "the capture stands",
      );
      return () => {
        const all = capture.lines.join(" ").split(/(?= \d\d:\d\d:\d\d\.)/);
        return all.filter((line) =>
          name === "IPv4"
            ? line.includes(`who-has ${a} tell ${a}`) ||
              line.includes(`who-has ${a} (ff:ff:ff:ff:ff:ff) tell ${a}`)
            : line.includes(`tgt is ${a}, Flags [override]`),
        );
      };
    };

    it("a computer that is gone: b has its address, says so three times, and p sends to b", async () => {
      sendFromP(a);
      await eventually(() => knownOnP(a) === linkAddress("a"), "p knows a");
      const announcements = await captureAnnouncements();
      const takeover = await startTakeover(b, a);
      cut("a");
      takeover.process.stdin!.write("took-over\n");
      await takeover.says("taken");
      expect(takeover.lines).toEqual(["ready", "asked", "packets", "taken"]);
      await eventually(() => announcements().length === 3, "three announcements");
      for (const line of announcements()) expect(line).toContain(linkAddress("b"));
      expect(knownOnP(a)).toBe(linkAddress("b"));
      sendFromP(a);
      await takeover.says(`received at ${a}`);
    });

    it("a kernel that answers for its dead agent keeps its address; gone and back it gets it again, and p knows", async () => {
      const takeover = await startTakeover(b, a);
      takeover.process.stdin!.write("took-over\n");
      await takeover.says("not-taken");
      expect(has("b", a)).toBe(false);
      cut("a");
      await takeover.says("taken");
      sendFromP(a);
      await takeover.says(`received at ${a}`);
      expect(knownOnP(a)).toBe(linkAddress("b"));
      heal("a");
      await takeover.says("given-back");
      await eventually(() => knownOnP(a) === linkAddress("a"), "p knows who has it");
      expect(has("b", a)).toBe(false);
      expect(takeover.lines).toEqual([
        ...["ready", "asked", "not-taken", "packets", "taken", `received at ${a}`],
        ...(takeover.lines.at(-1) === "no packets"
          ? ["given-back", "no packets"]
          : ["no packets", "given-back"]),
      ]);
    });

    it("the address goes with the agent, whether it ends its service or is killed", async () => {
      const takeover = await startTakeover(b, a);
      cut("a");
      takeover.process.stdin!.write("took-over\n");
      await takeover.says("taken");
      takeover.process.stdin!.write("serves-no-more\n");
      await takeover.says("given-back");
      await eventually(() => !has("b", a), "it is given back");
      takeover.process.stdin!.write("took-over\n");
      await eventually(() => has("b", a), "it is taken again");
      await takeover.end("SIGKILL");
      await eventually(() => !has("b", a), "it goes with the agent");
    });

    it("an address that is not on the link of both is refused with a sentence", async () => {
      const { lines } = await startTakeover(b, far);
      expect(lines[0]).toMatch(
        new RegExp(`^refused the other member's address ${far} is not on the subnet of out0 \\(${b}/`),
      );
    });
  },
);
