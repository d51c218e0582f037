import { spawn } from "node:child_process";
import type { ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { busybox, kernelImage, whyNoKernel } from "../../../main/lab/kernel-peer/index.ts";
import type { KernelImage } from "../../../main/lab/kernel-peer/index.ts";
import { KernelPeer } from "./kernel-peer.ts";
import type { KernelSocket, StreamTally } from "./kernel-peer.ts";
import { OurPeer } from "./our-peer.ts";
import type { OurSetting, SendOrder } from "./our-peer.ts";
import { networks } from "./virtual-machine.ts";

export const ourPort = 7001;
export const kernelPort = 7002;
/** The registered port of RFC 6951, on both sides. */
const udpPort = 9899;

/**
 * The kernel for the tests, or why there is none. The first time it is booted once, so that a machine that
 * cannot do that is told from a kernel that no longer starts.
 */
export async function prepareKernel(): Promise<{ readonly image?: KernelImage; readonly whyNot?: string }> {
  const missing = whyNoKernel();
  if (missing !== undefined) return { whyNot: missing };
  try {
    busybox();
    const image = kernelImage();
    const mark = join(image.folder, "has-booted");
    if (!existsSync(mark)) {
      await (await KernelPeer.boot(image)).dispose();
      writeFileSync(mark, "");
    }
    return { image };
  } catch (error) {
    return { whyNot: error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error) };
  }
}

/** How an association with the kernel is set up. */
interface PairOptions {
  /** Who sends the INIT. */
  readonly opener: "we" | "the kernel";
  /** Of the kernel's socket; one-to-many unless told otherwise. */
  readonly style?: "one" | "many";
  readonly version?: 4 | 6;
  /** Both networks, an address of each at either side. */
  readonly multihomed?: boolean;
  readonly ours?: Partial<OurSetting>;
  /** Called with the kernel's socket before there is an association. */
  readonly prepare?: (socket: KernelSocket) => Promise<void>;
}

/** An association that is up at both ends. */
export interface Pair {
  readonly ours: OurPeer;
  readonly kernels: KernelSocket;
  readonly association: number;
}

/** How many messages these are together. */
export const arrived = (tallies: readonly StreamTally[]): number =>
  tallies.reduce((sum, { messages }) => sum + messages, 0);

/**
 * `order.count` messages each way at once; resolves when all have arrived at both ends. Throws when one was
 * damaged, lost or out of its order, or when the association changed on the way.
 */
export async function exchange({ ours, kernels, association }: Pair, order: SendOrder): Promise<void> {
  const { count, streams, sizes } = order;
  const [atKernel, atOurs] = [arrived(await kernels.received()), arrived(await ours.received(association))];
  const changes = [ours.changes(association).length, kernels.changes.length];
  await ours.send(association, order);
  await kernels.send(count, streams, sizes);
  await kernels.untilReceived("all at the kernel", (tallies) => arrived(tallies) >= atKernel + count);
  await ours.untilReceived(association, "all at us", (tallies) => arrived(tallies) >= atOurs + count);
  for (const tally of [...(await kernels.received()), ...(await ours.received(association))]) {
    const { next, messages, missing, late, damaged } = tally;
    const fine = next === messages && missing === 0 && late === 0 && damaged === 0;
    if (!fine) throw new Error(`not all came once, whole and in order: ${JSON.stringify(tally)}`);
  }
  const total =
    arrived(await kernels.received()) - atKernel + arrived(await ours.received(association)) - atOurs;
  if (total !== 2 * count) throw new Error(`${total} messages came where ${2 * count} were sent`);
  if (changes[0] !== ours.changes(association).length || changes[1] !== kernels.changes.length) {
    throw new Error("the association did not stay up");
  }
}

/** The virtual machine of a test file, and our endpoints beside it. */
export class KernelBench {
  readonly #image: KernelImage | undefined;
  readonly #prepare: (kernel: KernelPeer) => Promise<void>;
  readonly #ours: OurPeer[] = [];
  #kernel: KernelPeer | undefined;
  #tracer: ChildProcessByStdio<null, null, Readable> | undefined;

  /** @param prepare called with each machine that has come up */
  constructor(image: KernelImage | undefined, prepare?: (kernel: KernelPeer) => Promise<void>) {
    this.#image = image;
    this.#prepare = prepare ?? (() => Promise.resolve());
  }

  get kernel(): KernelPeer {
    if (this.#kernel === undefined) throw new Error("the virtual machine is not up");
    return this.#kernel;
  }

  /** Starts a machine, in the place of the one before if there was one. */
  async boot(): Promise<void> {
    if (this.#image === undefined) throw new Error("there is no kernel to boot");
    await this.dispose();
    this.#kernel = await KernelPeer.boot(this.#image);
    await this.#traceIfWanted();
    await this.encapsulate(true);
    await this.#prepare(this.#kernel);
  }

  /** With KERNEL_TRACE=FOLDER in the environment all packets of a test file are kept in a file there. */
  async #traceIfWanted(): Promise<void> {
    const folder = process.env["KERNEL_TRACE"];
    if (folder === undefined) return;
    const file = join(folder, `kernel-${process.pid}-${Date.now()}.pcap`);
    const program = ["tcpdump", "-i", "any", "-U", "-s", "0", "-w", file];
    const [command, argv] = this.kernel.machine.inside("setpriv", "--pdeathsig", "KILL", ...program);
    this.#tracer = spawn(command, argv, { stdio: ["ignore", "ignore", "pipe"] });
    await once(this.#tracer.stderr, "data");
  }

  /** Our endpoint, at the first network's address unless told otherwise; dies after the test. */
  async ours(setting: Partial<OurSetting> = {}): Promise<OurPeer> {
    const peer = await OurPeer.start(this.kernel, {
      addresses: [networks[0].ours],
      spareAddresses: [],
      port: ourPort,
      listening: false,
      way: "dgram",
      udpPort,
      echoes: false,
      parameters: {},
      extensions: {},
      ...setting,
    });
    this.#ours.push(peer);
    return peer;
  }

  async pair(options: PairOptions): Promise<Pair> {
    const { opener, style = "many", version = 4, multihomed = false, prepare } = options;
    const used = networks.slice(0, multihomed ? 2 : 1);
    const ourAddresses = used.map((each) => (version === 4 ? each.ours : each.ours6));
    const kernelAddresses = used.map((each) => (version === 4 ? each.kernels : each.kernels6));
    const listening = opener === "the kernel";
    const ours = await this.ours({ listening, addresses: ourAddresses, ...options.ours });
    let kernels = await this.kernel.open(style, version);
    await kernels.bind(kernelPort, ...kernelAddresses);
    await prepare?.(kernels);
    if (opener === "we") {
      await kernels.command("listen");
      await ours.connect(kernelAddresses[0] ?? "", kernelPort);
      if (style === "one") kernels = await kernels.accepted();
    } else await kernels.connect(ourPort, ourAddresses[0] ?? "");
    const association = await ours.untilUp();
    await kernels.untilChange("comm-up");
    return { ours, kernels, association };
  }

  /** Whether the kernel speaks SCTP inside UDP, or plain IP protocol 132. */
  async encapsulate(on: boolean): Promise<void> {
    const port = on ? udpPort : 0;
    await this.kernel.sysctl({ udp_port: port, encap_port: port });
  }

  /** After each test: nothing of it is left on either side. */
  async clear(): Promise<void> {
    for (const peer of this.#ours.splice(0)) await peer.kill();
    await this.kernel.die();
    for (const network of [0, 1] as const) await this.kernel.impair(network, "");
  }

  async dispose(): Promise<void> {
    for (const peer of this.#ours.splice(0)) await peer.kill();
    this.#tracer?.kill("SIGINT");
    await this.#kernel?.dispose();
    this.#kernel = undefined;
  }
}
