import { describe, expect, it } from "vitest";
import { parsePacket } from "../../../agents/sctp/wire/index.ts";
import { COOKIE } from "./fill-in.ts";
import { FULL, PEER, PEER_TOO, connected, established, receiving, start } from "./kit.ts";
import type { Setting } from "./kit.ts";
import {
  abort,
  cookieAck,
  cookieEcho,
  data,
  error,
  heartbeat,
  heartbeatAck,
  init,
  initAck,
  ipv4,
  sack,
  shutdown,
  to,
  unknown,
  withTag,
} from "./sketches.ts";

const big = (value: number, bytes: number): number[] =>
  Array.from({ length: bytes }, (_, index) => Math.floor(value / 256 ** (bytes - 1 - index)) % 256);

/** DATA as bytes: TSN, stream 0, SSN, PPID 0, then the payload and whatever padding is wanted. */
const rawData = (flags: number, tsn: number, ssn: number, payload: number[], padding: number[]): number[] => [
  ...[0, flags, ...big(16 + payload.length, 2), ...big(tsn, 4), 0, 0, ...big(ssn, 2), 0, 0, 0, 0],
  ...payload,
  ...padding,
];

describe("3.1 the common header", () => {
  it("INIT has tag 0, and everything after that the peer's tag", () => {
    const { peer, user } = start();
    user.connects();
    expect(peer.arrivals).toMatchObject([{ tag: 0, chunks: [init()] }]);
    peer.takesInit();
    peer.sends(initAck());
    peer.gets(withTag(peer.tag, cookieEcho()));
    peer.sends(cookieAck());
    user.sends(10);
    peer.gets(withTag(peer.tag, data(1)));
  });

  it("INIT ACK carries the tag of the INIT", () => {
    const { peer } = start();
    peer.calls({ initiateTag: 0x77777777 });
    peer.gets(withTag(0x77777777, initAck()));
  });

  it("a packet of less than 12 bytes, or with a bad checksum, is not looked at", () => {
    const { peer } = receiving();
    peer.sendsBytes(new Uint8Array(11));
    const bytes = new Uint8Array(60).fill(5);
    peer.sendsBytes(bytes);
    peer.getsNothing();
  });

  it("a packet without chunks is not answered", () => {
    const { peer, user } = receiving();
    peer.sendsPacket({ body: [] });
    peer.getsNothing();
    expect(user.state).toBe("established");
  });
});

describe("3.2 chunks", () => {
  it("are padded with zeros to 4 bytes, which their length leaves out", () => {
    for (const size of [1, 2, 3, 4]) {
      const { peer, user } = established();
      user.sends({ payload: new Uint8Array(size).fill(0xff), size });
      const [packet] = peer.arrivals;
      expect(packet?.sizeBytes).toBe(12 + 16 + 4);
      expect(packet?.chunks).toMatchObject([data(1, { size })]);
    }
  });

  it("padding is ignored, whatever it holds", () => {
    const { peer, user } = receiving();
    peer.sendsPacket({ body: [...rawData(3, 2, 1, [7], [1, 2, 3]), ...rawData(3, 3, 2, [8], [9, 9, 9])] });
    expect(user.takes().map(({ payload }) => [...payload])).toEqual([[7], [8]]);
  });

  it("an unknown one with bits 00 ends the packet without a word", () => {
    const { peer, user } = receiving();
    peer.sends(data(2), unknown(62), data(3));
    peer.getsAfter(200, sack(2));
    expect(user.takes()).toHaveLength(1);
  });

  it("an unknown one with bits 01 ends the packet and is reported", () => {
    const { peer } = receiving();
    peer.sends(data(2), unknown(126), data(3));
    expect(peer.skips(200).flatMap(({ chunks }) => chunks)).toMatchObject([
      error({
        type: "UNRECOGNIZED_CHUNK_TYPE",
        code: 6,
        value: Uint8Array.from([126, 0, 0, 8, 126, 126, 126, 126]),
      }),
      sack(2),
    ]);
  });

  it("an unknown one with bits 10 is skipped without a word", () => {
    const { peer } = receiving();
    peer.sends(data(2), unknown(190), data(3));
    peer.getsAfter(200, sack(3));
  });

  it("an unknown one with bits 11 is skipped and reported", () => {
    const { peer } = receiving();
    peer.sends(data(2), unknown(254), data(3));
    expect(peer.skips(200).flatMap(({ chunks }) => chunks)).toMatchObject([
      error({ type: "UNRECOGNIZED_CHUNK_TYPE", code: 6 }),
      sack(3),
    ]);
  });

  it("6.10 a partial one is dropped, and those before it count", () => {
    const { peer, user } = receiving();
    const cut = rawData(3, 3, 2, [1, 2, 3, 4], []).with(3, 200);
    peer.sendsPacket({ body: [...rawData(3, 2, 1, [7], [0, 0, 0]), ...cut] });
    expect(user.takes()).toHaveLength(1);
    expect(user.state).toBe("established");
  });

  it("one with a length below 4 does not stop the endpoint", () => {
    const { peer, user } = receiving();
    peer.sendsPacket({ body: [0, 3, 0, 3, 0, 0, 0, 0] });
    peer.sends(data(2));
    peer.skips(200);
    expect(user.takes()).toHaveLength(1);
  });
});

describe("3.2.1 parameters of INIT that are not known", () => {
  /** What the endpoint says and does about an unknown parameter with an address behind it. */
  function meeting(typeNumber: number): { reports: unknown[]; sawAddress: boolean } {
    const odd = { type: "UNKNOWN", typeNumber, value: Uint8Array.from([1, 2, 3, 4]) };
    const { peer, user } = start({ peerParameters: [odd, ipv4(PEER_TOO)] });
    peer.calls();
    const parameters = peer.takesInitAck()["parameters"] as { type: string; value?: Uint8Array }[];
    peer.sends(cookieEcho());
    const probed = peer.arrivals.some((packet) => packet.to === PEER_TOO);
    expect(user.hears()).toContain("comm-up");
    return {
      reports: parameters
        .filter(({ type }) => type === "UNRECOGNIZED_PARAMETER")
        .map(({ value }) => [...value!]),
      sawAddress: probed,
    };
  }

  it("bits 00: nothing behind it is read, and nothing is said", () => {
    expect(meeting(0x0fff)).toEqual({ reports: [], sawAddress: false });
  });

  it("bits 01: nothing behind it is read, and INIT ACK reports it", () => {
    expect(meeting(0x4fff)).toEqual({ reports: [[0x4f, 0xff, 0, 8, 1, 2, 3, 4]], sawAddress: false });
  });

  it("bits 10: it is skipped without a word", () => {
    expect(meeting(0x8fff)).toEqual({ reports: [], sawAddress: true });
  });

  it("bits 11: it is skipped, and INIT ACK reports it", () => {
    expect(meeting(0xcfff)).toEqual({ reports: [[0xcf, 0xff, 0, 8, 1, 2, 3, 4]], sawAddress: true });
  });

  it("3.2.2 what INIT ACK has of them is reported behind COOKIE ECHO", () => {
    const odd = { type: "UNKNOWN", typeNumber: 0xcfff, value: Uint8Array.from([1, 2, 3, 4]) };
    const { peer, user } = start({ peerParameters: [odd] });
    user.connects();
    peer.takesInit();
    peer.sends(initAck());
    peer.gets([cookieEcho(), error({ code: 8 })]);
  });

  it("3.2.2 bits 00 in INIT ACK are not reported", () => {
    const odd = { type: "UNKNOWN", typeNumber: 0x0fff, value: Uint8Array.from([1, 2, 3, 4]) };
    const { peer, user } = start({ peerParameters: [odd] });
    user.connects();
    peer.takesInit();
    peer.sends(initAck());
    peer.gets(cookieEcho());
  });
});

describe("3.3.1 DATA", () => {
  it("a whole message has B and E set", () => {
    const { peer, user } = established();
    user.sends({ size: 10, streamId: 4, ppid: 77 });
    peer.gets(data(1, { beginning: true, ending: true, unordered: false, streamId: 4, ssn: 0, ppid: 77 }));
  });

  it("all fragments have the stream, SSN and PPID of the message, and TSNs in sequence", () => {
    const { peer, user } = established();
    user.sends({ size: 2500, streamId: 4, ppid: 77 });
    const same = { streamId: 4, ssn: 0, ppid: 77, unordered: false };
    peer.gets(
      data(1, { ...same, size: FULL, beginning: true, ending: false }),
      data(2, { ...same, size: FULL, beginning: false, ending: false }),
      data(3, { ...same, size: 532, beginning: false, ending: true }),
    );
  });

  it("all fragments of an unordered message have U set", () => {
    const { peer, user } = established();
    user.sends({ size: 1500, unordered: true });
    peer.gets(data(1, { unordered: true }), data(2, { unordered: true }));
  });

  it("the user may ask for the I bit", () => {
    const { peer, user } = established();
    user.sends({ size: 10, immediate: true });
    peer.gets(data(1, { immediate: true }));
  });

  it("reserved flags are ignored", () => {
    const { peer, user } = receiving();
    peer.sendsPacket({ body: rawData(0xf3, 2, 1, [7, 7, 7, 7], []) });
    expect(user.takes()).toHaveLength(1);
  });

  it("with U set the SSN is ignored", () => {
    const { peer, user } = receiving();
    peer.sendsPacket({ body: rawData(7, 2, 4711, [7, 7, 7, 7], []) });
    expect(user.takes()).toMatchObject([{ unordered: true }]);
  });

  it("of less than 16 bytes is a fault that harms nobody", () => {
    const { peer } = receiving();
    peer.sendsPacket({ body: [0, 3, 0, 12, 0, 0, 0, 2, 0, 0, 0, 0] });
    const answer = peer.skips(200).flatMap(({ chunks }) => chunks);
    expect(answer.every(({ type }) => type === "ABORT")).toBe(true);
  });
});

describe("3.3.2 INIT", () => {
  const refused = (fields: Readonly<Record<string, unknown>>): void => {
    const { peer } = start();
    peer.calls(fields);
    peer.gets(withTag(peer.tag, abort({ tagReflected: false })));
    expect(peer.endpoint.nextDeadlineMs()).toBeUndefined();
  };

  it("with tag 0 is discarded without a word", () => {
    const { peer } = start();
    peer.calls({ initiateTag: 0 });
    peer.getsNothing();
  });

  it("with a window below 1500 is answered by ABORT with its tag", () => refused({ advertisedWindow: 1499 }));
  it("with no outbound stream is answered by ABORT with its tag", () => refused({ outboundStreams: 0 }));
  it("with no inbound stream is answered by ABORT with its tag", () => refused({ inboundStreams: 0 }));

  it("with a window of 1500 is good", () => {
    const { peer } = start();
    peer.calls({ advertisedWindow: 1500 });
    peer.gets(initAck());
  });

  it("that is refused leaves an association with the same peer alone", () => {
    for (const fields of [{ advertisedWindow: 0 }, { outboundStreams: 0 }, { inboundStreams: 0 }]) {
      const { peer, user } = receiving();
      peer.calls({ ...fields, initiateTag: 0x55555555 });
      peer.gets(withTag(0x55555555, abort()));
      expect(user.state).toBe("established");
      peer.sends(data(2, { immediate: true }));
      peer.gets(sack(2));
    }
  });

  it("with a Host Name Address is answered by ABORT", () => {
    const named = { type: "HOST_NAME_ADDRESS", hostName: Uint8Array.from([97, 0]) };
    const { peer } = start({ peerParameters: [named] });
    peer.calls();
    peer.gets(withTag(peer.tag, abort({ causes: [{ code: 5 }] })));
  });

  it("flags are ignored", () => {
    const { peer } = start();
    const body = [1, 0xff, 0, 20, ...big(99, 4), ...big(65_536, 4), 0, 10, 0, 10, ...big(1, 4)];
    peer.sendsPacket({ tag: 0, body });
    peer.gets(withTag(99, initAck()));
  });

  it("of ours has a tag, a window of 1500 or more, and streams", () => {
    const { peer, user } = start();
    user.connects();
    const call = peer.takesInit();
    expect(call["initiateTag"]).not.toBe(0);
    expect(call["advertisedWindow"]).toBeGreaterThanOrEqual(1500);
    expect(call["outboundStreams"]).toBeGreaterThan(0);
    expect(call["inboundStreams"]).toBeGreaterThan(0);
  });

  it("of ours has each parameter once, no host name, and its flags are 0", () => {
    const { peer, user } = start({ localAddresses: ["192.168.0.1", "192.168.0.2", "2001:db8::1"] });
    user.connects();
    const parameters = peer.takesInit()["parameters"] as { type: string; address?: string }[];
    const types = parameters.map(({ type, address }) => address ?? type);
    expect(new Set(types).size).toBe(types.length);
    expect(types).not.toContain("HOST_NAME_ADDRESS");
    // IPv4 addresses are not dressed as IPv6 (section 3.3.2.1.2).
    expect(parameters).toContainEqual({ type: "IPV4_ADDRESS", address: "192.168.0.1" });
    expect(parameters).toContainEqual({ type: "IPV6_ADDRESS", address: "2001:db8::1" });
  });

  it("lets the user choose the streams within what exists", () => {
    const { peer, user } = start({ parameters: { outboundStreams: 3, maxInboundStreams: 5 } });
    user.connects();
    expect(peer.takesInit()).toMatchObject({ outboundStreams: 3, inboundStreams: 5 });
  });
});

describe("3.3.3 INIT ACK in COOKIE-WAIT", () => {
  function answered(fields: Readonly<Record<string, unknown>>, setting: Setting = {}) {
    const script = start(setting);
    script.user.connects();
    script.peer.takesInit();
    script.peer.sends(initAck(fields));
    return script;
  }

  it("with tag 0 ends the attempt with an ABORT that reflects the tag", () => {
    const { peer, user } = answered({ initiateTag: 0 });
    peer.gets(abort({ tagReflected: true }));
    expect(user.hears()).toContain("cant-start");
    peer.getsNothingFor(100_000);
  });

  it("with no outbound stream ends the attempt with an ABORT", () => {
    const { peer, user } = answered({ outboundStreams: 0 });
    peer.gets(withTag(peer.tag, abort()));
    expect(user.hears()).toContain("cant-start");
  });

  it("with no inbound stream ends the attempt with an ABORT", () => {
    const { peer, user } = answered({ inboundStreams: 0 });
    peer.gets(withTag(peer.tag, abort()));
    expect(user.hears()).toContain("cant-start");
  });

  it("with a window below 1500 is answered by ABORT with its tag", () => {
    const { peer } = answered({ advertisedWindow: 1499 });
    peer.gets(withTag(peer.tag, abort()));
  });

  it("with a Host Name Address is answered by ABORT", () => {
    const named = { type: "HOST_NAME_ADDRESS", hostName: Uint8Array.from([97, 0]) };
    const { peer } = answered({}, { peerParameters: [named] });
    peer.gets(withTag(peer.tag, abort()));
  });

  it("without a State Cookie is answered by ABORT that names what is missing", () => {
    const { peer } = answered({ parameters: [] });
    peer.gets(
      withTag(peer.tag, abort({ causes: [{ type: "MISSING_MANDATORY_PARAMETER", parameterTypes: [7] }] })),
    );
  });

  it("3.3.11 the cookie comes back byte by byte, whatever it is and however long", () => {
    const cookie = Uint8Array.from({ length: 701 }, (_, index) => index * 7);
    const { peer } = answered({ parameters: [{ type: "STATE_COOKIE", cookie }] });
    peer.gets(cookieEcho({ cookie }));
  });

  it("may be larger than 1500 bytes", () => {
    const addresses = Array.from({ length: 250 }, (_, index) => ipv4(`10.1.${index}.1`));
    const { peer } = answered({ parameters: [...addresses, { type: "STATE_COOKIE", cookie: COOKIE }] });
    peer.gets(cookieEcho({ cookie: COOKIE }));
  });
});

describe("3.3.5 to 3.3.9 the other chunks", () => {
  it("HEARTBEAT has a nonce of 64 bits or more that nobody can guess", () => {
    const { peer } = start({ peerAddresses: [PEER, PEER_TOO] });
    peer.calls();
    peer.takesInitAck();
    peer.sends(cookieEcho());
    const infos = peer
      .skips(3000)
      .flatMap(({ chunks }) => chunks)
      .filter(({ type }) => type === "HEARTBEAT")
      .map(({ info }) => [...(info as Uint8Array)].join(" "));
    expect(infos.length).toBeGreaterThan(1);
    expect(new Set(infos).size).toBe(infos.length);
    expect(infos[0]?.split(" ").length).toBeGreaterThanOrEqual(8);
  });

  it("HEARTBEAT ACK brings back what HEARTBEAT said, to where it came from", () => {
    const { peer } = receiving({ peerAddresses: [PEER, PEER_TOO] });
    const info = Uint8Array.from({ length: 99 }, (_, index) => index);
    peer.sendsFrom(PEER_TOO, heartbeat({ info }));
    peer.gets(to(PEER_TOO, heartbeatAck({ info })));
  });

  it("HEARTBEAT ACK brings back further parameters unchanged", () => {
    const { peer } = receiving();
    const beat = [4, 0, 0, 20, 0, 1, 0, 7, 1, 2, 3, 0, 0x80, 9, 0, 8, 5, 6, 7, 8];
    const sent: Uint8Array[] = [];
    const take = peer.endpoint.takeOutputs.bind(peer.endpoint);
    peer.endpoint.takeOutputs = () => {
      const outputs = take();
      sent.push(...outputs.packets.map(({ bytes }) => bytes));
      return outputs;
    };
    peer.sendsPacket({ body: beat });
    expect(sent.map((bytes) => [...bytes.subarray(12)])).toEqual([[5, ...beat.slice(1)]]);
    expect(parsePacket(sent[0]!)).toMatchObject({ ok: true, checksumGood: true });
  });

  it("ABORT with a format error is discarded without a word", () => {
    const { peer, user } = receiving();
    // A cause whose length of 2 cannot be.
    peer.sendsPacket({ body: [6, 0, 0, 8, 0, 12, 0, 2] });
    peer.getsNothing();
    expect(user.state).toBe("established");
  });

  it("3.3.8 SHUTDOWN has no gap blocks, and that reneges nothing", () => {
    const { peer, user } = established();
    user.sends(10, 10, 10);
    peer.skips();
    peer.sends(sack(0, { gaps: [[2, 3]] }));
    peer.sends(shutdown(0));
    // Only TSN 1 is missing still.
    const again = peer.skips(1000).flatMap(({ chunks }) => chunks.map(({ tsn }) => tsn));
    expect(again).toEqual([1]);
  });

  it("ERROR with causes that nobody knows is told to the user and changes nothing", () => {
    const { peer, user } = receiving();
    peer.sends(error({ type: "UNKNOWN", code: 4711, value: new Uint8Array(3) }));
    peer.getsNothing();
    expect(user.hears()).toContain("remote-error");
    expect(user.state).toBe("established");
  });

  it("3.3.11 DATA may come with COOKIE ECHO, and COOKIE ACK answers first", () => {
    const { peer, user } = start();
    peer.calls();
    peer.takesInitAck();
    peer.sends(cookieEcho(), data(1));
    peer.gets([cookieAck(), sack(1)]);
    expect(user.takes()).toHaveLength(1);
  });

  it("the endpoint that called sends DATA after COOKIE ACK", () => {
    const { peer, user } = connected();
    user.sends(10);
    peer.gets(data(1));
  });
});
