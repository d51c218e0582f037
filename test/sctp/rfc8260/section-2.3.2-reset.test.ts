import { describe, expect, it } from "vitest";
import { noExtensions } from "../../../agents/sctp/index.ts";
import type { WantedReconfiguration } from "../../../agents/sctp/index.ts";
import type { Arrival, Script } from "../rfc9260/kit.ts";
import { sack } from "../rfc9260/sketches.ts";
import { FULL, first, iData, iForward, inShort, interleaved, last, supports } from "./kit.ts";

const reConfigType = 130;
const U = { unordered: true };

/** I-DATA, I-FORWARD-TSN and RE-CONFIG on both sides; the peer's tag is the first number of its requests. */
const resettable = (): Script =>
  interleaved({
    peerParameters: [supports(0x40, 0xc2, reConfigType)],
    parameters: {
      extensions: {
        ...noExtensions,
        interleaving: true,
        partialReliability: true,
        streamReconfiguration: true,
      },
      acceptsStreamReset: true,
      acceptsAssociationReset: true,
    },
  });

const ask = ({ peer }: Script, wanted: WantedReconfiguration): string =>
  peer.step(() => peer.endpoint.reconfigure(peer.handle, wanted, peer.nowMs));

/** Answers the request that has come, or is among what came before: performed. */
function performs({ peer }: Script, extra: object = {}, came: readonly Arrival[] = peer.skips()): void {
  const [request] = came.flatMap(({ chunks }) => chunks.filter(({ type }) => type === "RE_CONFIG"));
  const parameters = request?.["parameters"] as readonly { readonly requestSequence: number }[] | undefined;
  const responseSequence = parameters?.[0]?.requestSequence;
  peer.sends({
    type: "RE_CONFIG",
    parameters: [{ type: "RECONFIGURATION_RESPONSE", responseSequence, result: 1, ...extra }],
  });
}

/** The peer resets streams of its own after `lastTsn`; none listed: all of them. */
const peerResets = ({ peer }: Script, lastTsn: number, streams: readonly number[], again = 0): void =>
  peer.sends({
    type: "RE_CONFIG",
    parameters: [
      {
        type: "OUTGOING_SSN_RESET_REQUEST",
        requestSequence: 1 + again,
        responseSequence: 0,
        lastTsn,
        streams,
      },
    ],
  });

const sentBy = ({ peer }: Script) => inData(peer.skips());

const inData = (came: readonly Arrival[]) =>
  came
    .flatMap(({ chunks }) => chunks)
    .filter(({ type }) => type === "I_DATA")
    .map(({ streamId, unordered, messageId }) => [streamId, unordered, messageId]);

describe("2.3.2 both counters of a stream are reset", () => {
  it("of a stream of ours: the next ordered and the next unordered message have MID 0", () => {
    const script = resettable();
    const { peer, user } = script;
    user.sends({ size: 9, streamId: 1 }, { size: 9, streamId: 1 }, { size: 9, streamId: 1, ...U });
    user.sends({ size: 9, streamId: 2 }, { size: 9, streamId: 2, ...U });
    expect(sentBy(script)).toHaveLength(5);
    peer.sends(sack(5));
    expect(ask(script, { kind: "outgoing-reset", streams: [1] })).toBe("accepted");
    performs(script);
    for (const streamId of [1, 2]) user.sends({ size: 9, streamId }, { size: 9, streamId, ...U });
    expect(sentBy(script)).toEqual([
      [1, false, 0],
      [1, true, 0],
      [2, false, 1],
      [2, true, 1],
    ]);
  });

  it("of all streams of ours", () => {
    const script = resettable();
    const { peer, user } = script;
    for (const streamId of [0, 1]) user.sends({ size: 9, streamId }, { size: 9, streamId, ...U });
    peer.skips();
    peer.sends(sack(4));
    ask(script, { kind: "outgoing-reset", streams: [] });
    performs(script);
    for (const streamId of [0, 1]) user.sends({ size: 9, streamId }, { size: 9, streamId, ...U });
    expect(sentBy(script).map(([, , messageId]) => messageId)).toEqual([0, 0, 0, 0]);
  });

  it("a message that has begun is finished under its number first", () => {
    const script = resettable();
    const { peer, user } = script;
    user.sends({ size: 6 * FULL, streamId: 1 });
    ask(script, { kind: "outgoing-reset", streams: [1] });
    user.sends({ size: 9, streamId: 1 });
    const sent = sentBy(script);
    peer.sends(sack(4));
    // Its last TSN is assigned: the request goes with it.
    const came = peer.skips();
    sent.push(...inData(came));
    expect(sent).toEqual(Array.from({ length: 6 }, () => [1, false, 0]));
    peer.sends(sack(6));
    expect(sentBy(script)).toEqual([]);
    performs(script, {}, came);
    expect(sentBy(script)).toEqual([[1, false, 0]]);
  });

  it("of the peer's streams: MID 0 is the next one in both orders", () => {
    const script = resettable();
    const { peer, user } = script;
    peer.sends(iData(1), iData(2, { messageId: 1 }), iData(3, { streamId: 1 }));
    peerResets(script, 3, [0]);
    user.takes();
    peer.sends(iData(4), iData(5, { streamId: 1, messageId: 1 }), iData(6, U));
    expect(inShort(user.takes())).toEqual(["0o0:100", "1o1:100", "0u0:100"]);
    expect(user.hears()).toContain("stream-reset");
  });

  it("of the peer's streams, what was skipped before by I-FORWARD-TSN is forgotten", () => {
    const script = resettable();
    const { peer, user } = script;
    peer.sends(iForward(2, [0, 40], [0, 90, "U"], [1, 7, "U"]));
    peerResets(script, 2, [0]);
    peer.sends(iData(3), iData(4, first(U)), iData(5, last(1, U)));
    expect(inShort(user.takes())).toEqual(["0o0:100", "0u0:200"]);
    // Stream 1 was not reset.
    peer.sends(
      iData(6, first({ streamId: 1, messageId: 7, ...U })),
      iData(7, last(1, { streamId: 1, messageId: 7, ...U })),
    );
    expect(user.takes()).toEqual([]);
  });

  it("a reset waits until everything up to the peer's last TSN was received", () => {
    const script = resettable();
    const { peer, user } = script;
    peer.sends(iData(2, { messageId: 1 }));
    peerResets(script, 2, []);
    expect(user.hears()).not.toContain("stream-reset");
    peer.sends(iData(1));
    expect(inShort(user.takes())).toEqual(["0o0:100", "0o1:100"]);
    peerResets(script, 2, []);
    expect(user.hears()).toContain("stream-reset");
    peer.sends(iData(3));
    expect(inShort(user.takes())).toEqual(["0o0:100"]);
  });

  it("a reset of the whole association begins all counters of both sides again", () => {
    const script = resettable();
    const { peer, user } = script;
    user.sends(9, { size: 9, ...U });
    peer.sends(iData(1), iData(2, U));
    peer.sends(sack(2));
    peer.skips(200);
    user.takes();
    ask(script, { kind: "ssn-tsn-reset" });
    performs(script, { nextTsns: { sender: 5000, receiver: (peer.theirInitialTsn + 70) >>> 0 } });
    peer.sends(iData(5000), iData(5001, U));
    expect(inShort(user.takes())).toEqual(["0o0:100", "0u0:100"]);
    user.sends(9, { size: 9, ...U });
    const sent = peer.skips().flatMap(({ chunks }) => chunks.filter(({ type }) => type === "I_DATA"));
    expect(sent).toMatchObject([
      { tsn: 71, messageId: 0, unordered: false },
      { tsn: 72, messageId: 0, unordered: true },
    ]);
  });

  it("a reset of the whole association forgets what was skipped before, also where new messages overtake its answer", () => {
    const script = resettable();
    const { peer, user } = script;
    peer.sends(iForward(2, [0, 90, "U"], [1, 90, "U"]));
    ask(script, { kind: "ssn-tsn-reset" });
    const came = peer.skips();
    // It has done it, and goes on with TSN 3. One message came whole; of another one it is not certain that it is new.
    peer.sends(iData(3, U));
    peer.sends(iData(4, first({ messageId: 1, ...U })));
    expect(peer.arrivals.splice(0).at(-1)?.chunks).toMatchObject([
      { type: "SACK", cumulativeTsn: 3, gaps: [] },
    ]);
    // Given up under the new numbers.
    peer.sends(iForward(5, [1, 0, "U"]));
    performs(script, { nextTsns: { sender: 3, receiver: (peer.theirInitialTsn + 70) >>> 0 } }, came);
    peer.sends(iData(6, first({ messageId: 2, ...U })), iData(7, last(1, { messageId: 2, ...U })));
    peer.sends(iData(8, first({ streamId: 1, ...U })), iData(9, last(1, { streamId: 1, ...U })));
    expect(inShort(user.takes())).toEqual(["0u0:100", "0u2:200"]);
  });
});
