import { describe, expect, it } from "vitest";
import type { Run } from "../../adapter/runner.ts";
import type { Answer } from "../../adapter/runner.ts";
import { client, play, server } from "./script.ts";

const ask = (run: Run, fd: number, name: string, value: object): Promise<Answer> =>
  run.request("getsockopt", { fd, level: "IPPROTO_SCTP", name, value });

const counts = async (run: Run, fd: number, policy: string, sid?: number): Promise<unknown> => {
  const name = sid === undefined ? "SCTP_PR_ASSOC_STATUS" : "SCTP_PR_STREAM_STATUS";
  const { value } = await ask(run, fd, name, { sprstat_policy: `SCTP_PR_SCTP_${policy}`, sprstat_sid: sid });
  const { sprstat_abandoned_unsent: unsent, sprstat_abandoned_sent: sent } = value as Record<string, unknown>;
  return { unsent, sent };
};

/** The peer's window is closed but for one message of 1400 bytes, which is sent again and again. */
const blocked = `
  send 1400
  now DATA 1 0:0 1400`;

describe("RFC 7496 4.3, 4.4: what was given up is counted", () => {
  it("none at first", async () => {
    const { run, fd } = await client();
    expect(await counts(run, fd, "ALL")).toEqual({ unsent: 0, sent: 0 });
    await run.end();
  });

  it("a message that was sent", async () => {
    const { run, fd } = await client();
    await play(run, fd, "send 100 rtx 0 sid 2\nwait 1000");
    expect(await counts(run, fd, "RTX")).toEqual({ unsent: 0, sent: 1 });
    expect(await counts(run, fd, "ALL")).toEqual({ unsent: 0, sent: 1 });
    expect(await counts(run, fd, "TTL")).toEqual({ unsent: 0, sent: 0 });
    expect(await counts(run, fd, "RTX", 2)).toEqual({ unsent: 0, sent: 1 });
    expect(await counts(run, fd, "RTX", 0)).toEqual({ unsent: 0, sent: 0 });
    await run.end();
  });

  it("a message in fragments counts once", async () => {
    const { run, fd } = await client();
    await play(run, fd, "send 4000 ttl 100\nwait 1000");
    expect(await counts(run, fd, "TTL")).toEqual({ unsent: 0, sent: 1 });
    await run.end();
  });

  it("a message of which only a part was sent counts as sent", async () => {
    const { run, fd } = await client();
    await play(run, fd, "send 20000 rtx 0\nwait 1000");
    expect(await counts(run, fd, "ALL")).toEqual({ unsent: 0, sent: 1 });
    await run.end();
  });

  it("messages that were not sent, for their time and for room", async () => {
    const { run, fd } = await client({ windowBytes: 1500 });
    await play(
      run,
      fd,
      `option SO_SNDBUF 5000
       ${blocked}
       send 1400 prio 5 sid 1
       send 1400 prio 5 sid 1
       send 1400 prio 1 sid 1
       wait 100`,
    );
    expect(await counts(run, fd, "PRIO")).toEqual({ unsent: 1, sent: 0 });
    expect(await counts(run, fd, "PRIO", 1)).toEqual({ unsent: 1, sent: 0 });
    await run.end();
  });

  it("one that expires before it is sent", async () => {
    const { run, fd } = await client({ windowBytes: 1500 });
    await play(run, fd, `${blocked}\nsend 1400 ttl 100\nwait 200\n< SACK 1\nforget`);
    expect(await counts(run, fd, "TTL")).toEqual({ unsent: 1, sent: 0 });
    await run.end();
  });

  it("what was acknowledged does not count", async () => {
    const { run, fd } = await client();
    await play(run, fd, "send 100 rtx 0\n< SACK 1\nwait 5000");
    expect(await counts(run, fd, "ALL")).toEqual({ unsent: 0, sent: 0 });
    await run.end();
  });

  it.each([
    ["SCTP_PR_SCTP_NONE", 0],
    ["SCTP_PR_SCTP_ALL", 70_000],
  ])("policy %s of stream %d is refused", async (policy, sid) => {
    const { run, fd } = await client();
    const { err } = await ask(run, fd, "SCTP_PR_STREAM_STATUS", { sprstat_policy: policy, sprstat_sid: sid });
    expect(err).toBe("EINVAL");
    await run.end();
  });
});

describe("RFC 7496 4.5: SCTP_PR_SUPPORTED", () => {
  it("off: it is not offered", async () => {
    const { run, fd, init } = await client({ options: { SCTP_PR_SUPPORTED: { assoc_value: 0 } } });
    expect(JSON.stringify(init.packet)).not.toContain("FORWARD_TSN_SUPPORTED");
    expect(await run.option(fd, "SCTP_PR_SUPPORTED")).toEqual({ assoc_value: 0 });
    await play(run, fd, "< FORWARD_TSN 1 0:0\nnow ERROR UNRECOGNIZED_CHUNK_TYPE");
    await run.end();
  });

  it("off at a listener, likewise", async () => {
    const { run, fd, initAck } = await server({ options: { SCTP_PR_SUPPORTED: { assoc_value: 0 } } });
    expect(JSON.stringify(initAck.packet)).not.toContain("FORWARD_TSN_SUPPORTED");
    await play(run, fd, "< FORWARD_TSN 1 0:0\nnow ERROR UNRECOGNIZED_CHUNK_TYPE");
    await run.end();
  });

  it.each([
    ["agreed", undefined, 1],
    ["not agreed", [], 0],
  ] as const)("of an association it says whether it was %s", async (_, parameters, expected) => {
    const { run, fd } = await client(parameters === undefined ? {} : { parameters });
    expect(await run.option(fd, "SCTP_PR_SUPPORTED")).toEqual({ assoc_value: expected });
    await run.end();
  });

  it("of an association it cannot be set", async () => {
    const { run, fd } = await client();
    expect((await run.set(fd, "SCTP_PR_SUPPORTED", { assoc_value: 0 })).err).toBe("EINVAL");
    await run.end();
  });
});
