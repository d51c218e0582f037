import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MessageRecord } from "../../agents/control/records.ts";
import { ADDRESSES, buildPeer, makeBench, startPeer, whyNoUsrsctp } from "./usrsctp-peers.ts";
import type { Bench, Peer } from "./usrsctp-peers.ts";

const whyNot = whyNoUsrsctp();

const STREAMS = 4;
const MESSAGES = 1000;
const FAST = ["--rto-min", "50", "--rto-initial", "100", "--rto-max", "1000", "--hb-interval", "200"];

/** stream:number of each message, stream by stream in the order of the records. */
function numbering(messages: readonly MessageRecord[]): readonly string[] {
  return messages.toSorted((a, b) => a.streamId - b.streamId).map((one) => `${one.streamId}:${one.number}`);
}

const skipped = whyNot === undefined ? "" : ` (skipped: ${whyNot})`;

describe.skipIf(whyNot !== undefined)(`two usrsctp peers on one cable${skipped}`, () => {
  let bench: Bench;
  /** As the demo builds it, and with the compiler's own watch over memory and arithmetic. */
  let program: string;
  let checked: string;
  let peers: Peer[] = [];
  beforeAll(() => {
    bench = makeBench();
    program = buildPeer(bench.folder, "plain");
    checked = buildPeer(
      bench.folder,
      "checked",
      "-g",
      "-fsanitize=address,undefined",
      "-fno-sanitize-recover=all",
    );
  });
  afterAll(() => {
    for (const peer of peers) peer.kill();
    bench.dispose();
  });

  function start(side: 0 | 1, ...argv: readonly string[]): Peer {
    const peer = startPeer(
      side === 0 ? checked : program,
      ["--local", ADDRESSES[side], ...FAST, ...argv],
      bench.namespaces[side],
    );
    peers.push(peer);
    return peer;
  }

  async function connected(): Promise<readonly [Peer, Peer]> {
    const cluster = start(1, "--listen", "--sctp-port", "7000");
    await cluster.until((peer) => peer.lines.some((line) => line.type === "hello"));
    const outside = start(0, "--remote", ADDRESSES[1], "--streams", `${STREAMS}`, "--path-max-retrans", "3");
    outside.command("connect");
    await outside.until((peer) => peer.event("association-up") !== undefined);
    await cluster.until((peer) => peer.event("association-up") !== undefined);
    return [outside, cluster];
  }

  async function ended(...all: readonly Peer[]): Promise<void> {
    for (const peer of all) peer.command("quit");
    for (const peer of all) expect(await peer.ended).toEqual({ code: 0, stderr: "" });
    peers = peers.filter((peer) => !all.includes(peer));
  }

  test("500 a second both ways: all arrive in order and whole, and every echo comes back", async () => {
    const [outside, cluster] = await connected();
    expect(outside.event("address-confirmed")?.detail).toEqual({ address: ADDRESSES[1], state: "confirmed" });
    outside.command(`load 500 200 ${STREAMS}`);
    cluster.command(`load 500 1000 ${STREAMS}`);
    await outside.until((peer) => peer.messages("sent", "up").length >= MESSAGES);
    await cluster.until((peer) => peer.messages("sent", "down").length >= MESSAGES);
    for (const peer of [cluster, outside]) {
      peer.command("stop");
      await peer.until(({ lines }) => lines.some((line) => line.type === "totals"));
    }
    const sentUp = outside.messages("sent", "up");
    const sentDown = cluster.messages("sent", "down");
    await cluster.until(
      (peer) =>
        peer.messages("delivered", "up").length >= sentUp.length &&
        peer.messages("delivered", "echo").length >= sentDown.length,
    );
    expect(numbering(cluster.messages("delivered", "up"))).toEqual(numbering(sentUp));
    expect(numbering(outside.messages("delivered", "down"))).toEqual(numbering(sentDown));
    expect(numbering(outside.messages("sent", "echo"))).toEqual(numbering(sentDown));
    expect(numbering(cluster.messages("delivered", "echo"))).toEqual(numbering(sentDown));
    for (const message of [
      ...cluster.messages("delivered", "up"),
      ...cluster.messages("delivered", "echo"),
    ]) {
      expect([message.intact, message.sizeBytes]).toEqual([true, message.flow === "up" ? 200 : 1000]);
    }
    const totals = outside.lines.find((line) => line.type === "totals");
    expect(totals?.counts).toEqual({ lost: 0, duplicated: 0, reordered: 0, damaged: 0 });
    for (const flow of ["up", "echo"] as const) {
      const sent = outside.messages("sent", flow).length;
      const total = totals?.totals
        .filter((entry) => entry.flow === flow)
        .reduce((sum, entry) => sum + entry.sent, 0);
      expect(total).toBe(sent);
    }
    await ended(outside, cluster);
  });

  test("the longest messages come through whole, and the socket's limits lose nothing", async () => {
    const [outside, cluster] = await connected();
    cluster.command(`load 400 65536 ${STREAMS}`);
    await cluster.until((peer) => peer.messages("delivered", "echo").length >= 300);
    cluster.command("stop");
    await cluster.until((peer) => {
      const sent = peer.messages("sent", "down").length;
      return peer.event("load-stopped") !== undefined && peer.messages("delivered", "echo").length === sent;
    });
    expect(cluster.messages("delivered", "echo").every((one) => one.intact && one.sizeBytes === 65536)).toBe(
      true,
    );
    expect(numbering(cluster.messages("delivered", "echo"))).toEqual(
      numbering(cluster.messages("sent", "down")),
    );
    await ended(outside, cluster);
  });

  test("shutdown closes in order on both sides", async () => {
    const [outside, cluster] = await connected();
    outside.command("shutdown");
    await outside.until((peer) => peer.event("association-closed") !== undefined);
    await cluster.until((peer) => peer.event("association-closed") !== undefined);
    await ended(outside, cluster);
  });

  test("mistakes get one sentence", async () => {
    const outside = start(0, "--remote", ADDRESSES[1]);
    for (const line of ["load 500 200 4", "load 500 7 4", "dance", "x".repeat(5000)]) outside.command(line);
    await outside.until(({ lines }) => lines.filter((line) => line.type === "error").length === 4);
    expect(outside.lines.slice(1).map((line) => (line.type === "error" ? line.message : line.type))).toEqual([
      "load over 4 streams is not possible: the association is not up (0 streams)",
      "load takes RATE (1 to 1000000), SIZE (24 to 65536) and STREAMS (1 to 1024)",
      "unknown command; there are connect, load RATE SIZE STREAMS, stop, clock ID, shutdown, quit",
      "unknown command; there are connect, load RATE SIZE STREAMS, stop, clock ID, shutdown, quit",
    ]);
    const second = start(0, "--remote", ADDRESSES[1], "--sctp-port", "7002");
    expect((await second.ended).code).toBe(1);
    expect(second.lines[0]).toMatchObject({
      type: "error",
      message: /^UDP port 9899 cannot be used on this host/,
    });
    await ended(outside);
  });
});
