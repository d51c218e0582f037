import { streamKey } from "./deliveries.ts";
import type { HostMessage } from "./history.ts";
import { tookItsRecords } from "./lost-records.ts";
import type { Scene } from "./scene.ts";
import { tenureAt } from "./tenures.ts";

/** From when it is sent until its delivery is written down; more than a trip and a commit take. */
const deliveryMicros = 20_000;

/** The message to the cluster that a record tells of the sending of: an echo is sent when its `down` message is delivered. */
function sentToCluster({ act, flow }: HostMessage): "up" | "echo" | undefined {
  if (act === "sent") return flow === "up" ? flow : undefined;
  return flow === "down" ? "echo" : undefined;
}

/**
 * Messages of which nobody can say whether they were delivered: they were sent while a member served that was killed before
 * it could tell, and nobody else keeps books of what it delivered, since the state lies in a store that is not ours.
 *
 * @returns their numbers, by `streamKey`
 */
export function unwrittenMessages(scene: Scene): ReadonlyMap<string, ReadonlySet<number>> {
  const { history, succession, policies, keeper } = scene;
  const unwritten = new Map<string, Set<number>>();
  if (policies.at(Number.POSITIVE_INFINITY).placement !== "store" || keeper !== undefined) return unwritten;
  const servers = history.hosts.filter(({ name }) => succession.tenures.some(({ host }) => host === name));
  const books = new Map(
    servers.map((host) => [
      host.name,
      { host, sent: history.sent.filter((each) => each.host === host.name) },
    ]),
  );
  for (const message of history.messages) {
    const flow = sentToCluster(message);
    const server = books.get(tenureAt(succession.tenures, message.at)?.host ?? "");
    if (flow === undefined || server === undefined) continue;
    const instants = [message.at, message.at + deliveryMicros];
    if (!instants.some((atUs) => tookItsRecords(history, server.host, server.sent, atUs))) continue;
    const key = streamKey(flow, message.streamId);
    const numbers = unwritten.get(key) ?? new Set<number>();
    unwritten.set(key, numbers.add(message.number));
  }
  return unwritten;
}
