import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PEER, PEER_TOO, Run } from "./runner.ts";

let run: Run;
beforeEach(async () => {
  run = new Run();
  await run.hello();
});
afterEach(async () => {
  await run.end();
});

describe("sending", () => {
  it("fills packets of mtu - 20 bytes", async () => {
    const fd = await run.connected();
    await run.call("write", { fd, len: 3000 });
    const caught = run.expect(
      { chunks: [{ type: "DATA", beginning: true, ending: false, ssn: 0 }] },
      { chunks: [{ type: "DATA", beginning: false, ending: false }] },
      { chunks: [{ type: "DATA", beginning: false, ending: true }] },
    );
    const sizes = caught.map(({ packet }) => {
      const [chunk] = packet.chunks;
      return chunk?.type === "DATA" ? chunk.payload.length : 0;
    });
    expect(sizes).toEqual([1452, 1452, 96]);
    expect(await run.status(fd)).toMatchObject({ sstat_unackdata: 3, sstat_rwnd: 97_000 });
  });

  it("sends again after 1 second and then after twice as long each time, and gives up", async () => {
    const fd = await run.connected();
    // An idle path is one without new data (RFC 9260 section 8.3): HEARTBEATs would go out in between.
    expect((await run.set(fd, "SCTP_PEER_ADDR_PARAMS", { spp_flags: ["SPP_HB_DISABLE"] })).ret).toBe(0);
    await run.call("write", { fd, len: 100 });
    run.expect({ chunks: [{ type: "DATA" }], atMs: 0 });
    let atMs = 0;
    for (const waitMs of [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000, 60_000]) {
      await run.waits(100_000, true);
      atMs += waitMs;
      run.expect({ chunks: [{ type: "DATA" }], atMs });
    }
    await run.waits(60_000);
    run.expect();
    expect(await run.failure("read", { fd, max: 1 })).toBe("ETIMEDOUT");
  });

  it("keeps small messages together while something is in flight, unless SCTP_NODELAY is on", async () => {
    const fd = await run.connected();
    for (let message = 0; message < 3; message++) await run.call("write", { fd, len: 100 });
    run.expect({ chunks: [{ type: "DATA" }] });
    await run.gives([run.peer.sack(1)]);
    run.expect({ chunks: [{ type: "DATA" }, { type: "DATA" }] });
    expect((await run.set(fd, "SCTP_NODELAY", 1)).ret).toBe(0);
    for (let message = 0; message < 2; message++) await run.call("write", { fd, len: 100 });
    run.expect({ chunks: [{ type: "DATA" }] }, { chunks: [{ type: "DATA" }] });
  });

  it("says what the user said: stream, PPID, order", async () => {
    const fd = await run.connected();
    expect((await run.set(fd, "SCTP_NODELAY", 1)).ret).toBe(0);
    await run.call("sendmsg", { fd, len: 10, sid: 3, ppid: 1234, unordered: true });
    await run.call("sendmsg", { fd, len: 10, sid: 3, ppid: 5 });
    run.expect(
      { chunks: [{ type: "DATA", streamId: 3, ppid: 1234, unordered: true }] },
      { chunks: [{ type: "DATA", streamId: 3, ppid: 5, unordered: false, ssn: 0 }] },
    );
    expect(await run.failure("sendmsg", { fd, len: 10, sid: 16 })).toBe("EINVAL");
    expect(await run.failure("write", { fd, len: 0 })).toBe("EINVAL");
  });

  it("takes no more than the send buffer holds", async () => {
    const fd = await run.connected();
    expect(await run.failure("write", { fd, len: 300_000 })).toBe("EMSGSIZE");
    expect(await run.call("write", { fd, len: 200_000 })).toBe(200_000);
    expect(await run.failure("write", { fd, len: 100_000 })).toBe("EAGAIN");
    expect(await run.call("write", { fd, len: 50_000 })).toBe(50_000);
  });

  it("queues what is given before there is an association", async () => {
    const fd = await run.socket();
    await run.failure("connect", { fd, ip: PEER, port: 8080 });
    run.expect({ chunks: [{ type: "INIT" }] });
    expect(await run.failure("write", { fd, len: 300_000 })).toBe("EMSGSIZE");
    expect(await run.call("write", { fd, len: 200_000 })).toBe(200_000);
    expect(await run.failure("write", { fd, len: 200_000 })).toBe("EAGAIN");
    await run.gives([run.peer.initAck()]);
    run.expect({ chunks: [{ type: "COOKIE_ECHO" }] });
    await run.gives([{ type: "COOKIE_ACK" }]);
    run.expect(
      { chunks: [{ type: "DATA" }] },
      { chunks: [{ type: "DATA" }] },
      { chunks: [{ type: "DATA" }] },
    );
  });
});

describe("receiving", () => {
  it("acknowledges after 200 ms, or at once for every second packet", async () => {
    const fd = await run.connected();
    // RFC 9260 section 5.1: the first DATA is acknowledged at once.
    await run.gives([run.peer.data(10)]);
    run.expect({ chunks: [{ type: "SACK", cumulativeTsn: 1 }], atMs: 0 });
    await run.gives([run.peer.data(10)]);
    run.expect();
    await run.waits(1000, true);
    run.expect({ chunks: [{ type: "SACK", cumulativeTsn: 2 }], atMs: 200 });
    await run.gives([run.peer.data(10)]);
    run.expect();
    await run.gives([run.peer.data(10)]);
    run.expect({ chunks: [{ type: "SACK", cumulativeTsn: 4 }], atMs: 200 });
    expect((await run.set(fd, "SCTP_DELAYED_SACK", { sack_freq: 1 })).ret).toBe(0);
    await run.gives([run.peer.data(10)]);
    run.expect({ chunks: [{ type: "SACK", cumulativeTsn: 5 }] });
  });

  it("reads messages, by parts where they are asked for by parts", async () => {
    const fd = await run.connected();
    await run.gives([run.peer.data(100, { ppid: 7, streamId: 2 }), run.peer.data(50, { unordered: true })]);
    const first = await run.request("recvmsg", { fd, max: 60 });
    expect(first).toMatchObject({
      ret: 60,
      eor: false,
      notification: false,
      info: { sid: 2, ssn: 0, ppid: 7, unordered: false, tsn: 1, context: 0 },
    });
    expect(await run.request("recvmsg", { fd, max: 60 })).toMatchObject({ ret: 40, eor: true });
    expect(await run.request("recvmsg", { fd, max: 60 })).toMatchObject({
      ret: 50,
      eor: true,
      info: { sid: 0, unordered: true, tsn: 2 },
    });
    expect(await run.failure("recvmsg", { fd, max: 60 })).toBe("EAGAIN");
  });

  it("shows the peer how much room is left, and that there is some again", async () => {
    const fd = await run.connected();
    expect((await run.set(fd, "SCTP_DELAYED_SACK", { sack_freq: 1 })).ret).toBe(0);
    let window = Infinity;
    for (let message = 0; message < 20; message++) {
      await run.gives([run.peer.data(1000)]);
      const [{ packet } = { packet: undefined }] = run.expect({ chunks: [{ type: "SACK" }] });
      const [sack] = packet?.chunks ?? [];
      const now = sack?.type === "SACK" ? sack.advertisedWindow : Infinity;
      expect(now).toBeLessThan(window);
      window = now;
    }
    expect(window).toBeLessThanOrEqual(262_144 - 20_000);
    for (let message = 0; message < 20; message++)
      expect(await run.call("read", { fd, max: 5000 })).toBe(1000);
    await run.gives([run.peer.data(1000)]);
    const last = run.expect({ chunks: [{ type: "SACK" }] })[0]?.packet.chunks[0];
    expect(last?.type === "SACK" && last.advertisedWindow).toBeGreaterThan(262_144 - 2000);
  });

  it("is not disturbed by packets that are not good", async () => {
    const fd = await run.connected();
    await run.gives([run.peer.data(10, { tsn: 1 as never })], { badChecksum: true });
    await run.gives([run.peer.data(10, { tsn: 1 as never, ssn: 0 as never })], { tag: 77 });
    run.expect();
    const stranger = { tag: 77, sourcePort: 9 };
    await run.gives([run.peer.data(10, { tsn: 1 as never, ssn: 0 as never })], stranger);
    run.expect({ chunks: [{ type: "ABORT", tagReflected: true }], tag: 77 });
    for (const bytes of [[], [1], Array.from({ length: 12 }, () => 255)])
      await run.givesBytes(Uint8Array.from(bytes));
    run.expect();
    expect(await run.failure("read", { fd, max: 10 })).toBe("EAGAIN");
    expect(await run.status(fd)).toMatchObject({ sstat_state: "SCTP_ESTABLISHED" });
  });

  it("takes no room for what nobody will read after SHUT_RD", async () => {
    const fd = await run.connected();
    await run.gives([run.peer.data(10)]);
    run.expect({ chunks: [{ type: "SACK", cumulativeTsn: 1 }] });
    await run.call("shutdown", { fd, how: "SHUT_RD" });
    expect(await run.call("read", { fd, max: 10 })).toBe(0);
    await run.gives([run.peer.data(10)]);
    run.expect();
    await run.waits(200);
    run.expect({ chunks: [{ type: "SACK", cumulativeTsn: 2, advertisedWindow: 262_144 }] });
    expect(await run.call("write", { fd, len: 10 })).toBe(10);
  });
});

describe("several addresses of the peer", () => {
  it("are confirmed by HEARTBEAT, and take over what the first one loses", async () => {
    const fd = await run.connected([PEER_TOO]);
    const [heartbeat] = run.expect({ chunks: [{ type: "HEARTBEAT" }], to: PEER_TOO });
    const [chunk] = heartbeat?.packet.chunks ?? [];
    if (chunk?.type !== "HEARTBEAT") throw new Error("there was no HEARTBEAT");
    await run.gives([{ type: "HEARTBEAT_ACK", info: chunk.info }], { from: PEER_TOO });
    await run.call("write", { fd, len: 10 });
    run.expect({ chunks: [{ type: "DATA" }], to: PEER });
    await run.waits(5000, true);
    run.expect({ chunks: [{ type: "DATA" }], to: PEER_TOO, atMs: 1000 });
    expect(await run.status(fd)).toMatchObject({ sstat_primary: { spinfo_address: PEER } });
    expect((await run.set(fd, "SCTP_PRIMARY_ADDR", { ssp_addr: PEER_TOO })).ret).toBe(0);
    expect(await run.status(fd)).toMatchObject({ sstat_primary: { spinfo_address: PEER_TOO } });
    expect(await run.set(fd, "SCTP_PRIMARY_ADDR", { ssp_addr: "192.0.2.9" })).toMatchObject({
      err: "EINVAL",
    });
  });
});
