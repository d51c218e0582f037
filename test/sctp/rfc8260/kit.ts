import { expect } from "vitest";
import { noExtensions } from "../../../agents/sctp/index.ts";
import type { Delivery } from "../../../agents/sctp/index.ts";
import type { Script, Setting } from "../rfc9260/kit.ts";
import { established } from "../rfc9260/kit.ts";
import type { Sketch } from "../rfc9260/sketches.ts";

/** A message of so many bytes fills a packet of the scripts with one I-DATA chunk. */
export const FULL = 980;

export const iDataType = 0x40;
export const forwardTsnType = 0xc0;
export const iForwardTsnType = 0xc2;

type Fields = Readonly<Record<string, unknown>>;

export const iData = (tsn: number, fields: Fields = {}): Sketch => ({ type: "I_DATA", tsn, ...fields });

/** Fragments by what they do in their message; `fsn` only where it does not begin. */
export const first = (fields: Fields = {}): Fields => ({ beginning: true, ending: false, ...fields });
export const middle = (fsn: number, fields: Fields = {}): Fields => ({
  beginning: false,
  ending: false,
  fsn,
  ...fields,
});
export const last = (fsn: number, fields: Fields = {}): Fields => ({
  beginning: false,
  ending: true,
  fsn,
  ...fields,
});

/** Stream, message identifier, and U where it is about unordered messages. */
export type Skipped = readonly [number, number, "U"?];

export const iForward = (newCumulativeTsn: number, ...skipped: readonly Skipped[]): Sketch => ({
  type: "I_FORWARD_TSN",
  newCumulativeTsn,
  streams: skipped.map(([streamId, messageId, unordered]) => ({
    streamId,
    messageId,
    unordered: unordered === "U",
  })),
});

export const forward = (newCumulativeTsn: number, ...skipped: readonly Skipped[]): Sketch => ({
  type: "FORWARD_TSN",
  newCumulativeTsn,
  streams: skipped.map(([streamId, ssn]) => ({ streamId, ssn })),
});

export const supports = (...chunkTypes: readonly number[]): Fields => ({
  type: "SUPPORTED_EXTENSIONS",
  chunkTypes,
});

/** The endpoint and its peer have I-DATA and I-FORWARD-TSN. */
export function interleaving(setting: Setting = {}): Setting {
  return {
    peerParameters: [supports(iDataType, iForwardTsnType)],
    ...setting,
    parameters: {
      extensions: { ...noExtensions, interleaving: true, partialReliability: true },
      fragmentInterleave: 2,
      maxBurst: 1000,
      ...setting.parameters,
    },
  };
}

/** Established with I-DATA and I-FORWARD-TSN, and nothing was sent since. */
export const interleaved = (setting: Setting = {}): Script => established(interleaving(setting));

/** The same, and the peer's first message (TSN 1, stream 0, MID 0) was acknowledged: SACKs may be delayed now. */
export function receiving(setting: Setting = {}): Script {
  const script = interleaved(setting);
  script.peer.sends(iData(1));
  script.peer.skips(500);
  expect(script.user.takes()).toHaveLength(1);
  return script;
}

/** Deliveries in short: stream, `u` or `o`, message identifier, bytes; `..` where parts are missing. */
export const inShort = (deliveries: readonly Delivery[]): string[] =>
  deliveries.map(({ streamId, unordered, ssn, payload, beginning, ending }) => {
    const name = `${streamId}${unordered ? "u" : "o"}${ssn}`;
    return `${beginning ? "" : ".."}${name}:${payload.length}${ending ? "" : ".."}`;
  });

/** Names of chunks that came, error causes included. */
const namesOf = (chunks: readonly Sketch[]): string[] =>
  chunks.flatMap((chunk) => {
    if (chunk.type !== "ABORT" && chunk.type !== "ERROR") return [chunk.type];
    const causes = chunk["causes"] as readonly { readonly type: string }[];
    return causes.map(({ type }) => `${chunk.type} ${type}`);
  });

/** What came at once, by name. */
export const answers = ({ peer }: Script): string[] =>
  namesOf(peer.arrivals.splice(0).flatMap(({ chunks }) => chunks));
