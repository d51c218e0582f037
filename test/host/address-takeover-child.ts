import { createInterface } from "node:readline";
import { AddressTakeover } from "../../agents/host/address-takeover.ts";
import { HostClock } from "../../agents/host/clock.ts";
import { loadNativeIo } from "../../agents/host/native-io.ts";
import { openTransport } from "../../agents/host/open-transport.ts";
import { openOutsideLink } from "../../agents/host/outside-link.ts";
import type { ReceivedPacket } from "../../agents/host/packet-transport.ts";

/**
 * The address takeover of an agent, in a network namespace of its own: its own address and the other member's are its
 * arguments. Lines in: `took-over`, `serves-no-more`. Lines out: the steps of its events, `packets` and `no packets` for
 * the transport at the address, what came there, or `refused` with a sentence.
 */
const [own = "", partner = ""] = process.argv.slice(2);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

function start(): AddressTakeover {
  const native = loadNativeIo();
  return new AddressTakeover(partner, openOutsideLink(own, partner, native), {
    clock: new HostClock(),
    record: (records) => {
      for (const each of records) if (each.kind === "event") say(String(each.detail["step"]));
    },
    openTransport: async () => {
      const transport = await openTransport({ address: partner, way: { udpPort: 9899 } }, native);
      const onPackets = (packets: readonly ReceivedPacket[]): void => {
        for (const { route } of packets) say(`received at ${route.local}`);
      };
      transport.start({ onPackets, onIcmp: () => undefined });
      return transport;
    },
    onTransport: (transport) => say(transport === undefined ? "no packets" : "packets"),
  });
}

try {
  const takeover = start();
  createInterface({ input: process.stdin }).on("line", (line) => {
    if (line === "took-over") takeover.settled(true, { by: "takeover", epoch: 2 });
    else takeover.settled(false, undefined);
  });
  say("ready");
} catch (error) {
  say(`refused ${error instanceof Error ? error.message : String(error)}`);
}
