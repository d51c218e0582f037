import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Endpoint } from "../../agents/sctp/index.ts";
import { sctpPort, virtualEndpoint } from "./endpoints.ts";

const server = "192.0.2.1";
const nowMs = 1_000_000;
const payload: Uint8Array = new Uint8Array(64).fill(0x5a);

/** Nothing but what is still referenced. */
function collected(): NodeJS.MemoryUsage {
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc") as () => void;
  for (let pass = 0; pass < 4; pass++) gc();
  return process.memoryUsage();
}

/**
 * What idle associations cost one endpoint: each is set up by a client of its own, carries a message each way,
 * and then stands still; the clients are forgotten, so that only one end of each stays in the memory.
 */
export function idleMemory(associations: number): string {
  const endpoint = virtualEndpoint(server, sctpPort, true, 1, { maxAssociations: associations });
  // What is made once for all associations, the compiled code too, is no cost of each.
  const warm = Math.min(200, associations - 1);
  const handles = Array.from({ length: associations }, () => 0);
  for (let index = 0; index < warm; index++) handles[index] = oneAssociation(endpoint, index);
  const before = collected();
  for (let index = warm; index < associations; index++) {
    handles[index] = oneAssociation(endpoint, index);
    // The clients' remains, which would make the process grow.
    if (index % 500 === 0) collected();
  }
  const after = collected();
  for (const handle of handles) {
    if (endpoint.state(handle)?.phase !== "established") throw new Error("an association was lost meanwhile");
  }
  const added = associations - warm;
  const heap = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
  const line = (name: string, bytes: number): string =>
    `${name}: ${((bytes / added) * (associations / 1e6)).toFixed(1)} MB for ${associations} idle associations, ${(bytes / added / 1000).toFixed(2)} kB each\n`;
  return line("resident memory", after.rss - before.rss) + line("heap and buffers in use", heap);
}

function oneAssociation(endpoint: Endpoint, index: number): number {
  const address = `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`;
  const client = virtualEndpoint(address, sctpPort, false, index + 2);
  const handle = client.connect(server, sctpPort, nowMs);
  const served = exchange(client, endpoint, address);
  client.send(handle, { streamId: 0, ppid: 0, unordered: false, payload }, nowMs);
  exchange(client, endpoint, address);
  if (served === undefined) throw new Error(`association ${index} was not set up`);
  endpoint.send(served, { streamId: 0, ppid: 0, unordered: false, payload }, nowMs);
  exchange(client, endpoint, address);
  // The last delayed SACK, which in the endpoint's own time would come soon.
  client.advance(nowMs + 200);
  exchange(client, endpoint, address);
  return served;
}

/** Packets go to and fro until there are none; answers the server's handle where an association came up. */
function exchange(client: Endpoint, endpoint: Endpoint, address: string): number | undefined {
  let handle: number | undefined;
  for (;;) {
    const there = client.takeOutputs();
    for (const { bytes } of there.packets) {
      endpoint.receive(bytes, { local: server, remote: address }, nowMs);
    }
    const back = endpoint.takeOutputs();
    for (const { association, notification } of back.notifications) {
      if (notification.type === "association-change" && notification.state === "comm-up")
        handle = association;
    }
    for (const { bytes } of back.packets) client.receive(bytes, { local: address, remote: server }, nowMs);
    if (there.packets.length + back.packets.length === 0) return handle;
  }
}
