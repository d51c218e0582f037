import { describe, it } from "vitest";
import { client, play } from "./script.ts";

describe("messages with a policy, the peer not having FORWARD TSN", () => {
  it.each(["rtx 0", "ttl 500", "prio 3"])("%s: they are sent until they are acknowledged", async (policy) => {
    const { run, fd } = await client({ parameters: [] });
    await play(
      run,
      fd,
      `send 100 ${policy}
       now DATA 1 0:0 100
       at 1000 DATA 1 0:0 100
       at 3000 DATA 1 0:0 100
       at 7000 DATA 1 0:0 100
       < SACK 1
       silent 100000`,
    );
    await run.end();
  });
});

describe("RFC 7496 3.2: SO_SNDBUF is full", () => {
  /** 5000 bytes, of which the peer's window takes one message of 1400. */
  const full = `
    option SO_SNDBUF 5000
    send 1400
    now DATA 1 0:0 1400`;

  it.each([
    ["prio 2 takes the place of prio 5", "prio 5", "send 1400 prio 2"],
    ["a reliable message takes the place of prio 5", "prio 5", "send 1400"],
    ["prio 5 does not take the place of prio 5", "prio 5", "send 1400 prio 5 = EAGAIN"],
    ["prio 9 does not take the place of prio 5", "prio 5", "send 1400 prio 9 = EAGAIN"],
    ["rtx 0 does not take the place of prio 5", "prio 5", "send 1400 rtx 0 = EAGAIN"],
    ["prio 0 does not take the place of rtx 0", "rtx 0", "send 1400 prio 0 = EAGAIN"],
    ["prio 0 does not take the place of ttl 9000", "ttl 9000", "send 1400 prio 0 = EAGAIN"],
    ["prio 0 does not take the place of reliable messages", "", "send 1400 prio 0 = EAGAIN"],
  ])("%s", async (_, policy, last) => {
    const { run, fd } = await client({ windowBytes: 1500 });
    const filling = `send 1400 ${policy}`.trim();
    await play(run, fd, `${full}\n${filling}\n${filling}\n${last}`);
    await run.end();
  });
});
