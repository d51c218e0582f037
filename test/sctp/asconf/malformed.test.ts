import { describe, expect, it } from "vitest";
import { crc32c, seededRandom } from "../../../agents/sctp/index.ts";
import type { Parameter } from "../../../agents/sctp/wire/index.ts";
import { writePacket } from "../../../agents/sctp/wire/index.ts";
import { unknownParameter } from "../handshake/bench.ts";
import { AsconfStage, added, change, ours, peer, peerToo, usToo } from "./asconf-stage.ts";

const seeds = Array.from({ length: 40 }, (_, index) => index * 7919 + 5);
const sources = [peer, peerToo, added, "192.0.2.77"];

/** Requests that may be right or wrong, in any order. */
function requests(pick: (below: number) => number): Parameter[] {
  const kinds = ["ADD_IP_ADDRESS", "DELETE_IP_ADDRESS", "SET_PRIMARY_ADDRESS"] as const;
  const addresses = [...sources, "0.0.0.0", "::", "224.0.0.1", usToo, "2001:db8::7", "10.1.2.3"];
  return Array.from({ length: pick(6) }, (_, place) =>
    pick(8) === 0
      ? unknownParameter([0x0777, 0x4777, 0x8777, 0xc777][pick(4)]!, pick(12))
      : change(kinds[pick(3)]!, addresses[pick(addresses.length)]!, place),
  );
}

function sealed(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer);
  view.setUint32(8, 0);
  view.setUint32(8, crc32c(bytes), true);
  return bytes;
}

/** What holds whatever the peer asks for. */
function check({ bench, tag }: AsconfStage): void {
  const [snapshot] = bench.endpoint.snapshot().associations;
  if (snapshot === undefined) return;
  const { agreement, primaryAddress, confirmedAddresses, asconf } = snapshot.state;
  const { peerAddresses } = agreement;
  expect(peerAddresses.length).toBeGreaterThan(0);
  expect(peerAddresses.length).toBeLessThanOrEqual(bench.config.parameters.maxPeerAddresses);
  expect(new Set(peerAddresses).size).toBe(peerAddresses.length);
  expect(snapshot.paths.map(({ address }) => address)).toEqual(peerAddresses);
  expect(peerAddresses).toContain(primaryAddress);
  for (const address of confirmedAddresses) expect(peerAddresses).toContain(address);
  for (const [timer] of snapshot.deadlines) {
    const address = timer.split(" ")[1];
    if (address !== undefined) expect(peerAddresses).toContain(address);
  }
  expect(asconf.answers.length).toBeLessThanOrEqual(8);
  expect(bench.endpoint.state(tag)).toBeDefined();
}

describe("ASCONF that is right, wrong, or damaged, in any order", () => {
  it.each(seeds)(
    "leaves an association that is sound, draws one answer, and sends data to confirmed addresses only, seed %i",
    (seed) => {
      const random = seededRandom(seed);
      const pick = (below: number): number => random.uint32() % below;
      const stage = new AsconfStage({ maxPeerAddresses: 4 });
      const { bench, tag } = stage;
      for (let round = 0; round < 120 && bench.endpoint.state(tag) !== undefined; round++) {
        const next = (bench.state(tag).asconf.peerSerial + 1) >>> 0;
        const serial = pick(6) === 0 ? (next - pick(3)) >>> 0 : next;
        const asconf = stage.asconf(requests(pick), serial, sources[pick(sources.length)]);
        const bytes = writePacket({
          sourcePort: 7000,
          destinationPort: 7000,
          verificationTag: tag,
          chunks: [asconf],
        });
        // Half of them have bytes changed behind the common header, or are cut.
        for (let count = pick(2) * (1 + pick(4)); count > 0; count--)
          bytes[12 + pick(bytes.length - 12)] = pick(256);
        const length = pick(10) === 0 ? 12 + pick(bytes.length - 12) : bytes.length;
        const from = sources[pick(sources.length)]!;
        const out = bench.giveBytes(sealed(bytes.slice(0, length)), { from });
        // Data that was on its way to a deleted address leaves again; everything else is an answer.
        const withData = out.filter(({ chunks }) => chunks.some(({ type }) => type === "DATA"));
        const answers = out.filter(
          (each) => !withData.includes(each) && each.chunks[0]?.type !== "HEARTBEAT",
        );
        expect(answers.length).toBeLessThanOrEqual(1);
        const confirmed = bench.endpoint.state(tag)?.confirmedAddresses;
        for (const { to } of withData) expect(confirmed?.has(to)).toBe(true);
        for (const each of out) expect(each.bytes.length).toBeLessThanOrEqual(1472);
        if (pick(5) === 0) stage.send(1 + pick(3000));
        if (pick(9) === 0) bench.endpoint.addAddress(tag, pick(2) === 0 ? ours : "192.0.2.14", bench.nowMs);
        if (pick(3) === 0) bench.nextDeadline();
        bench.sent();
        check(stage);
      }
    },
  );
});
