import { describe, it } from "vitest";
import { client, play, server } from "./script.ts";

/** What the user sends and the peer answers, and what leaves when. RTO is one second, MTU 1500. */
const scripts: Readonly<Record<string, string>> = {
  "rtx 0: FORWARD TSN takes the place of the first retransmission": `
    send 100 rtx 0
    now DATA 1 0:0 100
    at 1000 FORWARD_TSN 1 0:0
    < SACK 1
    silent 100000`,
  "rtx 1": `
    send 100 rtx 1
    now DATA 1 0:0 100
    at 1000 DATA 1 0:0 100
    at 3000 FORWARD_TSN 1 0:0
    < SACK 1
    silent 100000`,
  "rtx 3": `
    send 100 rtx 3
    now DATA 1 0:0 100
    at 1000 DATA 1 0:0 100
    at 3000 DATA 1 0:0 100
    at 7000 DATA 1 0:0 100
    at 15000 FORWARD_TSN 1 0:0`,
  "ttl 500": `
    send 100 ttl 500
    now DATA 1 0:0 100
    at 1000 FORWARD_TSN 1 0:0
    < SACK 1
    silent 100000`,
  "ttl 1000, as long as RTO": `
    send 100 ttl 1000
    now DATA 1 0:0 100
    at 1000 FORWARD_TSN 1 0:0`,
  "ttl 2000": `
    send 100 ttl 2000
    now DATA 1 0:0 100
    at 1000 DATA 1 0:0 100
    at 3000 FORWARD_TSN 1 0:0`,
  "ttl 1": `
    send 100 ttl 1
    now DATA 1 0:0 100
    at 1000 FORWARD_TSN 1 0:0`,
  "ttl 0 leaves once": `
    send 100 ttl 0
    now DATA 1 0:0 100
    at 1000 FORWARD_TSN 1 0:0`,
  "prio is reliable while there is room": `
    send 100 prio 7
    now DATA 1 0:0 100
    at 1000 DATA 1 0:0 100
    at 3000 DATA 1 0:0 100
    < SACK 1
    silent 100000`,
  "no policy": `
    send 100
    now DATA 1 0:0 100
    at 1000 DATA 1 0:0 100
    at 3000 DATA 1 0:0 100`,
  "acknowledged in time: nothing more": `
    send 100 rtx 0
    now DATA 1 0:0 100
    wait 900
    < SACK 1
    silent 100000`,
  "a lost FORWARD TSN comes again": `
    send 100 rtx 0
    now DATA 1 0:0 100
    at 1000 FORWARD_TSN 1 0:0
    at 3000 FORWARD_TSN 1 0:0
    at 7000 FORWARD_TSN 1 0:0
    < SACK 1
    silent 100000`,
  "three messages of one stream: the highest SSN": `
    send 100 rtx 0
    send 100 rtx 0
    send 100 rtx 0
    now DATA 1 0:0 100; DATA 2 0:1 100; DATA 3 0:2 100
    at 1000 FORWARD_TSN 3 0:2
    < SACK 3
    silent 100000`,
  "three streams": `
    send 100 rtx 0 sid 1
    send 100 rtx 0 sid 2
    send 100 rtx 0 sid 3
    forget
    at 1000 FORWARD_TSN 3 1:0 2:0 3:0`,
  "unordered: no stream": `
    send 100 rtx 0 u
    now DATA 1 0:u 100
    at 1000 FORWARD_TSN 1`,
  "ordered and unordered": `
    send 100 rtx 0 u
    send 100 rtx 0
    send 100 rtx 0 u sid 4
    forget
    at 1000 FORWARD_TSN 3 0:0`,
  "a reliable message in front": `
    send 100
    send 100 rtx 0
    forget
    at 1000 DATA 1 0:0 100
    < SACK 1
    now FORWARD_TSN 2 0:1
    < SACK 2
    silent 100000`,
  "a reliable message behind": `
    send 100 rtx 0
    send 100
    forget
    at 1000 FORWARD_TSN 1 0:0 + DATA 2 0:1 100
    < SACK 2
    silent 100000`,
  "a reliable message between": `
    send 100 rtx 0
    send 100
    send 100 rtx 0
    forget
    at 1000 FORWARD_TSN 1 0:0 + DATA 2 0:1 100
    < SACK 2
    now FORWARD_TSN 3 0:2
    < SACK 3
    silent 100000`,
  "one between came through": `
    send 100 rtx 0
    send 100 rtx 0
    send 100 rtx 0
    forget
    < SACK 0 2-2
    at 1000 FORWARD_TSN 1 0:0
    < SACK 2
    now FORWARD_TSN 3 0:2
    < SACK 3
    silent 100000`,
  "the last came through: the SACK for FORWARD TSN is beyond it": `
    send 100 rtx 0
    send 100
    forget
    < SACK 0 2-2
    at 1000 FORWARD_TSN 1 0:0
    < SACK 2
    silent 100000`,
  "new DATA rides along": `
    send 100 rtx 0
    now DATA 1 0:0 100
    at 1000 FORWARD_TSN 1 0:0
    send 100
    now DATA 2 0:1 100
    < SACK 2
    silent 100000`,
  "third missing report": `
    send 100 rtx 0
    send 100
    send 100
    send 100
    forget
    < SACK 0 2-2
    now
    < SACK 0 2-3
    now
    < SACK 0 2-4
    now FORWARD_TSN 1 0:0
    < SACK 4
    silent 100000`,
  "third missing report, rtx 1: retransmitted, then given up by T3": `
    send 100 rtx 1
    send 100
    send 100
    send 100
    forget
    < SACK 0 2-2
    < SACK 0 2-3
    < SACK 0 2-4
    now DATA 1 0:0 100
    at 1000 FORWARD_TSN 1 0:0
    < SACK 4
    silent 100000`,
  "ttl is over: the first missing report": `
    send 100 ttl 200
    send 100
    send 100
    forget
    wait 300
    < SACK 0 2-2
    now FORWARD_TSN 1 0:0
    < SACK 0 2-3
    now
    < SACK 3
    silent 100000`,
  "ttl is not over: three missing reports, and it is sent again": `
    send 100 ttl 5000
    send 100
    send 100
    send 100
    forget
    < SACK 0 2-2
    < SACK 0 2-3
    now
    < SACK 0 2-4
    now DATA 1 0:0 100
    < SACK 4
    silent 100000`,
  "a SACK that was under way does not bring FORWARD TSN again": `
    send 100 rtx 0
    send 100
    send 100
    send 100
    send 100
    forget
    < SACK 0 2-2
    < SACK 0 2-3
    < SACK 0 2-4
    now FORWARD_TSN 1 0:0
    < SACK 0 2-5
    now
    < SACK 5
    silent 100000`,
  "FORWARD TSN after missing reports is lost: T3 runs for it": `
    send 100 rtx 0
    send 100
    send 100
    send 100
    forget
    wait 100
    < SACK 0 2-2
    < SACK 0 2-3
    < SACK 0 2-4
    now FORWARD_TSN 1 0:0
    at 1100 FORWARD_TSN 1 0:0
    at 3100 FORWARD_TSN 1 0:0`,
  "a message in two fragments, both lost": `
    send 2000 rtx 0
    now DATA 1 0:0 1452 b; DATA 2 0:0 548 e
    at 1000 FORWARD_TSN 2 0:0`,
  "a message in three fragments, the first lost": `
    send 4000 rtx 0
    now DATA 1 0:0 1452 b; DATA 2 0:0 1452 m; DATA 3 0:0 1096 e
    < SACK 0 2-3
    at 1000 FORWARD_TSN 3 0:0
    < SACK 3
    silent 100000`,
  "a message in three fragments, the last lost": `
    send 4000 rtx 0
    forget
    < SACK 2
    at 1000 FORWARD_TSN 3 0:0`,
  "unordered fragments": `
    send 2000 rtx 0 u
    now DATA 1 0:u 1452 b; DATA 2 0:u 548 e
    at 1000 FORWARD_TSN 2`,
  "a message of which a part was never sent": `
    send 10000 rtx 0
    now DATA 1 0:0 1452 b; DATA 2 0:0 1452 m; DATA 3 0:0 1452 m
    at 1000 FORWARD_TSN 4 0:0
    send 50
    now DATA 5 0:1 50
    < SACK 5
    silent 100000`,
  "expires before it could be sent: no TSN, no FORWARD TSN": `
    send 4356
    now DATA 1 0:0 1452 b; DATA 2 0:0 1452 m; DATA 3 0:0 1452 e
    send 100 ttl 200
    send 60
    now
    wait 300
    < SACK 3
    now DATA 4 0:1 60
    < SACK 4
    silent 100000`,
  "the peer acknowledges what was given up: it had come": `
    send 100 rtx 0
    now DATA 1 0:0 100
    at 1000 FORWARD_TSN 1 0:0
    < SACK 1
    send 70
    now DATA 2 0:1 70
    < SACK 2
    silent 100000`,
  "RTO goes on doubling; the next DATA waits two seconds": `
    send 100 rtx 0
    now DATA 1 0:0 100
    at 1000 FORWARD_TSN 1 0:0
    < SACK 1
    send 100
    now DATA 2 0:1 100
    at 3000 DATA 2 0:1 100`,
  "shutdown waits for FORWARD TSN to be acknowledged": `
    send 100 rtx 0
    now DATA 1 0:0 100
    shutdown
    now
    at 1000 FORWARD_TSN 1 0:0
    state SCTP_SHUTDOWN_PENDING
    < SACK 1
    now SHUTDOWN 0
    < SHUTDOWN_ACK
    now SHUTDOWN_COMPLETE`,
  "close, likewise": `
    send 100 ttl 300
    now DATA 1 0:0 100
    close
    now
    at 1000 FORWARD_TSN 1 0:0
    < SACK 1
    now SHUTDOWN 0`,
  "the peer shuts down with something given up": `
    send 100 rtx 0
    now DATA 1 0:0 100
    < SHUTDOWN 0
    now
    at 1000 FORWARD_TSN 1 0:0
    < SHUTDOWN 1
    now SHUTDOWN_ACK`,
  "the SACK for the peer's DATA rides along": `
    < DATA 1 0:0
    now SACK 1
    send 100 rtx 0
    now DATA 1 0:0 100
    wait 900
    < DATA 2 0:1
    at 1000 FORWARD_TSN 1 0:0 + SACK 2`,
  "ten lost messages, one after the other: the association lives": [...Array.from({ length: 10 }).keys()]
    .map(
      (index) => `
    send 100 rtx 0
    forget
    wait 60000
    forget
    < SACK ${index + 1}`,
    )
    .concat("\n    state SCTP_ESTABLISHED")
    .join(""),
};

describe("messages with a policy, through the adapter", () => {
  it.each(Object.entries(scripts))("a client: %s", async (_, script) => {
    const { run, fd } = await client();
    await play(run, fd, script);
    await run.end();
  });

  it.each(["rtx 1", "ttl 500", "a reliable message between", "a message in two fragments, both lost"])(
    "a server does the same: %s",
    async (name) => {
      const { run, fd } = await server();
      await play(run, fd, scripts[name] ?? "");
      await run.end();
    },
  );
});
