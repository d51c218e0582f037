import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cookieAck } from "../support/sctp-script.ts";
import { PEER, Run } from "./runner.ts";

let run: Run;
beforeEach(() => {
  run = new Run();
});
afterEach(async () => {
  await run.end();
});

describe("the lines", () => {
  it("get exactly one answer each, in their order, whatever is in them", async () => {
    const lines = ["{", "7", "[]", "null", '"op"', `{"id":3}`, `{"id":4,"op":5}`, `{"id":5,"op":"write"}`];
    const answers = await Promise.all(lines.map((line) => run.line(line)));
    expect(answers.map(({ id, ret, err }) => [id, ret, err])).toEqual([
      ...Array.from({ length: 5 }, () => [null, -1, "EINVAL"]),
      ...[3, 4, 5].map((id) => [id, -1, "EINVAL"]),
    ]);
    for (const { message } of answers) expect(message).toMatch(/^\S.{8,}$/u);
    await run.hello();
    expect(await run.failure("hello")).toBe("EINVAL");
    const wrong = [
      ["write", { fd: -1, len: 1 }],
      ["write", { fd: 3, len: "1" }],
      ["write", { fd: 3, len: 1e300 }],
      ["packet", { src: PEER, dst: PEER, hex: "abc" }],
      ["packet", { src: PEER, dst: PEER, hex: "zz" }],
      ["advance", { us: -1 }],
      ["advance", {}],
      ["socket", { type: "SOCK_DGRAM" }],
      ["socket", { type: ["SOCK_STREAM"] }],
    ] as const;
    for (const [op, fields] of wrong) expect(await run.failure(op, fields), op).toBe("EINVAL");
  });

  it("may be as long as a packet is, and no longer than memory allows", async () => {
    await run.hello();
    await run.givesBytes(new Uint8Array(65_535));
    const answer = await run.line(`{"op":"packet","hex":"${"00".repeat(600_000)}"}`);
    expect(answer).toMatchObject({ id: null, ret: -1, err: "EINVAL" });
    await run.waits(1);
  });

  it("end with bye", async () => {
    await run.hello();
    expect(await run.call("bye")).toBe(0);
    expect(await run.closed).toBe(0);
  });
});

describe("what is not there", () => {
  it("is called so: operations, options, features, modes", async () => {
    expect(await run.failure("hello", { contract: 2, transport: "json", clock: "virtual" })).toBe("ENOSYS");
    expect(await run.failure("hello", { contract: 1, transport: "udp", clock: "virtual" })).toBe("ENOSYS");
    await run.hello({ nrsack: false, pktdrop: false });
    expect(await run.failure("peeloff", { fd: 3 })).toBe("ENOSYS");
    expect(await run.failure("toString", { fd: 3 })).toBe("ENOSYS");
    expect(await run.failure("config", { nrsack: true })).toBe("ENOSYS");
    expect(await run.failure("config", { nonsense: true })).toBe("ENOSYS");
    expect(await run.call("config", { pktdrop: false })).toBe(0);
    expect(await run.call("config", { ecn: false })).toBe(0);
    const fd = await run.socket();
    expect(await run.failure("config", { ecn: false })).toBe("EINVAL");
    expect(await run.set(fd, "SCTP_NONSENSE", 1)).toMatchObject({ ret: -1, err: "ENOPROTOOPT" });
    expect(await run.set(fd, "constructor", 1)).toMatchObject({ ret: -1, err: "ENOPROTOOPT" });
    expect(await run.failure("getsockopt", { fd, level: "SOL_SOCKET", name: "SO_LINGER" })).toBe(
      "ENOPROTOOPT",
    );
    expect(await run.set(99, "SCTP_NODELAY", 1)).toMatchObject({ ret: -1, err: "EBADF" });
  });
});

describe("binding", () => {
  it("keeps to the addresses that there are, and to one socket a port", async () => {
    await run.hello({ local_ips: ["192.168.0.1", "192.168.0.2"] });
    const fd = await run.call("socket", { type: "SOCK_STREAM" });
    expect(await run.failure("bind", { fd, ip: "10.0.0.1", port: 8080 })).toBe("EADDRNOTAVAIL");
    await run.call("bindx", { fd, ips: ["192.168.0.1"], port: 8080 });
    expect(await run.failure("bind", { fd, ip: "192.168.0.2", port: 8080 })).toBe("EINVAL");
    const other = await run.call("socket", { type: "SOCK_STREAM" });
    expect(await run.failure("bind", { fd: other, ip: "0.0.0.0", port: 8080 })).toBe("EADDRINUSE");
    await run.call("bindx", { fd, ips: ["192.168.0.2"], port: 8080 });
    await run.failure("connect", { fd, ip: PEER, port: 8080 });
    const [init] = run.expect({ chunks: [{ type: "INIT" }] });
    const [chunk] = init?.packet.chunks ?? [];
    const listed =
      chunk?.type === "INIT" ? chunk.parameters.filter(({ type }) => type === "IPV4_ADDRESS") : [];
    expect(listed).toMatchObject([{ address: "192.168.0.1" }, { address: "192.168.0.2" }]);
    await run.call("close", { fd });
    await run.call("bind", { fd: other, ip: "0.0.0.0", port: 8080 });
  });

  it("is not needed: there are ephemeral ports", async () => {
    await run.hello();
    const fd = await run.call("socket", { type: "SOCK_STREAM" });
    await run.failure("connect", { fd, ip: PEER, port: 8080 });
    const [init] = run.expect({ chunks: [{ type: "INIT" }] });
    expect(init?.packet.sourcePort).toBeGreaterThanOrEqual(49_152);
  });
});

describe("options", () => {
  it("are read back as they were set, and 0 leaves them as they are", async () => {
    await run.hello({ rto_min: 500, rto_initial: 700 });
    const fd = await run.socket();
    expect(await run.option(fd, "SCTP_RTOINFO")).toEqual({
      srto_initial: 700,
      srto_min: 500,
      srto_max: 60_000,
    });
    expect((await run.set(fd, "SCTP_RTOINFO", { srto_initial: 0, srto_min: 100, srto_max: 0 })).ret).toBe(0);
    expect(await run.option(fd, "SCTP_RTOINFO")).toMatchObject({ srto_initial: 700, srto_min: 100 });
    expect(await run.set(fd, "SCTP_RTOINFO", { srto_max: 50 })).toMatchObject({ err: "EINVAL" });
    expect((await run.set(fd, "SCTP_INITMSG", { sinit_num_ostreams: 3, sinit_max_attempts: 1 })).ret).toBe(0);
    expect(await run.option(fd, "SCTP_INITMSG")).toMatchObject({
      sinit_num_ostreams: 3,
      sinit_max_instreams: 2048,
      sinit_max_attempts: 1,
    });
    expect((await run.set(fd, "SCTP_ASSOCINFO", { sasoc_asocmaxrxt: 1, sasoc_cookie_life: 0 })).ret).toBe(0);
    expect(await run.option(fd, "SCTP_ASSOCINFO")).toEqual({
      sasoc_asocmaxrxt: 1,
      sasoc_cookie_life: 60_000,
    });
    expect(await run.set(fd, "SCTP_DELAYED_SACK", { sack_delay: 501 })).toMatchObject({ err: "EINVAL" });
    expect((await run.set(fd, "SCTP_DELAYED_SACK", { sack_delay: 50, sack_freq: 0 })).ret).toBe(0);
    expect(await run.option(fd, "SCTP_DELAYED_SACK")).toEqual({ sack_delay: 50, sack_freq: 2 });
    expect(await run.option(fd, "SCTP_NODELAY")).toBe(0);
    expect((await run.set(fd, "SCTP_FRAGMENT_INTERLEAVE", 2)).ret).toBe(0);
    expect(await run.option(fd, "SCTP_FRAGMENT_INTERLEAVE")).toBe(2);
    expect(await run.set(fd, "SCTP_FRAGMENT_INTERLEAVE", 3)).toMatchObject({ err: "EINVAL" });

    await run.failure("connect", { fd, ip: PEER, port: 8080 });
    run.expect({ chunks: [{ type: "INIT", outboundStreams: 3 }] });
    await run.waits(10_000);
    run.expect({ chunks: [{ type: "INIT" }], atMs: 700 });
  });

  it("of the endpoint are inherited by what it accepts, and work on associations", async () => {
    await run.hello();
    const listener = await run.socket();
    await run.call("listen", { fd: listener, backlog: 1 });
    const quick = { srto_initial: 200, srto_min: 100, srto_max: 400 };
    expect((await run.set(listener, "SCTP_RTOINFO", quick)).ret).toBe(0);
    expect((await run.set(listener, "SCTP_ASSOCINFO", { sasoc_asocmaxrxt: 3 })).ret).toBe(0);
    await run.calls();
    const fd = await run.call("accept", { fd: listener });
    expect(await run.option(fd, "SCTP_RTOINFO")).toEqual(quick);
    const small = { spp_pathmtu: 500, spp_flags: ["SPP_PMTUD_DISABLE", "SPP_HB_DISABLE"] };
    expect((await run.set(fd, "SCTP_PEER_ADDR_PARAMS", { spp_pathmtu: 500 })).ret).toBe(0);
    expect(await run.status(fd)).toMatchObject({ sstat_fragmentation_point: 1452 });
    expect((await run.set(fd, "SCTP_PEER_ADDR_PARAMS", small)).ret).toBe(0);
    expect(await run.status(fd)).toMatchObject({ sstat_fragmentation_point: 484 });
    await run.call("write", { fd, len: 484 });
    run.expect({ chunks: [{ type: "DATA", beginning: true, ending: true }] });
    await run.waits(5000);
    const repeated = (atMs: number) => ({ chunks: [{ type: "DATA" as const }], atMs });
    run.expect(repeated(200), repeated(600), repeated(1000));
    expect(await run.error(fd)).toBe("ETIMEDOUT");
  });

  it("switch HEARTBEATs", async () => {
    await run.hello();
    const fd = await run.connected();
    const fast = { spp_hbinterval: 1000, spp_flags: ["SPP_HB_ENABLE"] };
    expect((await run.set(fd, "SCTP_PEER_ADDR_PARAMS", fast)).ret).toBe(0);
    await run.waits(3000, true);
    const [heartbeat] = run.expect({ chunks: [{ type: "HEARTBEAT" }], atMs: 2000, toleranceMs: 500 });
    const [chunk] = heartbeat?.packet.chunks ?? [];
    if (chunk?.type !== "HEARTBEAT") throw new Error("there was no HEARTBEAT");
    await run.gives([{ type: "HEARTBEAT_ACK", info: chunk.info }]);
    expect((await run.set(fd, "SCTP_PEER_ADDR_PARAMS", { spp_flags: ["SPP_HB_DISABLE"] })).ret).toBe(0);
    await run.waits(100_000);
    run.expect();
    const demand = { spp_address: PEER, spp_flags: ["SPP_HB_DEMAND"] };
    expect((await run.set(fd, "SCTP_PEER_ADDR_PARAMS", demand)).ret).toBe(0);
    run.expect({ chunks: [{ type: "HEARTBEAT" }] });
    const both = { spp_flags: ["SPP_HB_ENABLE", "SPP_HB_DISABLE"] };
    expect(await run.set(fd, "SCTP_PEER_ADDR_PARAMS", both)).toMatchObject({ err: "EINVAL" });
  });
});

it("time moves only when it is told to, and never past the first packet where that is wanted", async () => {
  await run.hello();
  const fd = await run.socket();
  await run.failure("connect", { fd, ip: PEER, port: 8080 });
  run.expect({ chunks: [{ type: "INIT" }] });
  const answer = await run.request("advance", { us: 999_999, stop_on_packet: true });
  expect(answer).toMatchObject({ ret: 0, now: 999_999 });
  expect(answer.packets).toBeUndefined();
  expect(await run.request("advance", { us: 5_000_000, stop_on_packet: true })).toMatchObject({
    now: 1_000_000,
    packets: [{ t: 1_000_000 }],
  });
  await run.gives([run.peer.initAck()]);
  await run.gives([cookieAck]);
  expect(run.nowMs).toBe(1000);
});
