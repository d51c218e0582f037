import { expect, test } from "vitest";
import type { HostClock } from "../../agents/host/clock.ts";
import type { MemberLink } from "../../agents/host/cluster-link.ts";
import { Outbox } from "../../agents/host/outbox.ts";
import type { PacketTransport, SendPacket } from "../../agents/host/packet-transport.ts";
import type { InstanceRecord } from "../../agents/replica/index.ts";
import { eventRecord } from "../../agents/replica/index.ts";
import type { OutboundPacket } from "../../agents/sctp/index.ts";

const packet = {
  association: 1,
  local: "192.0.2.11",
  remote: "192.0.2.20",
  remotePort: 9899,
  bytes: new Uint8Array(12),
  reason: "data",
  dependsOn: 3,
} as OutboundPacket;

/** An outbox whose computer stands still for `stallMs` while it writes down what it is about to send. */
function sendAcross(stallMs: number): { left: number; records: string[] } {
  let nowMs = 1000;
  let left = 0;
  const clock = {
    nowMs: () => {
      const readMs = nowMs;
      nowMs += stallMs;
      return readMs;
    },
  } as HostClock;
  const records: string[] = [];
  const outbox = new Outbox(clock, (all: readonly InstanceRecord[]) => {
    records.push(...all.map((each) => (each.kind === "event" ? each.name : each.kind)));
  });
  outbox.transport = {
    has: () => true,
    send: (packets: readonly SendPacket[]) => (left += packets.length),
  } as unknown as PacketTransport;
  const outputs = { packets: [packet], frames: [], records: [], refusals: [], sendUntilMs: 1050 };
  outbox.carryOut({ ...outputs, becamePrimary: undefined }, 1);
  return { left, records };
}

test("packets from the partner's address leave by its transport while that is here, else over the link", () => {
  const sent: string[] = [];
  const transport = (address: string): PacketTransport =>
    ({
      has: (local: string) => local === address,
      send: (packets: readonly SendPacket[]) =>
        packets.forEach(({ local }) => sent.push(`${address} ${local}`)),
    }) as unknown as PacketTransport;
  const outbox = new Outbox({ nowMs: () => 0 } as HostClock, () => undefined);
  const link = {
    send: (frames: readonly { kind: string }[]) => frames.forEach(({ kind }) => sent.push(kind)),
  };
  outbox.links.set("partner", link as unknown as MemberLink);
  outbox.transport = transport("192.0.2.12");
  outbox.partnerTransport = transport("192.0.2.11");
  outbox.send([packet, { ...packet, local: "192.0.2.12" }], 1, []);
  outbox.partnerTransport = undefined;
  outbox.send([packet], 1, []);
  expect(sent).toEqual(["192.0.2.12 192.0.2.12", "192.0.2.11 192.0.2.11", "outbound"]);
});

test("what is sent in time leaves, and is recorded as sent", () => {
  expect(sendAcross(1)).toEqual({ left: 1, records: ["sent"] });
});

test("a computer that stands still between its decision and the sending sends nothing, and says so", () => {
  expect(sendAcross(100)).toEqual({ left: 0, records: ["stall"] });
});

test("what is lost is recorded before the frames leave that tell another computer of it", () => {
  const order: string[] = [];
  const nameOf = (record: InstanceRecord): string => (record.kind === "event" ? record.name : record.kind);
  const clock = { nowMs: () => 1000 } as HostClock;
  const outbox = new Outbox(clock, (all: readonly InstanceRecord[]) => order.push(...all.map(nameOf)));
  outbox.links.set("partner", { send: () => order.push("frames") } as unknown as MemberLink);
  const frames = [{ to: "partner", frame: { kind: "leaving", epoch: 1 } }] as const;
  const records = ["note", "loss-report", "numbers-skipped"] as const;
  outbox.carryOut(
    {
      packets: [],
      frames: [...frames],
      records: records.map((name) => eventRecord(name, "", 1000)),
      refusals: [],
      sendUntilMs: 1050,
      becamePrimary: undefined,
    },
    1,
  );
  expect(order).toEqual(["loss-report", "numbers-skipped", "frames", "note"]);
});
