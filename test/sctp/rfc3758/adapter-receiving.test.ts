import { describe, it } from "vitest";
import { client, play, server } from "./script.ts";

/** What the peer sends, and what comes of it: the SACKs at their instants, and what the user reads. */
const scripts: Readonly<Record<string, string>> = {
  "the first thing of all": `
    < FORWARD_TSN 1 0:0
    now SACK 1
    < DATA 2 0:1
    at 200 SACK 2
    read 0:1 100
    read EAGAIN`,
  "after DATA, next in sequence": `
    < DATA 1 0:0
    now SACK 1
    < FORWARD_TSN 2 0:1
    now SACK 2
    silent 1000
    read 0:0 100
    read EAGAIN`,
  "while the SACK for DATA is delayed": `
    < DATA 1 0:0
    now SACK 1
    < DATA 2 0:1
    wait 100
    < FORWARD_TSN 3 0:2
    now SACK 3
    silent 1000`,
  "a gap at the front": `
    < DATA 2 0:1
    now SACK 0 2-2
    < FORWARD_TSN 1 0:0
    now SACK 2
    read 0:1 100
    read EAGAIN`,
  "a gap in the middle": `
    < DATA 1 0:0
    < DATA 3 0:2
    < DATA 5 0:4
    forget
    < FORWARD_TSN 2 0:1
    now SACK 3 5-5
    read 0:0 100
    read 0:2 100
    read EAGAIN
    < FORWARD_TSN 4 0:3
    now SACK 5
    read 0:4 100`,
  "two gaps at once": `
    < DATA 2 0:1
    < DATA 4 0:3
    forget
    < FORWARD_TSN 3 0:2
    now SACK 4
    read 0:1 100
    read 0:3 100
    read EAGAIN`,
  "beyond everything that has come": `
    < DATA 2 0:1
    < DATA 4 0:3
    forget
    < FORWARD_TSN 9 0:8
    now SACK 9
    read 0:1 100
    read 0:3 100
    read EAGAIN`,
  "old, with the SACK again": `
    < DATA 1 0:0
    < DATA 2 0:1
    forget
    < FORWARD_TSN 1 0:0
    now SACK 2
    read 0:0 100
    read 0:1 100`,
  "the present cumulative TSN": `
    < DATA 1 0:0
    forget
    < FORWARD_TSN 1 0:0
    now SACK 1`,
  "twice the same": `
    < FORWARD_TSN 3 0:2
    now SACK 3
    < FORWARD_TSN 3 0:2
    now SACK 3
    silent 1000`,
  "one after the other": `
    < FORWARD_TSN 1 0:0
    now SACK 1
    < FORWARD_TSN 2 0:1
    now SACK 2
    < FORWARD_TSN 3 0:2
    now SACK 3`,
  "several in one packet": `
    < FORWARD_TSN 1 0:0 + FORWARD_TSN 2 0:1 + FORWARD_TSN 4 0:3
    now SACK 4`,
  "with DATA behind it": `
    < DATA 1 0:0
    forget
    < FORWARD_TSN 2 0:1 + DATA 3 0:2
    at 200 SACK 3
    read 0:0 100
    read 0:2 100`,
  "with DATA behind it, as the first packet": `
    < FORWARD_TSN 1 0:0 + DATA 2 0:1
    now SACK 2
    read 0:1 100`,
  "with two DATA behind it": `
    < DATA 1 0:0
    forget
    < FORWARD_TSN 2 0:1 + DATA 3 0:2 + DATA 4 0:3
    at 200 SACK 4`,
  "with SACK in front of it": `
    send 100
    now DATA 1 0:0 100
    < SACK 1 + FORWARD_TSN 1 0:0
    now SACK 1
    silent 5000`,
  "what was skipped comes late": `
    < DATA 2 0:1
    < FORWARD_TSN 1 0:0
    forget
    < DATA 1 0:0
    now SACK 2 dup 1
    read 0:1 100
    read EAGAIN`,
  "what was skipped comes late, twice in a packet": `
    < FORWARD_TSN 2 0:1
    forget
    < DATA 1 0:0 + DATA 2 0:1
    now SACK 2 dup 1 2
    read EAGAIN`,
  "no stream is listed: ordered messages go on waiting": `
    < DATA 2 0:1
    < FORWARD_TSN 1
    forget
    read EAGAIN
    < FORWARD_TSN 3 0:0
    now SACK 3
    read 0:1 100`,
  "no stream is listed: an unordered message was skipped": `
    < DATA 2 0:0
    now SACK 0 2-2
    read 0:0 100
    < FORWARD_TSN 1
    now SACK 2`,
  "a stream that does not exist": `
    < DATA 1 0:0
    forget
    < FORWARD_TSN 2 900:4
    now SACK 2
    < DATA 3 0:1
    at 200 SACK 3
    read 0:0 100
    read 0:1 100`,
  "another stream than the one that waits": `
    < DATA 2 1:1
    < DATA 3 2:1
    forget
    < FORWARD_TSN 1 1:0
    now SACK 3
    read 1:1 100
    read EAGAIN`,
  "both streams that wait": `
    < DATA 3 1:1
    < DATA 4 2:1
    forget
    < FORWARD_TSN 2 1:0 2:0
    now SACK 4
    read 1:1 100
    read 2:1 100`,
  "a later SSN than was received": `
    < DATA 2 0:1
    < DATA 3 0:2
    forget
    < FORWARD_TSN 4 0:3
    now SACK 4
    read 0:1 100
    read 0:2 100
    < DATA 5 0:4
    read 0:4 100`,
  "unordered, in front of one that is there": `
    < DATA 2 0:u
    now SACK 0 2-2
    read 0:u 100
    < FORWARD_TSN 1
    now SACK 2
    read EAGAIN`,
  "the first fragment of two": `
    < DATA 1 0:0 100 b
    now SACK 1
    < FORWARD_TSN 2 0:0
    now SACK 2
    < DATA 3 0:1
    read 0:1 100
    read EAGAIN`,
  "the last fragment of two": `
    < DATA 2 0:0 100 e
    now SACK 0 2-2
    < FORWARD_TSN 2 0:0
    now SACK 2
    < DATA 3 0:1
    read 0:1 100`,
  "the middle of three fragments": `
    < DATA 1 0:0 100 b
    < DATA 3 0:0 100 e
    forget
    < FORWARD_TSN 3 0:0
    now SACK 3
    read EAGAIN
    < DATA 4 0:1
    read 0:1 100`,
  "the middle of three, and the last one follows by itself": `
    < DATA 1 0:0 100 b
    < DATA 3 0:0 100 e
    forget
    < FORWARD_TSN 2 0:0
    now SACK 3
    read EAGAIN
    < DATA 4 0:1
    read 0:1 100`,
  "unordered fragments, the last missing": `
    < DATA 1 0:u 100 b
    forget
    < FORWARD_TSN 2
    now SACK 2
    < DATA 3 0:u 50
    read 0:u 50
    read EAGAIN`,
  "unordered fragments, the first missing": `
    < DATA 2 0:u 100 e
    forget
    < FORWARD_TSN 1
    now SACK 2
    < DATA 3 0:u 50
    read 0:u 50
    read EAGAIN`,
  "fragments in front are whole": `
    < DATA 1 0:0 100 b
    < DATA 2 0:0 100 e
    < FORWARD_TSN 3 0:1
    forget
    read 0:0 200
    read EAGAIN`,
  "fragments behind it are whole": `
    < DATA 2 0:1 100 b
    < DATA 3 0:1 100 e
    < FORWARD_TSN 1 0:0
    forget
    read 0:1 200
    read EAGAIN`,
  "fragments behind it are still to come": `
    < DATA 2 0:1 100 b
    < FORWARD_TSN 1 0:0
    forget
    read EAGAIN
    < DATA 3 0:1 100 e
    read 0:1 200`,
  "too far ahead": `
    < FORWARD_TSN 2147483647
    now ABORT PROTOCOL_VIOLATION
    read ECONNABORTED`,
  "just behind, by serial arithmetic": `
    < DATA 1 0:0
    forget
    < FORWARD_TSN 2147483649
    now SACK 1`,
  "while the user shuts down": `
    < DATA 1 0:0
    forget
    shutdown
    now SHUTDOWN 1
    < FORWARD_TSN 2 0:1
    now SHUTDOWN 2
    < SHUTDOWN_ACK
    now SHUTDOWN_COMPLETE`,
  "after the peer's SHUTDOWN": `
    < SHUTDOWN 0
    now SHUTDOWN_ACK
    < FORWARD_TSN 1 0:0
    now`,
};

describe("FORWARD TSN comes, through the adapter", () => {
  it.each(Object.entries(scripts))("at a server: %s", async (_, script) => {
    const { run, fd } = await server();
    await play(run, fd, script);
    await run.end();
  });

  it("at a client it is the same", async () => {
    const { run, fd } = await client();
    await play(run, fd, scripts["a gap in the middle"] ?? "");
    await run.end();
  });
});

describe("where it was not agreed", () => {
  const refused = `
    < FORWARD_TSN 1 0:0
    now ERROR UNRECOGNIZED_CHUNK_TYPE
    < DATA 1 0:0
    now SACK 1
    read 0:0 100
    < FORWARD_TSN 3 0:2 + DATA 2 0:1
    now ERROR UNRECOGNIZED_CHUNK_TYPE
    at 200 SACK 2
    read 0:1 100`;

  it.each([
    ["the peer did not offer it to a server", server, { parameters: [] }],
    ["the peer did not offer it to a client", client, { parameters: [] }],
    ["a server does without it", server, { hello: { pr: false } }],
    ["a client does without it", client, { hello: { pr: false } }],
  ] as const)("%s: an unknown chunk", async (_, shakeHands, setting) => {
    const { run, fd } = await shakeHands(setting);
    await play(run, fd, refused);
    await run.end();
  });
});
