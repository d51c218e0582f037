import { describe, expect, it } from "vitest";
import { noExtensions } from "../../../agents/sctp/index.ts";
import { established, start } from "../rfc9260/kit.ts";
import { initAck } from "../rfc9260/sketches.ts";
import {
  answers,
  first,
  iData,
  iDataType,
  interleaved,
  interleaving,
  last,
  receiving,
  supports,
} from "./kit.ts";

const violation = ["ABORT PROTOCOL_VIOLATION"];

describe("I-DATA that holds too little, or belongs nowhere", () => {
  it("without user data: ABORT with No User Data and its TSN (RFC 9260 section 3.3.10.9)", () => {
    const script = receiving();
    script.peer.sends(iData(2, { messageId: 1, payload: new Uint8Array(0) }));
    script.peer.gets({ type: "ABORT", causes: [{ type: "NO_USER_DATA", tsn: 2 }] });
  });

  it.each([4, 5, 8, 12, 16, 19])(
    "of %i bytes, less than its header: ABORT with Protocol Violation",
    (length) => {
      const script = receiving();
      const body = [64, 3, 0, length, ...Array.from({ length: (length - 1) & ~3 }, () => 0)];
      script.peer.sendsPacket({ body });
      expect(answers(script)).toEqual(violation);
      expect(script.user.state).toBe("closed");
    },
  );

  it.each([4, 12, 15])("DATA of %i bytes, likewise where DATA was agreed", (length) => {
    const script = established();
    const body = [0, 3, 0, length, ...Array.from({ length: (length - 1) & ~3 }, () => 0)];
    script.peer.sendsPacket({ body });
    expect(answers(script)).toEqual(violation);
  });

  it("not: too short with a wrong tag, from elsewhere, or a length that points beyond the packet", () => {
    const { peer, user } = receiving();
    const short = [64, 3, 0, 8, 0, 0, 0, 2];
    peer.sendsPacket({ body: short, tag: 1 });
    peer.sendsPacket({ body: short, from: "192.0.2.99" });
    peer.skips();
    peer.sendsPacket({ body: [64, 3, 0, 200, 0, 0, 0, 2] });
    peer.sendsPacket({ body: [64, 3, 0, 3] });
    peer.getsNothing();
    expect(user.state).toBe("established");
  });

  it("not: too short in a state in which no data counts", () => {
    const short = [64, 3, 0, 8, 0, 0, 0, 2];
    const calling = start(interleaving({ listening: false }));
    calling.user.connects();
    calling.peer.takesInit();
    calling.peer.sends(initAck());
    calling.peer.skips();
    calling.peer.sendsPacket({ body: short });
    calling.peer.getsNothing();
    expect(calling.user.state).toBe("cookie-echoed");
    const leaving = receiving();
    leaving.user.sends(10);
    leaving.peer.skips();
    leaving.peer.sends({ type: "SHUTDOWN", cumulativeTsn: 0 });
    leaving.peer.skips();
    leaving.peer.sendsPacket({ body: short });
    leaving.peer.getsNothing();
    expect(leaving.user.state).toBe("shutdown-received");
  });

  it("not: too short and without the AUTH that it needs (RFC 4895 section 6.3)", () => {
    for (const authenticatedChunkTypes of [[64], []]) {
      const script = interleaved({
        peerParameters: [
          supports(iDataType, 0x0f),
          { type: "RANDOM", random: new Uint8Array(32) },
          { type: "HMAC_ALGORITHM", hmacIds: [1] },
        ],
        parameters: {
          extensions: { ...noExtensions, interleaving: true, authentication: true },
          authenticatedChunkTypes,
        },
      });
      script.peer.sendsPacket({ body: [64, 3, 0, 8, 0, 0, 0, 2] });
      expect(answers(script)).toEqual(authenticatedChunkTypes.length > 0 ? [] : violation);
    }
  });

  it("what stands before one that is too short counts", () => {
    const script = receiving();
    script.user.sends(100);
    script.peer.skips();
    const whole = [64, 3, 0, 21, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 7, 0, 0, 0];
    script.peer.sendsPacket({ body: [...whole, 64, 3, 0, 8, 0, 0, 0, 3] });
    expect(script.user.takes()).toHaveLength(1);
    expect(answers(script)).toEqual(violation);
  });

  it("on a stream that does not exist: acknowledged, reported, thrown away", () => {
    const script = receiving({ parameters: { maxInboundStreams: 4 } });
    const { peer, user } = script;
    peer.sends(iData(2, { streamId: 4 }));
    const came = peer.skips().flatMap(({ chunks }) => chunks);
    expect(came).toContainEqual(
      expect.objectContaining({ causes: [{ type: "INVALID_STREAM_IDENTIFIER", code: 1, streamId: 4 }] }),
    );
    peer.sends(iData(3, { streamId: 3 }));
    peer.skips(200);
    expect(user.takes().map(({ streamId }) => streamId)).toEqual([3]);
    peer.sends(iData(4, { messageId: 1 }));
    peer.getsAfter(200, { type: "SACK", cumulativeTsn: 4, gaps: [] });
  });

  it("a fragment on a stream that does not exist waits for nothing", () => {
    const script = receiving({ parameters: { maxInboundStreams: 4 } });
    const { peer } = script;
    peer.sends(iData(2, first({ streamId: 8, size: 500 })), iData(3, last(7, { streamId: 8, size: 500 })));
    const sacks = peer.skips(200).flatMap(({ chunks }) => chunks.filter(({ type }) => type === "SACK"));
    expect(sacks.at(-1)).toMatchObject({ cumulativeTsn: 3, advertisedWindow: 512 * 1024 });
  });

  it("a TSN too far ahead is dropped, not acknowledged", () => {
    const { peer, user } = receiving();
    peer.sends(iData(2 + 4096, { messageId: 1 }));
    peer.gets({ type: "SACK", cumulativeTsn: 1, gaps: [] });
    expect(user.takes()).toEqual([]);
  });
});
