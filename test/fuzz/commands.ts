import type { OutgoingMessage, PathChange, ProtocolParameters } from "../../agents/sctp/index.ts";
import { Endpoint, seededRandom } from "../../agents/sctp/index.ts";
import type { Node } from "../sim/endpoints.ts";
import { World, endpointConfig } from "../sim/endpoints.ts";
import type { Dice } from "../sim/sctp/dice.ts";
import { excesses } from "./stage.ts";

const addresses: Readonly<Record<"one" | "two", readonly string[]>> = {
  one: ["192.0.2.11", "192.0.2.12"],
  two: ["198.51.100.21"],
};
const anyAddress: readonly string[] = [...addresses.one, ...addresses.two, "203.0.113.9"];
const mostPackets = 5000;

const small: Partial<ProtocolParameters> = {
  receiveBufferBytes: 16 * 1024,
  sendBufferBytes: 64 * 1024,
  rtoInitialMs: 300,
  rtoMinMs: 100,
  rtoMaxMs: 1000,
  associationMaxRetrans: 4,
  heartbeatIntervalMs: 5000,
};

const aMessage = (dice: Dice): OutgoingMessage => ({
  streamId: dice.pick([-1, 0, 1, 15, 16, 65_535, 65_536]),
  ppid: dice.uint32(),
  unordered: dice.chance(0.3),
  payload: new Uint8Array(dice.pick([0, 1, 10, 1444, 1445, 10_000, 64 * 1024, 300_000])),
  immediate: dice.chance(0.2),
  ...(dice.chance(0.3)
    ? { reliability: { policy: "timed", lifetimeMs: dice.pick([0, 1, 1000]) } as const }
    : {}),
});

const someParameters = (dice: Dice): Partial<ProtocolParameters> =>
  dice.pick<Partial<ProtocolParameters>>([
    { noDelay: false },
    { rtoMinMs: 1, rtoMaxMs: 50 },
    { maxBurst: 1 },
    { sackFrequency: 1 },
    { heartbeatIntervalMs: 100 },
    { associationMaxRetrans: 1 },
    { scheduler: "priority" },
    { sendBufferBytes: 1 },
  ]);

const aPathChange = (dice: Dice): PathChange =>
  dice.pick<PathChange>([
    { heartbeatEnabled: false },
    { heartbeatIntervalMs: 50 },
    { pathMaxRetrans: 0 },
    { pathMtuDiscovery: true },
  ]);

/** One call of the API with arguments that may be anything that their types allow. */
function command(dice: Dice, world: World, node: Node): void {
  const { endpoint } = node;
  const { nowMs } = world;
  const handles = [...endpoint.associations()];
  const handle = dice.chance(0.9) && handles.length > 0 ? dice.pick(handles) : dice.uint32();
  const address = dice.pick(anyAddress);
  switch (dice.int(0, 15)) {
    case 0:
      endpoint.connect(address, dice.pick([7000, 7000, 7001]), nowMs);
      break;
    case 1:
    case 2:
    case 3:
    case 4:
      endpoint.send(handle, aMessage(dice), nowMs);
      break;
    case 5:
      if (dice.chance(0.3)) endpoint.shutdown(handle, nowMs);
      break;
    case 6:
      if (dice.chance(0.3)) endpoint.abort(handle, "x".repeat(dice.pick([0, 5, 5000])), nowMs);
      break;
    case 7:
      endpoint.configureAssociation(handle, someParameters(dice), nowMs);
      break;
    case 8:
      endpoint.configurePath(handle, address, aPathChange(dice), nowMs);
      break;
    case 9:
      endpoint.setPrimary(handle, address);
      break;
    case 10:
      endpoint.requestHeartbeat(handle, address, nowMs);
      break;
    case 11: {
      const quoted = Uint8Array.from({ length: dice.pick([0, 7, 8, 40]) }, () => dice.uint32() & 255);
      const kind = dice.pick([
        "packet-too-big",
        "port-unreachable",
        "protocol-unreachable",
        "unreachable",
      ] as const);
      const route = { local: node.config.ownAddress, remote: address };
      endpoint.receiveIcmp({ kind, mtuBytes: dice.pick([0, 68, 576, 1500, 1e9]), quoted, route }, nowMs);
      break;
    }
    case 12:
      endpoint.useOtherAddresses(dice.chance(0.5));
      break;
    case 13:
      endpoint.statistics(handle);
      endpoint.pendingBytes(handle);
      endpoint.saveUserState(handle, new Uint8Array(dice.int(0, 100)));
      break;
    case 14:
      endpoint.configure(someParameters(dice));
      break;
    default:
      world.drain(node);
      node.endpoint = Endpoint.restore(endpoint.snapshot(), node.config, seededRandom(dice.uint32()));
  }
}

/** Random calls in random order at two endpoints: nothing throws, nothing grows, and in the end it is quiet. */
export function playCommands(dice: Dice): void {
  const faults = {
    latencyMs: 1,
    jitterMs: 3,
    loss: dice.pick([0, 0.05, 0.3]),
    duplication: 0.05,
    corruption: 0.02,
  };
  const world = new World(dice.uint32(), faults);
  world.add(endpointConfig(addresses.one, dice.chance(0.8), small), dice.uint32());
  world.add(endpointConfig(addresses.two, dice.chance(0.8), small), dice.uint32());
  for (let count = dice.int(1, 40); count > 0; count--) {
    const node = dice.pick(world.nodes);
    command(dice, world, node);
    if (dice.chance(0.7)) world.drain(node);
    if (dice.chance(0.5)) world.run(dice.pick([0, 1, 10, 300, 3000]));
  }
  world.run(20_000);
  if (world.network.log.length > mostPackets)
    throw new Error(`${world.network.log.length} packets for 40 calls`);
  for (const node of world.nodes) {
    const tooMany = excesses(node.endpoint.snapshot()).filter((excess) => !excess.startsWith("connecting"));
    if (tooMany.length > 0) throw new Error(tooMany.join("; "));
  }
}
