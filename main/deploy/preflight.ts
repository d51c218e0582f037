import { createInterface } from "node:readline";
import { oldestNodeMajor } from "./deploy-agent.ts";
import { HostError } from "./host-error.ts";
import type { SshHost } from "./ssh-host.ts";

/** What a run wants of a host. What is left out is not checked. */
export interface PreflightNeeds {
  readonly workdir: string;
  /** Space wanted in the workdir; default 64 MiB. */
  readonly freeBytes?: number;
  /** Interfaces that must be up and hold the address. */
  readonly interfaces?: readonly { readonly device: string; readonly address: string }[];
  /** UDP ports that nobody may hold yet. */
  readonly udpPorts?: readonly number[];
  readonly capture?: boolean;
  readonly root?: boolean;
  readonly nftables?: boolean;
  /** Raw IP protocol 132 instead of UDP. */
  readonly raw?: {
    /** What `uname -m` says where a packet addon can be sent, see `addonMachines`. */
    readonly addonMachines: readonly string[];
    /** Whether the host's kernel must keep quiet when its agent dies: that of a cluster's computer. */
    readonly quiet: boolean;
  };
  /** True where a runtime can be sent: then a host without Node is fine. */
  readonly nodeCanBeSent?: boolean;
}

export interface PreflightItem {
  readonly check: string;
  readonly ok: boolean;
  readonly detail: string;
  /** What to do; only where `ok` is false. */
  readonly fix?: string;
}

/** A clock further off than this makes a run's figures worthless. */
const clockLimitMicros = 1_000_000;

/** One round trip brings all facts: `key value` lines. */
const askFacts = `
echo "node $(node --version 2>/dev/null)"
echo "uid $(id -u)"
sudo -n true 2>/dev/null && echo "sudo yes"
for tool in dumpcap tcpdump nft ss ip; do command -v "$tool" >/dev/null && echo "tool $tool"; done
d=$1; while [ ! -e "$d" ] && [ "$d" != / ]; do d=$(dirname -- "$d"); done
[ -d "$d" ] && [ -w "$d" ] && echo "writable yes"
echo "space $(df -Pk -- "$d" | tail -n 1 | awk '{print $4}')"
ip -o addr show 2>/dev/null | awk '{sub("/.*", "", $4); print "address", $2, $4}'
ip -o link show up 2>/dev/null | awk '{sub("[:@].*", "", $2); print "up", $2}'
echo "machine $(uname -m)"
awk '/^CapEff/ {print "capabilities", $2}' /proc/self/status 2>/dev/null
{ [ -e /proc/net/sctp ] || grep -q '^sctp ' /proc/modules; } 2>/dev/null && echo "kernel-sctp yes"
ss -Hlun 2>/dev/null | awk '{print "udp", $4}'
true`;

const wordsKept = 500;

type Facts = ReadonlyMap<string, readonly string[]>;

function parseFacts(text: string): Facts {
  const facts = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const [key, ...values] = line.trim().split(/\s+/);
    if (!key || values.length === 0) continue;
    facts.set(key, [...(facts.get(key) ?? []), values.join(" ")]);
  }
  return facts;
}

function item(check: string, ok: boolean, detail: string, fix: string): PreflightItem {
  return ok ? { check, ok, detail } : { check, ok, detail, fix };
}

function has(facts: Facts, key: string, value: string): boolean {
  return facts.get(key)?.includes(value) ?? false;
}

function checkNode(facts: Facts, needs: PreflightNeeds): PreflightItem {
  const version = facts.get("node")?.[0];
  const isRecent = Number(/^v(\d+)\./.exec(version ?? "")?.[1] ?? 0) >= oldestNodeMajor;
  const detail = version ?? "no Node";
  if (!isRecent && needs.nodeCanBeSent)
    return { check: "node", ok: true, detail: `${detail}; ours will be sent` };
  return item("node", isRecent, detail, `Install Node ${oldestNodeMajor} or later.`);
}

function checkDisk(facts: Facts, needs: PreflightNeeds): PreflightItem {
  const wanted = needs.freeBytes ?? 64 * 1024 * 1024;
  const free = Number(facts.get("space")?.[0] ?? 0) * 1024;
  if (!has(facts, "writable", "yes")) {
    return item(
      "disk",
      false,
      `${needs.workdir} is not writable`,
      "Set a workdir that belongs to the SSH user.",
    );
  }
  const detail = `${Math.floor(free / 1024)} KiB free for ${needs.workdir}`;
  return item(
    "disk",
    free >= wanted,
    detail,
    `Free ${Math.ceil((wanted - free) / 1024)} KiB or set another workdir.`,
  );
}

function checkInterfaces(facts: Facts, needs: PreflightNeeds): PreflightItem[] {
  return (needs.interfaces ?? []).map(({ device, address }) => {
    const check = `interface ${device}`;
    if (!has(facts, "tool", "ip"))
      return item(check, false, "cannot be told without ip", "Install iproute2.");
    const held = (facts.get("address") ?? [])
      .filter((line) => line.startsWith(`${device} `))
      .map((line) => line.split(" ")[1]);
    if (held.length === 0 && !has(facts, "up", device)) {
      return item(
        check,
        false,
        "not there, or down",
        `Correct its name in the testbed, or run: ip link set ${device} up`,
      );
    }
    const detail = held.length > 0 ? `has ${held.join(", ")}` : "has no address";
    // Linux answers for every loopback address although only 127.0.0.1 is listed.
    const isLoopback = device === "lo" && address.startsWith("127.");
    return item(
      check,
      held.includes(address) || isLoopback,
      detail,
      `Give it ${address}, or correct the testbed.`,
    );
  });
}

function checkPorts(facts: Facts, needs: PreflightNeeds): PreflightItem[] {
  const taken = facts.get("udp") ?? [];
  const isTold = has(facts, "tool", "ss");
  return (needs.udpPorts ?? []).map((port) => {
    const holder = taken.find((address) => address.endsWith(`:${port}`));
    if (!isTold) return item(`udp port ${port}`, false, "cannot be told without ss", "Install iproute2.");
    const detail = holder ? `taken (${holder})` : "free";
    return item(
      `udp port ${port}`,
      holder === undefined,
      detail,
      `Stop its owner (ss -lunp shows it), or set another udpPort.`,
    );
  });
}

function checkRights(facts: Facts, needs: PreflightNeeds): PreflightItem[] {
  const items: PreflightItem[] = [];
  const isRoot = has(facts, "uid", "0");
  if (needs.root) {
    const detail = isRoot
      ? "root"
      : has(facts, "sudo", "yes")
        ? "sudo without a password"
        : "an ordinary user";
    const fix = "Log in as root, or allow sudo without a password.";
    items.push(item("root", isRoot || has(facts, "sudo", "yes"), detail, fix));
  }
  if (needs.capture) {
    const tools = ["dumpcap", "tcpdump"].filter((tool) => has(facts, "tool", tool));
    items.push(
      item("capture", tools.length > 0, tools.join(", ") || "no capture program", "Install tcpdump."),
    );
  }
  if (needs.nftables) {
    const isThere = has(facts, "tool", "nft");
    items.push(item("nftables", isThere, isThere ? "nft" : "no nft", "Install nftables."));
  }
  return items;
}

/** Bit of CAP_NET_RAW (capabilities(7)) in a capability set. */
const netRawBit = 13n;

/** What stands in the way of raw IP protocol 132, one item for each. */
function checkRaw(facts: Facts, { raw }: PreflightNeeds): PreflightItem[] {
  if (raw === undefined) return [];
  const machine = facts.get("machine")?.[0] ?? "unknown";
  const isBuilt = raw.addonMachines.includes(machine);
  const set = facts.get("capabilities")?.[0];
  const mayOpen = set !== undefined && ((BigInt(`0x${set}`) >> netRawBit) & 1n) === 1n;
  const isLoaded = has(facts, "kernel-sctp", "yes");
  const items = [
    item(
      "packet addon",
      isBuilt,
      `${isBuilt ? "built" : "not built"} for ${machine}`,
      `Run the desk on a Linux machine of that kind (${machine}) with gcc, or choose UDP.`,
    ),
    item(
      "raw packets",
      mayOpen,
      mayOpen ? "CAP_NET_RAW" : "the SSH user has no CAP_NET_RAW",
      "Log in as root, or choose UDP.",
    ),
    item(
      "kernel SCTP",
      !isLoaded,
      isLoaded ? "loaded: it would answer every packet of ours with an ABORT" : "not loaded",
      "Unload it (modprobe -r sctp), or choose UDP.",
    ),
  ];
  if (!raw.quiet) return items;
  const canBeQuiet = has(facts, "tool", "nft");
  const quiet = canBeQuiet
    ? "nft can drop it"
    : "without nft the kernel answers for a dead agent with ICMP protocol unreachable";
  return [...items, item("ICMP", canBeQuiet, quiet, "Install nftables.")];
}

/** One shell answers all probes: the start of a session takes far longer than `date` does. */
const clockByDate: readonly string[] = ["sh", "-c", "while read -r _; do date +%s.%N; done"];

/**
 * Node answers without starting a program each time, which makes the bound several times smaller. The
 * edges of milliseconds anchor its fine clock, as the agent's own clock is anchored.
 */
const clockProgram = `
let low = -Infinity, high = Infinity;
for (let i = 0; i < 4000 && high - low > 0.02; i++) {
  const before = performance.now(), whole = Date.now(), after = performance.now();
  low = Math.max(low, whole - after); high = Math.min(high, whole + 1 - before);
}
const offset = (low + high) / 2;
process.stdin.on("data", () => console.log(((offset + performance.now()) / 1000).toFixed(9)));
process.stdin.on("end", () => process.exit());
console.log("ready");`;

interface ClockOffset {
  readonly offsetMicros: number;
  readonly errorMicros: number;
}

/**
 * The host's clock against the desk's: add `offsetMicros` to the desk's time to get the host's; the
 * truth lies within `errorMicros` either way. `node` is the command of a Node on the host; without one
 * `date` is asked. Undefined where that has no nanoseconds; rejects with a HostError where that Node does not run.
 */
export async function clockOffset(host: SshHost, node?: string): Promise<ClockOffset | undefined> {
  const clock = await host.spawn(node === undefined ? clockByDate : [node, "-e", clockProgram]);
  let said = "";
  clock.stderr.on("data", (bytes: Buffer) => (said = (said + bytes.toString()).slice(-wordsKept)));
  const answers = createInterface({ input: clock.stdout })[Symbol.asyncIterator]();
  if (node !== undefined && (await answers.next()).value !== "ready") {
    const words = said.trim().replaceAll("\n", " | ") || "it said nothing";
    const text = `Node on ${host.where} (${node}) does not run: ${words}; install it anew there.`;
    throw new HostError("no-node", host.name, text);
  }
  let best: ClockOffset | undefined;
  for (let probe = 0; probe < (node === undefined ? 8 : 64); probe++) {
    const before = performance.timeOrigin + performance.now();
    clock.stdin.write("\n");
    const { value } = await answers.next();
    const after = performance.timeOrigin + performance.now();
    if (!/^\d+\.\d{9}$/.test(String(value))) break;
    const errorMicros = Math.ceil(((after - before) * 1000) / 2);
    const offsetMicros = Math.round(Number(value) * 1e6 - ((before + after) * 1000) / 2);
    if (!best || errorMicros < best.errorMicros) best = { offsetMicros, errorMicros };
  }
  clock.stdin.end();
  await answers.return?.();
  clock.stdout.resume();
  await clock.exited;
  return best;
}

async function checkClock(host: SshHost): Promise<PreflightItem> {
  const clock = await clockOffset(host);
  if (!clock) return { check: "clock", ok: true, detail: "cannot be read to the microsecond there" };
  const isNear = Math.abs(clock.offsetMicros) <= clockLimitMicros + clock.errorMicros;
  const detail = `${(clock.offsetMicros / 1000).toFixed(1)} ms off, known to ${(clock.errorMicros / 1000).toFixed(1)} ms`;
  return item("clock", isNear, detail, "Set the clock there; run an NTP client such as chrony.");
}

/** Looks whether a host has what a run needs, before anything is changed there. */
export async function preflight(host: SshHost, needs: PreflightNeeds): Promise<PreflightItem[]> {
  const began = performance.now();
  const { stdout } = await host.script(askFacts, [needs.workdir]);
  const reach = `one round trip in ${(performance.now() - began).toFixed(0)} ms`;
  const facts = parseFacts(stdout);
  return [
    { check: "reach", ok: true, detail: reach },
    checkNode(facts, needs),
    checkDisk(facts, needs),
    ...checkRights(facts, needs),
    ...checkInterfaces(facts, needs),
    ...checkPorts(facts, needs),
    ...checkRaw(facts, needs),
    await checkClock(host),
  ];
}
