import type { SchedulerName } from "../../../agents/sctp/index.ts";
import { noExtensions } from "../../../agents/sctp/index.ts";
import type { Script } from "../rfc9260/kit.ts";
import { sack } from "../rfc9260/sketches.ts";
import { interleaved } from "./kit.ts";

/** Priority or weight by stream. */
type Values = Readonly<Record<number, number>>;

/** Messages: stream and length, `u` behind it for unordered. Packets: stream / MID / FSN of each chunk, or stream / SSN. */
export interface Plan {
  readonly scheduler: SchedulerName;
  readonly values?: Values;
  readonly messages: readonly (readonly [streamId: number, size: number, "u"?])[];
  /** Later ones, given behind the first packet. */
  readonly later?: readonly (readonly [streamId: number, size: number])[];
  readonly withData?: boolean;
}

/** One fragment of this fills a packet; `half` two of which do. */
export const full = 980;
export const half = 470;

export function begin({ scheduler, values = {}, withData = false }: Plan): Script {
  return interleaved({
    peerWindow: 1_000_000,
    parameters: {
      scheduler,
      streamValues: Object.entries(values).map(([streamId, value]) => [Number(streamId), value] as const),
      sendBufferBytes: 1_000_000,
      ...(withData ? { extensions: noExtensions } : {}),
    },
  });
}

/** The packets that leave, each acknowledged, until nothing is left. */
export function packetsOf(plan: Plan): string[][] {
  const script = begin(plan);
  const { peer, user } = script;
  const give = (messages: NonNullable<Plan["later"]> | Plan["messages"]): void =>
    user.sends(
      ...messages.map(([streamId, size, unordered]) => ({ streamId, size, unordered: unordered === "u" })),
    );
  give(plan.messages);
  const packets: string[][] = [];
  for (let sent = 0; peer.arrivals.length > 0;) {
    for (const { chunks } of peer.skips()) {
      const data = chunks.filter(({ type }) => type === "I_DATA" || type === "DATA");
      sent += data.length;
      packets.push(
        data.map((each) =>
          each.type === "DATA"
            ? `${String(each["streamId"])}/${String(each["ssn"])}`
            : `${String(each["streamId"])}${each["unordered"] === true ? "u" : ""}/${String(each["messageId"])}/${String(each["fsn"])}`,
        ),
      );
    }
    if (plan.later !== undefined && packets.length === 4) give(plan.later);
    peer.sends(sack(sent));
  }
  return packets;
}

export const orderOf = (plan: Plan): string[] => packetsOf(plan).flat();
/** Only the streams, chunk by chunk. */
export const streamsOf = (plan: Plan): number[] => orderOf(plan).map((name) => Number.parseInt(name, 10));

export const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);
