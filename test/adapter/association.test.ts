import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { abort, cookieAck, shutdownAck, shutdownComplete } from "../support/sctp-script.ts";
import { PEER, Run, US } from "./runner.ts";

let run: Run;
beforeEach(async () => {
  run = new Run();
  await run.hello();
});
afterEach(async () => {
  await run.end();
});

describe("set-up", () => {
  it("is started by connect, which sends INIT at once", async () => {
    const fd = await run.socket();
    expect(await run.failure("connect", { fd, ip: PEER, port: 8080 })).toBe("EINPROGRESS");
    run.expect({
      chunks: [{ type: "INIT", advertisedWindow: 262_144 }],
      atMs: 0,
      from: US,
      to: PEER,
      tag: 0,
    });
    expect(await run.status(fd)).toMatchObject({ sstat_state: "SCTP_COOKIE_WAIT" });
    expect(await run.failure("connect", { fd, ip: PEER, port: 8080 })).toBe("EALREADY");
    expect(await run.failure("read", { fd, max: 10 })).toBe("EAGAIN");
    await run.gives([run.peer.initAck()]);
    run.expect({ chunks: [{ type: "COOKIE_ECHO" }], tag: run.peer.tag });
    expect(await run.status(fd)).toMatchObject({ sstat_state: "SCTP_COOKIE_ECHOED" });
    await run.gives([cookieAck]);
    run.expect();
    expect(await run.status(fd)).toMatchObject({
      sstat_state: "SCTP_ESTABLISHED",
      sstat_instrms: 16,
      sstat_outstrms: 16,
      sstat_unackdata: 0,
      sstat_penddata: 0,
      sstat_rwnd: 100_000,
      sstat_fragmentation_point: 1452,
    });
    expect(await run.error(fd)).toBe(0);
    expect(await run.failure("connect", { fd, ip: PEER, port: 8080 })).toBe("EISCONN");
  });

  it("is accepted from a peer that calls", async () => {
    const listener = await run.socket();
    await run.call("listen", { fd: listener, backlog: 1 });
    expect(await run.failure("accept", { fd: listener })).toBe("EAGAIN");
    await run.calls();
    const fd = await run.call("accept", { fd: listener });
    expect(await run.failure("accept", { fd: listener })).toBe("EAGAIN");
    expect(await run.status(fd)).toMatchObject({ sstat_state: "SCTP_ESTABLISHED" });
    expect(await run.status(listener)).toMatchObject({ sstat_state: "SCTP_LISTEN" });
    await run.call("close", { fd: listener });
    run.expect();
    await run.call("write", { fd, len: 10 });
    run.expect({ chunks: [{ type: "DATA" }] });
  });

  it("takes place when both sides call each other", async () => {
    const fd = await run.socket();
    await run.failure("connect", { fd, ip: PEER, port: 8080 });
    run.expect({ chunks: [{ type: "INIT" }] });
    const ourTag = run.peer.theirTag;
    await run.gives([run.peer.init()]);
    run.expect({ chunks: [{ type: "INIT_ACK", initiateTag: ourTag }], tag: run.peer.tag });
    await run.gives([run.peer.cookieEcho()]);
    run.expect({ chunks: [{ type: "COOKIE_ACK" }] });
    expect(await run.status(fd)).toMatchObject({ sstat_state: "SCTP_ESTABLISHED" });
    await run.call("write", { fd, len: 10 });
    run.expect({ chunks: [{ type: "DATA" }] });
  });

  it("repeats INIT after 1, 2, 4 ... seconds and gives up after eight repetitions", async () => {
    const fd = await run.socket();
    await run.failure("connect", { fd, ip: PEER, port: 8080 });
    run.expect({ chunks: [{ type: "INIT" }] });
    let atMs = 0;
    for (const waitMs of [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]) {
      await run.waits(100_000, true);
      atMs += waitMs;
      run.expect({ chunks: [{ type: "INIT" }], atMs });
      expect(run.nowMs).toBe(atMs);
    }
    expect(await run.error(fd)).toBe(0);
    await run.waits(60_000);
    run.expect();
    expect(await run.error(fd)).toBe("ETIMEDOUT");
    expect(await run.error(fd)).toBe(0);
    expect(await run.failure("read", { fd, max: 1 })).toBe("ETIMEDOUT");
  });

  it("is refused by an ABORT", async () => {
    const fd = await run.socket();
    await run.failure("connect", { fd, ip: PEER, port: 8080 });
    run.expect({ chunks: [{ type: "INIT" }] });
    await run.gives([abort], { tag: run.peer.theirTag });
    expect(await run.error(fd)).toBe("ECONNREFUSED");
    expect(await run.failure("connect", { fd, ip: PEER, port: 8080 })).toBe("EINPROGRESS");
    run.expect({ chunks: [{ type: "INIT" }] });
  });

  it("is refused where nobody listens, and from a full accept queue", async () => {
    await run.gives([run.peer.init()]);
    run.expect({ chunks: [{ type: "ABORT", tagReflected: false }], tag: run.peer.tag });
    const listener = await run.socket();
    await run.gives([run.peer.init()]);
    run.expect({ chunks: [{ type: "ABORT" }] });
    await run.call("listen", { fd: listener, backlog: 1 });
    await run.calls();
    await run.gives([run.peer.init()], { sourcePort: 9 });
    run.expect({ chunks: [{ type: "ABORT" }] });
    await run.call("accept", { fd: listener });
    await run.gives([run.peer.init()], { sourcePort: 9 });
    run.expect({ chunks: [{ type: "INIT_ACK" }] });
  });

  it("gives up in COOKIE-WAIT without a word when the socket is closed", async () => {
    const fd = await run.socket();
    await run.failure("connect", { fd, ip: PEER, port: 8080 });
    run.expect({ chunks: [{ type: "INIT" }] });
    await run.call("close", { fd });
    await run.waits(100_000);
    run.expect();
    expect(await run.failure("close", { fd })).toBe("EBADF");
  });
});

describe("the end", () => {
  it("is a SHUTDOWN once everything is acknowledged", async () => {
    const fd = await run.connected();
    await run.call("write", { fd, len: 100 });
    run.expect({ chunks: [{ type: "DATA" }] });
    await run.call("shutdown", { fd, how: "SHUT_WR" });
    run.expect();
    expect(await run.status(fd)).toMatchObject({ sstat_state: "SCTP_SHUTDOWN_PENDING", sstat_unackdata: 1 });
    expect(await run.failure("write", { fd, len: 1 })).toBe("EPIPE");
    await run.gives([run.peer.sack(1)]);
    run.expect({ chunks: [{ type: "SHUTDOWN" }] });
    expect(await run.status(fd)).toMatchObject({ sstat_state: "SCTP_SHUTDOWN_SENT" });
    expect(await run.failure("read", { fd, max: 1 })).toBe("EAGAIN");
    await run.gives([shutdownAck]);
    run.expect({ chunks: [{ type: "SHUTDOWN_COMPLETE" }] });
    expect(await run.call("read", { fd, max: 1 })).toBe(0);
    expect(await run.status(fd)).toMatchObject({ sstat_state: "SCTP_CLOSED" });
    expect(await run.error(fd)).toBe(0);
  });

  it("comes from the peer", async () => {
    const fd = await run.connected();
    await run.gives([run.peer.shutdown(0)]);
    run.expect({ chunks: [{ type: "SHUTDOWN_ACK" }] });
    expect(await run.status(fd)).toMatchObject({ sstat_state: "SCTP_SHUTDOWN_ACK_SENT" });
    expect(await run.failure("write", { fd, len: 1 })).toBe("ESHUTDOWN");
    expect(await run.call("read", { fd, max: 1 })).toBe(0);
    await run.gives([shutdownComplete]);
    run.expect();
    expect(await run.call("read", { fd, max: 1 })).toBe(0);
    expect(await run.failure("write", { fd, len: 1 })).toBe("EPIPE");
  });

  it("may be begun by both sides", async () => {
    const fd = await run.connected();
    await run.call("shutdown", { fd, how: "SHUT_WR" });
    run.expect({ chunks: [{ type: "SHUTDOWN" }] });
    await run.gives([run.peer.shutdown(0)]);
    run.expect({ chunks: [{ type: "SHUTDOWN_ACK" }] });
    await run.gives([shutdownAck]);
    run.expect({ chunks: [{ type: "SHUTDOWN_COMPLETE" }] });
    expect(await run.call("read", { fd, max: 1 })).toBe(0);
  });

  it("goes on without the socket that was closed", async () => {
    const { fd } = await run.accepted();
    await run.call("close", { fd });
    run.expect({ chunks: [{ type: "SHUTDOWN" }] });
    await run.waits(1000);
    run.expect({ chunks: [{ type: "SHUTDOWN" }], atMs: 1000 });
    await run.gives([shutdownAck]);
    run.expect({ chunks: [{ type: "SHUTDOWN_COMPLETE" }] });
  });

  it("is an ABORT where the socket is closed with unread data, or data comes after it", async () => {
    const { listener, fd } = await run.accepted(2);
    await run.gives([run.peer.data(10)]);
    run.expect({ chunks: [{ type: "SACK" }] });
    await run.call("close", { fd });
    run.expect({ chunks: [{ type: "ABORT", causes: [{ type: "USER_INITIATED_ABORT" }] }] });
    run.peer.nextTsn = 1;
    await run.calls();
    const other = await run.call("accept", { fd: listener });
    await run.call("write", { fd: other, len: 10 });
    run.expect({ chunks: [{ type: "DATA" }] });
    await run.call("close", { fd: other });
    // RFC 9260 section 5.1: the first DATA is acknowledged at once.
    await run.gives([run.peer.data(10, { ssn: 0 as never })]);
    run.expect({ chunks: [{ type: "SACK" }] }, { chunks: [{ type: "ABORT" }] });
  });

  it("is an ABORT by the user's wish", async () => {
    const fd = await run.connected();
    expect(await run.call("sendmsg", { fd, len: 3, abort: true })).toBe(3);
    run.expect({
      chunks: [{ type: "ABORT", causes: [{ type: "USER_INITIATED_ABORT", value: new Uint8Array(3) }] }],
    });
    expect(await run.failure("read", { fd, max: 1 })).toBe("ECONNABORTED");
  });

  it("follows the last message with eof", async () => {
    const fd = await run.connected();
    expect(await run.call("sendmsg", { fd, len: 5, eof: true })).toBe(5);
    run.expect({ chunks: [{ type: "DATA" }] });
    expect(await run.failure("write", { fd, len: 1 })).toBe("EPIPE");
    await run.gives([run.peer.sack(1)]);
    run.expect({ chunks: [{ type: "SHUTDOWN" }] });
  });

  it("is an ABORT of the peer, after what came before it was read", async () => {
    const fd = await run.connected();
    await run.gives([run.peer.data(10)]);
    await run.gives([abort], { tag: run.peer.theirTag });
    expect(await run.call("read", { fd, max: 100 })).toBe(10);
    expect(await run.failure("read", { fd, max: 100 })).toBe("ECONNRESET");
    expect(await run.error(fd)).toBe(0);
    expect(await run.failure("read", { fd, max: 100 })).toBe("ECONNRESET");
    expect(await run.failure("write", { fd, len: 1 })).toBe("EPIPE");
  });

  it("shows as SO_ERROR once", async () => {
    const fd = await run.connected();
    await run.gives([abort], { tag: run.peer.theirTag });
    expect(await run.error(fd)).toBe("ECONNRESET");
    expect(await run.error(fd)).toBe(0);
  });

  it("leaves a one-to-many socket to be used again", async () => {
    const fd = await run.socket("SOCK_SEQPACKET");
    await run.call("listen", { fd, backlog: 5 });
    await run.calls();
    expect(await run.failure("accept", { fd })).toBe("EOPNOTSUPP");
    await run.gives([run.peer.data(10)]);
    expect(await run.call("read", { fd, max: 100 })).toBe(10);
    run.expect({ chunks: [{ type: "SACK" }] });
    await run.call("write", { fd, len: 20 });
    run.expect({ chunks: [{ type: "DATA" }] });
    await run.gives([run.peer.sack(1), run.peer.shutdown(1)]);
    run.expect({ chunks: [{ type: "SHUTDOWN_ACK" }] });
    await run.gives([shutdownComplete]);
    expect(await run.failure("read", { fd, max: 100 })).toBe("EAGAIN");
    await run.calls();
  });
});
