import { describe, expect, it } from "vitest";
import type { Sketch } from "../rfc9260/sketches.ts";
import { data, sack } from "../rfc9260/sketches.ts";
import { forward, inShort, receiving } from "./kit.ts";

const first = { beginning: true, ending: false };
const middle = { beginning: false, ending: false };
const last = { beginning: false, ending: true };
const unordered = { unordered: true };

/** Chunks in a packet each, TSN 1 (stream 0, SSN 0) being there; then FORWARD TSN. */
interface Case {
  readonly name: string;
  readonly before: readonly Sketch[];
  readonly forward: Sketch;
  /** What is delivered before FORWARD TSN, and with it. */
  readonly early?: readonly string[];
  readonly delivered: readonly string[];
}

const ordered: readonly Case[] = [
  {
    name: "a message behind the one that is skipped",
    before: [data(3)],
    forward: forward(2, [0, 1]),
    delivered: ["0o2:100"],
  },
  {
    name: "several, in their order",
    before: [data(5), data(3), data(4)],
    forward: forward(2, [0, 1]),
    delivered: ["0o2:100", "0o3:100", "0o4:100"],
  },
  {
    name: "up to the SSN that is listed, though others before it are missing",
    before: [data(3), data(5)],
    forward: forward(6, [0, 5]),
    delivered: ["0o2:100", "0o4:100"],
  },
  {
    name: "what the listed SSN itself names",
    before: [data(3)],
    forward: forward(4, [0, 2]),
    delivered: ["0o2:100"],
  },
  {
    name: "no message behind a hole that is not skipped",
    before: [data(3), data(5)],
    forward: forward(2, [0, 1]),
    delivered: ["0o2:100"],
  },
  {
    name: "nothing where the list leaves the stream out",
    before: [data(3)],
    forward: forward(2),
    delivered: [],
  },
  {
    name: "only of the stream that is listed",
    before: [data(4, { streamId: 1, ssn: 1 }), data(5, { streamId: 2, ssn: 1 })],
    forward: forward(3, [1, 0]),
    delivered: ["1o1:100"],
  },
  {
    name: "of both streams that are listed",
    before: [data(4, { streamId: 1, ssn: 1 }), data(5, { streamId: 2, ssn: 1 })],
    forward: forward(3, [1, 0], [2, 0]),
    delivered: ["1o1:100", "2o1:100"],
  },
  {
    name: "streams in the order in which they are listed",
    before: [data(4, { streamId: 1, ssn: 1 }), data(5, { streamId: 2, ssn: 1 })],
    forward: forward(3, [2, 0], [1, 0]),
    delivered: ["2o1:100", "1o1:100"],
  },
  {
    name: "a stream that is listed twice, the higher SSN first",
    before: [data(5)],
    forward: forward(4, [0, 3], [0, 1]),
    delivered: ["0o4:100"],
  },
  {
    name: "a stream that is listed twice, the higher SSN last",
    before: [data(5)],
    forward: forward(4, [0, 1], [0, 3]),
    delivered: ["0o4:100"],
  },
  {
    name: "the rest of the list, where one names a stream that does not exist",
    before: [data(3)],
    forward: forward(2, [500, 7], [0, 1]),
    delivered: ["0o2:100"],
  },
  {
    name: "nothing for an SSN that was delivered already",
    before: [data(3)],
    forward: forward(2, [0, 0]),
    delivered: [],
  },
  {
    name: "ordered messages when unordered ones were skipped between them",
    before: [data(3, { ssn: 1 })],
    forward: forward(2),
    early: ["0o1:100"],
    delivered: [],
  },
  {
    name: "a fragmented message that is whole behind the one that is skipped",
    before: [data(3, { ...first, ssn: 2 }), data(4, { ...last, ssn: 2 })],
    forward: forward(2, [0, 1]),
    delivered: ["0o2:200"],
  },
];

const fragments: readonly Case[] = [
  {
    name: "the first fragment, of which the others were never sent",
    before: [data(2, { ...first, ssn: 1 })],
    forward: forward(3, [0, 1]),
    delivered: [],
  },
  {
    name: "the first two of three",
    before: [data(2, { ...first, ssn: 1 }), data(3, { ...middle, ssn: 1 })],
    forward: forward(4, [0, 1]),
    delivered: [],
  },
  {
    name: "the last two of three",
    before: [data(3, { ...middle, ssn: 1 }), data(4, { ...last, ssn: 1 })],
    forward: forward(4, [0, 1]),
    delivered: [],
  },
  {
    name: "the first and the last of three",
    before: [data(2, { ...first, ssn: 1 }), data(4, { ...last, ssn: 1 })],
    forward: forward(4, [0, 1]),
    delivered: [],
  },
  {
    name: "the middle one of three",
    before: [data(3, { ...middle, ssn: 1 })],
    forward: forward(4, [0, 1]),
    delivered: [],
  },
  {
    name: "unordered, the first of two",
    before: [data(2, { ...first, ...unordered })],
    forward: forward(3),
    delivered: [],
  },
  {
    name: "unordered, the last of two",
    before: [data(3, { ...last, ...unordered })],
    forward: forward(3),
    delivered: [],
  },
  {
    name: "and the message behind them comes at once",
    before: [data(2, { ...first, ssn: 1 }), data(4, { ssn: 2 })],
    forward: forward(3, [0, 1]),
    delivered: ["0o2:100"],
  },
  {
    name: "of two messages, the second whole",
    before: [data(2, { ...first, ssn: 1 }), data(4, { ...first, ssn: 2 }), data(5, { ...last, ssn: 2 })],
    forward: forward(3, [0, 1]),
    delivered: ["0o2:200"],
  },
];

function play({ before, forward: chunk, early = [], delivered }: Case): ReturnType<typeof receiving> {
  const script = receiving();
  const { peer, user } = script;
  for (const each of before) peer.sends(each);
  peer.skips();
  expect(inShort(user.takes())).toEqual(early);
  peer.sends(chunk);
  peer.skips();
  expect(inShort(user.takes())).toEqual(delivered);
  return script;
}

describe("3.6 FORWARD TSN makes available at once", () => {
  it.each(ordered)("$name", (each) => {
    const { user } = play(each);
    expect(user.state).toBe("established");
  });
});

describe("3.6 FORWARD TSN takes out of the reassembly queue", () => {
  it.each(fragments)("$name", (each) => {
    const { peer, user } = play(each);
    // Nothing of it is left: the window is whole again, and the association goes on.
    peer.sends(forward(20, [0, 9]));
    peer.gets(sack(20, { advertisedWindow: 524_288 }));
    peer.sends(data(21, { ssn: 10 }));
    expect(inShort(user.takes())).toEqual(["0o10:100"]);
  });

  it("nothing of a message all of which is still to come", () => {
    const { peer, user } = receiving();
    peer.sends(data(3, { ...first, ssn: 2 }));
    peer.skips();
    peer.sends(forward(2, [0, 1]));
    peer.gets(sack(3));
    peer.sends(data(4, { ...last, ssn: 2 }));
    expect(inShort(user.takes())).toEqual(["0o2:200"]);
  });

  it("nothing of an unordered message above the point", () => {
    const { peer, user } = receiving();
    peer.sends(data(3, { ...first, ...unordered }));
    peer.skips();
    peer.sends(forward(2));
    peer.skips();
    peer.sends(data(4, { ...last, ...unordered }));
    expect(inShort(user.takes())).toEqual(["0u:200"]);
  });

  it("a message that was partly skipped: its last fragment, which comes late, is no fault", () => {
    const { peer, user } = receiving();
    peer.sends(data(2, { ...first, ssn: 1 }));
    peer.skips();
    peer.sends(forward(3, [0, 1]));
    peer.skips();
    peer.sends(data(4, { ...last, ssn: 1 }));
    peer.skips(200);
    expect(user.takes()).toEqual([]);
    peer.sends(data(5, { ssn: 2 }));
    expect(inShort(user.takes())).toEqual(["0o2:100"]);
    expect(user.state).toBe("established");
  });
});

describe("3.6 what comes after FORWARD TSN", () => {
  it("the SSN behind the listed one is the next", () => {
    const { peer, user } = receiving();
    peer.sends(forward(5, [0, 4]), data(6, { ssn: 5 }));
    expect(inShort(user.takes())).toEqual(["0o5:100"]);
  });

  it("a higher one waits for it", () => {
    const { peer, user } = receiving();
    peer.sends(forward(5, [0, 4]));
    peer.sends(data(7, { ssn: 6 }));
    expect(user.takes()).toEqual([]);
    peer.sends(data(6, { ssn: 5 }));
    expect(inShort(user.takes())).toEqual(["0o5:100", "0o6:100"]);
  });

  it("a stream that was never used begins behind what is listed", () => {
    const { peer, user } = receiving();
    peer.sends(forward(2, [7, 0]), data(3, { streamId: 7, ssn: 1 }));
    expect(inShort(user.takes())).toEqual(["7o1:100"]);
  });

  it("SSN 65535 skipped: 0 is the next", () => {
    const { peer, user } = receiving();
    peer.sends(forward(2, [0, 32_000]), forward(3, [0, 64_000]), forward(4, [0, 65_535]));
    peer.skips();
    peer.sends(data(5, { ssn: 0 }));
    expect(inShort(user.takes())).toEqual(["0o0:100"]);
  });

  it("the user sees by the SSN that a message is missing", () => {
    const { peer, user } = receiving();
    peer.sends(forward(3, [0, 2]), data(4, { ssn: 3 }));
    expect(user.takes()).toMatchObject([{ ssn: 3, tsn: 4 }]);
  });

  it("DATA that is in sequence with an SSN too high is no fault: FORWARD TSN may follow", () => {
    const { peer, user } = receiving();
    peer.sends(data(2, { ssn: 5 }));
    peer.skips(200);
    expect(user.state).toBe("established");
    peer.sends(forward(3, [0, 4]));
    expect(inShort(user.takes())).toEqual(["0o5:100"]);
  });
});

describe("3.6 a message that was delivered in part", () => {
  const setting = { parameters: { partialDeliveryPointBytes: 200, fragmentInterleave: 2 as const } };

  it("is broken off: the user hears that the rest never comes", () => {
    const { peer, user } = receiving(setting);
    peer.sends(data(2, { ...first, ssn: 1, size: 300 }));
    peer.skips();
    expect(inShort(user.takes())).toEqual(["0o1:300.."]);
    peer.sends(forward(3, [0, 1]));
    expect(user.hears()).toEqual(["partial-delivery-aborted"]);
    peer.sends(data(4, { ssn: 2 }));
    expect(inShort(user.takes())).toEqual(["0o2:100"]);
  });

  it("unordered, likewise", () => {
    const { peer, user } = receiving(setting);
    peer.sends(data(2, { ...first, ...unordered, size: 300 }));
    peer.skips();
    expect(inShort(user.takes())).toEqual(["0u:300.."]);
    peer.sends(forward(3));
    expect(user.hears()).toEqual(["partial-delivery-aborted"]);
  });

  it("goes on where something else was skipped", () => {
    const { peer, user } = receiving(setting);
    peer.sends(data(2, { ...first, ssn: 1, size: 300 }));
    peer.sends(data(3, { ...last, ssn: 1 }), data(5, { streamId: 1, ssn: 1 }));
    peer.skips();
    user.takes();
    peer.sends(forward(4, [1, 0]));
    expect(user.hears()).toEqual([]);
    expect(inShort(user.takes())).toEqual(["1o1:100"]);
  });

  it("is not broken off by what is skipped behind it", () => {
    const { peer, user } = receiving(setting);
    peer.sends(data(2, { ...first, ssn: 1, size: 300 }));
    peer.skips();
    user.takes();
    peer.sends(data(4, { streamId: 1, ssn: 0 }));
    peer.skips();
    user.takes();
    peer.sends(data(3, { ...last, ssn: 1 }), forward(5, [1, 1]));
    expect(user.hears()).toEqual([]);
    expect(inShort(user.takes())).toEqual(["..0o1:100"]);
  });
});
