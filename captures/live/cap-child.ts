import cap from "cap";
import { interfaceBlock, packetBlock, pcapngHeader } from "../format/index.ts";

/**
 * The engine `cap`, as a program: `cap-child.ts INTERFACE FILTER RING_BYTES` writes pcapng to stdout
 * until SIGINT or SIGTERM. A process of its own, because the binding aborts the whole process when
 * the interface goes down. `--probe` ends at once: that it ended well shows that the binding loads.
 */

/** libpcap's limit in the binding; longer packets cannot reach us. */
const PACKET_BYTES = 65_535;
/** When our reader lags by this much it has stopped reading. */
const MAX_UNREAD_BYTES = 64 * 1024 * 1024;

/** The binding names only some link types (LINKTYPE_ numbers of the tcpdump group); others it calls by number. */
const LINK_TYPES = new Map([
  ["NULL", 0],
  ["ETHERNET", 1],
  ["RAW", 101],
  ["LINKTYPE_LINUX_SLL", 113],
  ["IEEE802_11_RADIO", 127],
]);

function linkTypeOf(name: string): number {
  const known = LINK_TYPES.get(name) ?? Number(/^Unknown linktype (\d+)$/.exec(name)?.[1]);
  if (Number.isNaN(known)) throw new Error(`the binding answered the unknown link type ${name}`);
  return known;
}

/** The binding gives no stamp: this is the instant at which the packet arrived here. */
const nowUs = (): number => Math.floor((performance.timeOrigin + performance.now()) * 1000);

function capture(interfaceName: string, filter: string, ringBytes: number): void {
  const capturer = new cap.Cap();
  const buffer = Buffer.alloc(PACKET_BYTES);
  let unsent: Uint8Array[] = [];

  const flush = (): void => {
    if (unsent.length > 0) process.stdout.write(Buffer.concat(unsent));
    unsent = [];
    if (process.stdout.writableLength > MAX_UNREAD_BYTES) {
      process.stderr.write("nobody reads the captured packets fast enough\n");
      process.exit(4);
    }
  };
  capturer.on("packet", (length) => {
    // All packets of one wake-up come in one go, and leave in one write after it.
    if (unsent.length === 0) setImmediate(flush);
    unsent.push(packetBlock({ interfaceIndex: 0, atUs: nowUs(), bytes: buffer.subarray(0, length) }));
  });

  let ending = false;
  const end = (): void => {
    if (ending) return;
    ending = true;
    // A poll phase lies between the two: it empties the ring of what came before the signal.
    setImmediate(() => {
      setImmediate(() => {
        flush();
        capturer.close();
        process.stdout.end();
      });
    });
  };
  process.on("SIGINT", end);
  process.on("SIGTERM", end);

  const linkType = linkTypeOf(capturer.open(interfaceName, filter, ringBytes, buffer));
  process.stdout.write(pcapngHeader({ application: "Understudy, engine cap" }));
  process.stdout.write(interfaceBlock({ name: interfaceName, linkType, snapLength: PACKET_BYTES, filter }));
}

const [interfaceName, filter, ringBytes] = process.argv.slice(2);
if (interfaceName !== "--probe") {
  if (interfaceName === undefined || filter === undefined || ringBytes === undefined) {
    throw new Error("usage: cap-child.ts INTERFACE FILTER RING_BYTES");
  }
  process.stdout.on("error", () => process.exit(5));
  try {
    capture(interfaceName, filter, Number(ringBytes));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(3);
  }
}
