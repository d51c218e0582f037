import { describe, expect, it } from "vitest";
import { noExtensions } from "../../../agents/sctp/index.ts";
import type { Script, Setting } from "../rfc9260/kit.ts";
import { connected, established, start } from "../rfc9260/kit.ts";
import type { Sketch } from "../rfc9260/sketches.ts";
import { cookieEcho, data, initAck, sack } from "../rfc9260/sketches.ts";
import {
  answers,
  first,
  forward,
  iData,
  iDataType,
  iForward,
  interleaved,
  interleaving,
  last,
  middle,
  supports,
} from "./kit.ts";
import { faults } from "./fault-cases.ts";

const violation = ["ABORT PROTOCOL_VIOLATION"];
const U = { unordered: true };

/** Without I-DATA: the user did not ask for it, or the peer does not have it. */
const without: readonly (readonly [string, Setting])[] = [
  ["none of the two has it", {}],
  ["only the peer has it", { peerParameters: [supports(iDataType)] }],
  ["only the endpoint has it", interleaving({ peerParameters: [] })],
];

describe("2.2.3 the kind of chunk that was not agreed ends the association", () => {
  it.each([
    ["called", interleaved],
    ["calling", (setting: Setting) => connected(interleaving(setting))],
  ] as const)("DATA where I-DATA was agreed, at the endpoint %s", (_, begin) => {
    const script = begin({});
    script.peer.sends(data(1));
    script.peer.gets({
      type: "ABORT",
      tagReflected: false,
      causes: [{ type: "PROTOCOL_VIOLATION", code: 13 }],
    });
    expect(script.user.state).toBe("closed");
    expect(script.user.hears()).toEqual(["comm-lost"]);
    expect(script.user.takes()).toEqual([]);
  });

  it.each(without)("I-DATA where it was not agreed: %s", (_, setting) => {
    const script = established(setting);
    script.peer.sends(iData(1));
    expect(answers(script)).toEqual(violation);
    expect(script.user.takes()).toEqual([]);
  });

  it.each<readonly [string, Sketch]>([
    ["a fragment", data(1, { ending: false })],
    ["unordered", data(1, { unordered: true })],
    ["a stream that does not exist", data(1, { streamId: 9999 })],
    ["a TSN far ahead", data(100_000)],
    ["a TSN that was received", data(0)],
    ["without user data", data(1, { payload: new Uint8Array(0) })],
  ])("DATA that has other faults besides: %s", (_, chunk) => {
    const script = interleaved();
    script.peer.sends(chunk);
    expect(answers(script)).toEqual(violation);
  });

  it("also in the middle of a packet: what was before it counts, what is behind it does not", () => {
    const script = interleaved();
    script.peer.sends(iData(1), data(2), iData(3, { messageId: 1 }));
    expect(answers(script)).toEqual(violation);
    expect(script.user.takes()).toHaveLength(1);
  });

  it("also behind COOKIE ECHO, and while the endpoint shuts down", () => {
    const script = start(interleaving());
    script.peer.calls();
    script.peer.takesInitAck();
    script.peer.sends(cookieEcho(), data(1));
    expect(answers(script)).toEqual(violation);

    const closing = interleaved();
    closing.user.sends(10);
    closing.user.shutsDown();
    closing.peer.skips();
    closing.peer.sends(data(1));
    expect(answers(closing)).toEqual(violation);
    const sent = interleaved();
    sent.user.shutsDown();
    sent.peer.skips();
    sent.peer.sends(data(1));
    expect(answers(sent)).toEqual(violation);
  });

  it("not in states in which no data counts", () => {
    const calling = start(interleaving({ listening: false }));
    calling.user.connects();
    calling.peer.takesInit();
    calling.peer.sends(initAck());
    calling.peer.skips();
    calling.peer.sends(data(1));
    calling.peer.getsNothing();
    const leaving = interleaved();
    leaving.user.sends(10);
    leaving.peer.skips();
    leaving.peer.sends({ type: "SHUTDOWN", cumulativeTsn: 0 });
    leaving.peer.skips();
    leaving.peer.sends(data(1));
    leaving.peer.getsNothing();
    expect(leaving.user.state).toBe("shutdown-received");
  });
});

describe("2.1 and 2.2.3 faults in the fragments of a message end the association", () => {
  it.each(faults)("%s", (_, chunks) => {
    const script = interleaved();
    for (const chunk of chunks.slice(0, -1)) script.peer.sends(chunk);
    script.peer.skips();
    expect(script.user.state).toBe("established");
    script.peer.sends(chunks.at(-1)!);
    expect(answers(script)).toEqual(violation);
    expect(script.user.state).toBe("closed");
  });

  it.each(faults)("%s, in one packet and without partial reliability", (_, chunks) => {
    const script = interleaved({ peerParameters: [supports(iDataType)] });
    script.peer.sends(...chunks);
    expect(answers(script)).toEqual(violation);
  });

  it("of parts that were delivered: begun again, repeated, or whole", () => {
    for (const again of [first(), middle(1), middle(2), last(1), {}]) {
      const script = interleaved({ parameters: { partialDeliveryPointBytes: 200 } });
      script.peer.sends(iData(1, first()), iData(2, middle(1)), iData(3, middle(2)));
      script.peer.skips();
      script.peer.sends(iData(4, again));
      expect(answers(script)).toEqual(violation);
    }
  });

  it("not: the same numbers with the other U, or on another stream", () => {
    const script = interleaved();
    script.peer.sends(iData(1, first()), iData(2, first(U)), iData(3, first({ streamId: 1 })));
    script.peer.sends(iData(4, last(1)), iData(5, last(1, U)), iData(6, last(1, { streamId: 1 })));
    expect(script.user.state).toBe("established");
    expect(script.user.takes()).toHaveLength(3);
  });

  it("not: an unordered MID that was delivered before", () => {
    const script = interleaved();
    script.peer.sends(iData(1, U));
    script.peer.sends(iData(2, U));
    expect(script.user.takes()).toHaveLength(2);
    expect(script.user.state).toBe("established");
  });
});

const reliable = { extensions: { ...noExtensions, interleaving: true }, fragmentInterleave: 2 } as const;
const partial = { extensions: { ...noExtensions, partialReliability: true } };
const forwardSupported = [{ type: "FORWARD_TSN_SUPPORTED" }];

describe("2.3.1 the chunk for what was given up that was not agreed", () => {
  const cases: readonly (readonly [string, Sketch, () => Script, readonly string[]])[] = [
    ["FORWARD TSN beside I-DATA", forward(1, [0, 0]), () => interleaved(), violation],
    [
      "FORWARD TSN beside I-DATA without partial reliability",
      forward(1),
      () => interleaved({ peerParameters: [supports(iDataType)] }),
      violation,
    ],
    [
      "I-FORWARD-TSN beside I-DATA without partial reliability",
      iForward(1),
      () => interleaved({ peerParameters: [supports(iDataType)] }),
      violation,
    ],
    [
      "I-FORWARD-TSN beside DATA",
      iForward(1, [0, 0]),
      () => established({ parameters: partial, peerParameters: forwardSupported }),
      violation,
    ],
    [
      "I-FORWARD-TSN beside DATA, with a peer that has none",
      iForward(1),
      () => established({ parameters: partial }),
      violation,
    ],
    [
      "FORWARD TSN where nothing was agreed is unknown (RFC 3758 section 3.3.2)",
      forward(1),
      () => established({ parameters: partial }),
      ["ERROR UNRECOGNIZED_CHUNK_TYPE"],
    ],
    [
      "I-FORWARD-TSN to an endpoint that does not have it",
      iForward(1),
      () => established(),
      ["ERROR UNRECOGNIZED_CHUNK_TYPE"],
    ],
    [
      "I-FORWARD-TSN to one that has I-DATA only",
      iForward(1),
      () => established({ parameters: reliable, peerParameters: [supports(iDataType)] }),
      ["ERROR UNRECOGNIZED_CHUNK_TYPE"],
    ],
  ];

  it.each(cases)("%s", (_, chunk, begin, expected) => {
    const script = begin();
    script.peer.sends(chunk);
    expect(answers(script)).toEqual(expected);
  });

  it.each(cases)("%s, though it is out of date", (_, chunk, begin, expected) => {
    const script = begin();
    script.peer.sends({ ...chunk, newCumulativeTsn: 0 });
    expect(answers(script)).toEqual(expected);
  });

  it("an unknown one is skipped: what is behind it counts", () => {
    const script = established({ parameters: partial });
    script.peer.sends(forward(1), data(1));
    expect(answers(script).toSorted()).toEqual(["ERROR UNRECOGNIZED_CHUNK_TYPE", "SACK"]);
    expect(script.user.takes()).toHaveLength(1);
  });

  it("behind a violation nothing counts", () => {
    const script = interleaved();
    script.user.sends(100);
    script.peer.skips();
    script.peer.sends(forward(1), iData(1), sack(1));
    expect(answers(script)).toEqual(violation);
    expect(script.user.takes()).toEqual([]);
  });
});
