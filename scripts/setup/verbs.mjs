/**
 * What each npm script needs and what it starts. Plain JavaScript for Node 20: it runs before
 * anything is installed.
 */

const LAB = [
  "iproute2",
  "nftables",
  "openssh-server",
  "tcpdump",
  "libpcap-dev",
  "g++",
  "make",
  "python3",
  "ethtool",
  "procps",
];
const REDIS = ["redis-server"];
const USRSCTP = ["gcc", "libc6-dev", "libusrsctp-dev"];
/** The Linux kernel in a virtual machine; its own package is fetched and unpacked by the tests, not installed. */
const KERNEL_PEER = ["qemu-system-x86", "busybox-static", "cpio", "kmod", "lz4"];
const TESTS = [...REDIS, "chromium", "tshark", "wireshark-common", ...KERNEL_PEER];

/** Where a system that is not Debian shows that it has what a package brings: a command or a file. */
export const PROVIDES = {
  iproute2: "ip",
  nftables: "nft",
  "openssh-server": "sshd",
  tcpdump: "tcpdump",
  "libpcap-dev": "/usr/include/pcap.h",
  "g++": "g++",
  make: "make",
  python3: "python3",
  ethtool: "ethtool",
  procps: "ps",
  "redis-server": "redis-server",
  "util-linux": "taskset",
  gcc: "gcc",
  "libc6-dev": "/usr/include/stdio.h",
  "libusrsctp-dev": "/usr/include/usrsctp.h",
  chromium: "chromium",
  tshark: "tshark",
  "wireshark-common": "dumpcap",
  "qemu-system-x86": "qemu-system-x86_64",
  "busybox-static": "busybox",
  cpio: "cpio",
  kmod: "depmod",
  lz4: "lz4",
};

/**
 * entry: the TypeScript file that does the work, then its fixed first arguments.
 * debian: packages of Debian; cap: the libpcap binding must be built; native: the packet addon
 * must be built; electron: fetch its binary; build: the bundles in dist/ must be fresh.
 */
export const VERBS = {
  demo: { entry: ["main/cli/entry.ts", "demo"], debian: LAB, cap: true, native: true, build: true },
  matrix: {
    entry: ["main/cli/entry.ts", "matrix"],
    debian: [...LAB, ...USRSCTP, ...REDIS],
    cap: true,
    native: true,
    build: true,
  },
  start: { entry: ["main/cli/entry.ts", "open"], electron: true, build: true },
  cli: { entry: ["main/cli/entry.ts"], cap: true, native: true, build: true },
  "bench:failover": {
    entry: ["bench/failover.ts"],
    debian: [...LAB, ...USRSCTP],
    cap: true,
    native: true,
    build: true,
  },
  "bench:replication": { entry: ["bench/replication/main.ts"], debian: ["g++"], native: true },
  "bench:packet-io": { entry: ["bench/packet-io.ts"], debian: ["g++"], native: true },
  "bench:sctp": { entry: ["bench/sctp/main.ts"], debian: [...USRSCTP, "util-linux"], native: true },
  sim: { entry: ["test/sim/replication/run.ts"] },
  "sim:sctp": { entry: ["test/sim/sctp/run.ts"] },
  "fuzz:sctp": { entry: ["test/fuzz/run.ts"] },
  "sctp:adapter": { entry: ["agents/adapter/entry.ts"] },
  check: { entry: ["scripts/check.ts"] },
  build: { entry: ["scripts/build.ts"] },
  test: { entry: ["scripts/test.ts"], debian: [...LAB, ...USRSCTP, ...TESTS], cap: true, native: true },
};

/** The Debian packages for a verb with these arguments. */
export function debianPackages(verb, args) {
  const wanted = [...(VERBS[verb].debian ?? [])];
  const has = (option, value) =>
    args.includes(`${option}=${value}`) || args.some((arg, at) => arg === option && args[at + 1] === value);
  if (verb === "demo" && has("--peer", "usrsctp")) wanted.push(...USRSCTP);
  if (verb === "demo" && has("--peer", "kernel")) wanted.push(...KERNEL_PEER, "gcc", "libc6-dev");
  if (verb === "demo" && has("--store", "redis")) wanted.push(...REDIS);
  if (verb === "matrix" && args.includes("kernel")) wanted.push(...KERNEL_PEER);
  return wanted;
}
