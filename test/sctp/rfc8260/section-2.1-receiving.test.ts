import { describe, expect, it } from "vitest";
import { first, iData, inShort, interleaved, last, middle, receiving } from "./kit.ts";

const words = (deliveries: readonly { readonly payload: Uint8Array }[]): string[] =>
  deliveries.map(({ payload }) => new TextDecoder().decode(payload));

describe("2.1 what is read and what is not", () => {
  it("the PPID is that of the first fragment, whatever stands in the others", () => {
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0],
    ]) {
      const { peer, user } = interleaved();
      const fragments = [iData(1, { ...first(), ppid: 0xdeadbeef }), iData(2, middle(1)), iData(3, last(2))];
      for (const at of order) peer.sends(fragments[at]!);
      expect(user.takes()).toMatchObject([{ ppid: 0xdeadbeef, payload: { length: 300 } }]);
    }
  });

  it("the FSN of a first fragment is 0, whatever its PPID", () => {
    const { peer, user } = interleaved();
    peer.sends(iData(1, { ...first(), ppid: 77 }));
    peer.sends(iData(2, last(1)));
    expect(user.takes()).toMatchObject([{ ppid: 77, payload: { length: 200 } }]);
  });

  it("reserved flags and the reserved field are ignored", () => {
    const { peer, user } = interleaved();
    // Stream 1, MID 0, PPID 5, user data "ok".
    const chunkBytes = [
      64, 0xf3, 0, 22, 0, 0, 0, 1, 0, 1, 0xab, 0xcd, 0, 0, 0, 0, 0, 0, 0, 5, 0x6f, 0x6b, 0, 0,
    ];
    peer.sendsPacket({ body: chunkBytes });
    expect(user.takes()).toMatchObject([{ streamId: 1, ssn: 0, ppid: 5, unordered: false }]);
  });

  it("padding does not become user data, and what it holds is ignored", () => {
    const { peer, user } = interleaved();
    const chunkBytes = [64, 3, 0, 21, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0x6f, 0xff, 0xff, 0xff];
    peer.sendsPacket({ body: chunkBytes });
    expect(words(user.takes())).toEqual(["o"]);
  });

  it("the I bit asks for the SACK at once, on any fragment", () => {
    for (const fields of [{}, first(), middle(3), last(3)]) {
      const { peer } = receiving();
      peer.sends(iData(2, { messageId: 1, ...fields }));
      peer.getsNothing();
      peer.sends(iData(3, { streamId: 1 }));
      peer.gets({ type: "SACK", cumulativeTsn: 3 });
      peer.sends(iData(4, { streamId: 2, ...fields, immediate: true }));
      peer.gets({ type: "SACK", cumulativeTsn: 4 });
    }
  });

  it("acknowledges every second packet, or after 200 ms, as with DATA", () => {
    const { peer } = receiving();
    peer.sends(iData(2, { messageId: 1 }));
    peer.getsAfter(200, { type: "SACK", cumulativeTsn: 2 });
    peer.sends(iData(3, { messageId: 2 }));
    peer.getsNothing();
    peer.sends(iData(4, { messageId: 3 }));
    peer.gets({ type: "SACK", cumulativeTsn: 4 });
  });

  it("reports holes in the TSNs, though the messages are delivered", () => {
    const { peer, user } = receiving();
    peer.sends(iData(3, { streamId: 1 }));
    peer.gets({ type: "SACK", cumulativeTsn: 1, gaps: [{ start: 2, end: 2 }] });
    peer.sends(iData(5, { streamId: 2 }));
    peer.gets({
      type: "SACK",
      cumulativeTsn: 1,
      gaps: [
        { start: 2, end: 2 },
        { start: 4, end: 4 },
      ],
    });
    expect(inShort(user.takes())).toEqual(["1o0:100", "2o0:100"]);
  });

  it("the window counts what waits for its message", () => {
    const { peer, user } = receiving({ parameters: { receiveBufferBytes: 10_000 } });
    peer.sends(
      iData(2, { messageId: 1, ...first(), size: 900 }),
      iData(3, { streamId: 1, ...first(), size: 100 }),
    );
    // User data, and 64 bytes for each chunk that is kept.
    peer.getsAfter(200, { type: "SACK", advertisedWindow: 10_000 - 1000 - 2 * 64 });
    peer.sends(iData(4, { streamId: 1, ...last(1), size: 100 }));
    peer.getsAfter(200, { type: "SACK", advertisedWindow: 10_000 - 900 - 64 });
    expect(inShort(user.takes())).toEqual(["1o0:200"]);
  });

  it("fragments over the wrap of the TSN", () => {
    const { peer, user } = interleaved({ peerInitialTsn: 0xfffffffe });
    peer.sends(iData(0xfffffffe, first()), iData(0xffffffff, { streamId: 1 }));
    peer.sends(iData(0, middle(1)), iData(1, last(2)));
    expect(inShort(user.takes())).toEqual(["1o0:100", "0o0:300"]);
  });
});

describe("partial delivery (RFC 6458 section 6.1.7) of messages that interleave", () => {
  const parts = { parameters: { partialDeliveryPointBytes: 200 } };

  it("a message of which enough has come is handed on in parts, others in between", () => {
    const { peer, user } = interleaved(parts);
    peer.sends(iData(1, first({ ppid: 8 })), iData(2, middle(1)));
    expect(inShort(user.takes())).toEqual(["0o0:200.."]);
    peer.sends(iData(3, { streamId: 1 }), iData(4, { unordered: true }), iData(5, middle(2)));
    expect(inShort(user.takes())).toEqual(["1o0:100", "0u0:100", "..0o0:100.."]);
    peer.sends(iData(6, { messageId: 1 }), iData(7, last(3)));
    expect(inShort(user.takes())).toEqual(["..0o0:100", "0o1:100"]);
  });

  it("several messages at a time, each with its PPID", () => {
    const { peer, user } = interleaved(parts);
    for (const [streamId, tsn] of [
      [0, 1],
      [1, 3],
      [2, 5],
    ] as const) {
      peer.sends(
        iData(tsn, first({ streamId, ppid: streamId + 10 })),
        iData(tsn + 1, middle(1, { streamId })),
      );
    }
    expect(inShort(user.takes())).toEqual(["0o0:200..", "1o0:200..", "2o0:200.."]);
    for (const streamId of [2, 0, 1]) peer.sends(iData(7 + ((streamId + 1) % 3), last(2, { streamId })));
    expect(user.takes().map(({ streamId, ppid, ending }) => [streamId, ppid, ending])).toEqual([
      [2, 12, true],
      [0, 10, true],
      [1, 11, true],
    ]);
  });

  it("a part waits for the fragment that is missing", () => {
    const { peer, user } = interleaved(parts);
    peer.sends(iData(1, first()), iData(2, middle(1)), iData(4, middle(3)), iData(5, last(4)));
    expect(inShort(user.takes())).toEqual(["0o0:200.."]);
    peer.sends(iData(3, middle(2)));
    expect(inShort(user.takes())).toEqual(["..0o0:300"]);
  });

  it("a message that is not the next of its stream is not begun", () => {
    const { peer, user } = interleaved(parts);
    peer.sends(iData(1, first({ messageId: 1 })), iData(2, middle(1, { messageId: 1 })));
    expect(user.takes()).toEqual([]);
    peer.sends(iData(3));
    expect(inShort(user.takes())).toEqual(["0o0:100", "0o1:200.."]);
  });

  it("messages larger than the receive buffer pass, on two streams at a time", () => {
    const { peer, user } = interleaved({
      parameters: { receiveBufferBytes: 8000, partialDeliveryPointBytes: 4000 },
    });
    let tsn = 0;
    for (let fsn = 0; fsn < 40; fsn += 1) {
      for (const streamId of [0, 1]) {
        const place =
          fsn === 0 ? first({ streamId }) : fsn === 39 ? last(fsn, { streamId }) : middle(fsn, { streamId });
        peer.sends(iData((tsn += 1), { ...place, size: 900 }));
      }
    }
    peer.skips(500);
    const got = user.takes();
    expect(user.state).toBe("established");
    for (const streamId of [0, 1]) {
      const own = got.filter((each) => each.streamId === streamId);
      expect(own.reduce((sum, { payload }) => sum + payload.length, 0)).toBe(40 * 900);
      expect(own.at(-1)).toMatchObject({ ending: true });
    }
  });
});
