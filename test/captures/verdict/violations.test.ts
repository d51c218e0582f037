import { describe, expect, test } from "vitest";
import { judge } from "../../../captures/verdict/index.ts";
import type { HistoryBuilder } from "../../support/history-builder.ts";
import { addressOf, chunk, dataChunk, goodRun, sackChunk } from "../../support/history-builder.ts";

interface Planted {
  readonly check: string;
  readonly what: string;
  readonly plant: (run: HistoryBuilder) => void;
  /** Other checks that must fail with it, because the violation breaks their rule too. */
  readonly alsoFails?: readonly string[];
}

const find = <T>(list: T[], wanted: (item: T) => boolean): T => {
  const item = list.find(wanted);
  if (item === undefined) throw new Error("the clean run has changed: nothing to plant the violation on");
  return item;
};
const lastOutOfA = (run: HistoryBuilder, chunkType: string) => {
  const packet = run.packets.findLast(
    ({ host, direction, sctp }) =>
      host === "a" && direction === "out" && sctp.chunks.some(({ type }) => type === chunkType),
  );
  if (packet === undefined) throw new Error(`the clean run has no ${chunkType} from a`);
  return packet;
};
const faultAt = (run: HistoryBuilder): number => find(run.faults, () => true).at;
/** Goes back to an instant at which the primary still worked and nothing else happened. */
const beforeTheFault = (run: HistoryBuilder): HistoryBuilder => {
  run.now = faultAt(run) - 300;
  return run;
};

/** The association is shut down by b. */
const end = (run: HistoryBuilder): void => {
  run.transmit("b", "peer", [chunk("SHUTDOWN_COMPLETE", { tagReflected: false })]);
  run.wait(50_000);
};

const planted: readonly Planted[] = [
  {
    check: "messages-lost",
    what: "the last message of a flow is never delivered",
    plant: (run) => {
      const last = run.messages.findLastIndex(({ act, flow }) => act === "delivered" && flow === "down");
      run.messages.splice(last, 1);
    },
  },
  {
    check: "messages-lost",
    what: "a hole, with the totals missing",
    plant: (run) => {
      run.totals.length = 0;
      const first = run.messages.findIndex(({ act, flow }) => act === "delivered" && flow === "down");
      run.messages.splice(first, 1);
    },
  },
  {
    check: "messages-duplicated",
    what: "the new primary delivers again by an update of its own",
    plant: (run) => {
      const old = find(run.messages, ({ host, act }) => host === "a" && act === "delivered");
      run.message("b", "delivered", "up", old.streamId, old.number, run.makeAlone("delivered"));
    },
  },
  {
    check: "messages-duplicated",
    what: "the same sequence in two epochs is two deliveries",
    plant: (run) => {
      const old = find(run.messages, ({ host, act }) => host === "b" && act === "delivered");
      const held = find(run.updates, ({ host, sequence }) => host === "b" && sequence === old.sequence);
      held.epoch = 2;
    },
  },
  {
    check: "messages-duplicated",
    what: "the peer gets a message twice",
    plant: (run) => {
      const old = find(run.messages, ({ host, act }) => host === "peer" && act === "delivered");
      run.message("peer", "delivered", "down", old.streamId, old.number);
    },
  },
  {
    check: "messages-duplicated",
    what: "one computer reports the same update twice",
    plant: (run) => {
      const old = find(run.messages, ({ host, act }) => host === "b" && act === "delivered");
      run.message("b", "delivered", "up", old.streamId, old.number, old.sequence);
    },
  },
  {
    check: "messages-reordered",
    what: "two messages of one stream change places at the peer",
    plant: (run) => {
      const down = run.messages.filter(
        ({ host, act, streamId }) => host === "peer" && act === "delivered" && streamId === 0,
      );
      const [first, second] = down;
      if (first === undefined || second === undefined) throw new Error("too few messages");
      [first.number, second.number] = [second.number, first.number];
    },
  },
  {
    check: "messages-reordered",
    what: "on the cluster the update number gives the order",
    plant: (run) => {
      const up = run.messages.filter(
        ({ host, act, flow, streamId }) =>
          host === "b" && act === "delivered" && flow === "up" && streamId === 0,
      );
      const [last, before] = up.reverse();
      if (last === undefined || before === undefined) throw new Error("too few messages");
      [last.sequence, before.sequence] = [before.sequence ?? 0, last.sequence ?? 0];
    },
  },
  {
    check: "messages-damaged",
    what: "a checksum inside a message does not match",
    plant: (run) => {
      find(run.messages, ({ act }) => act === "delivered").intact = false;
    },
  },
  {
    check: "messages-damaged",
    what: "a message that nobody sent",
    plant: (run) => run.message("peer", "delivered", "down", 0, 999),
  },
  {
    check: "tags-unchanged",
    what: "the secondary answers with a tag of its own",
    plant: (run) => void run.transmit("b", "peer", [sackChunk(10)], { tag: 0x3333 }),
  },
  {
    check: "tags-unchanged",
    what: "two tags in one direction, with the set-up not captured",
    plant: (run) => {
      run.packets = run.packets.filter(({ sctp }) =>
        sctp.chunks.every(({ type }) => !type.startsWith("INIT")),
      );
      run.transmit("peer", "b", [sackChunk(5000)], { tag: 0x3333 });
    },
  },
  {
    check: "no-abort",
    what: "an ABORT from the secondary",
    plant: (run) =>
      void run.transmit("b", "peer", [chunk("ABORT", { causes: [13], tagReflected: false })], {
        reason: "abort",
      }),
  },
  {
    check: "no-restart",
    what: "an INIT of the secondary in the middle",
    plant: (run) => void run.transmit("b", "peer", [chunk("INIT", { initiateTag: 0x3333, tsn: 1 })]),
    alsoFails: ["one-association"],
  },
  {
    check: "one-association",
    what: "the cluster offers only one address",
    plant: (run) => {
      for (const packet of run.packets) {
        const chunks = packet.sctp.chunks.map((summary) =>
          summary.type === "INIT_ACK" ? { ...summary, addresses: [addressOf.a] } : summary,
        );
        packet.sctp = { ...packet.sctp, chunks };
      }
    },
  },
  {
    check: "one-association",
    what: "a COOKIE ECHO when everything was set up",
    plant: (run) => void run.transmit("peer", "b", [chunk("COOKIE_ECHO")]),
  },
  {
    check: "tsn-identity",
    what: "the secondary uses a TSN again for something else",
    plant: (run) => void run.transmit("b", "peer", [dataChunk(5000, 1, 7, 99)]),
  },
  {
    check: "cumulative-tsn",
    what: "the secondary acknowledges less than the primary did",
    plant: (run) => void run.transmit("b", "peer", [sackChunk(0xffff_fffa)], { reason: "sack" }),
  },
  {
    check: "cumulative-tsn",
    what: "the first acknowledgement after the takeover is older than the primary's last",
    plant: (run) => {
      run.now = find(run.events, ({ name }) => name === "takeover-started").at + 1;
      run.transmit("b", "peer", [sackChunk(0xffff_fffa)], { reason: "sack" });
    },
  },
  {
    check: "output-commit",
    what: "DATA leaves before its TSN is held",
    plant: (run) => {
      const tsn = lastOutOfA(run, "DATA").sctp.chunks[0]?.tsn;
      find(run.updates, (update) => update.act === "held" && update.tsn === tsn).at += 1000;
    },
  },
  {
    check: "output-commit",
    what: "a SACK covers data that was never held",
    plant: (run) => {
      const index = run.updates.findIndex(({ act, change }) => act === "held" && change === "dataReceived");
      run.updates.splice(index, 1);
    },
  },
  {
    check: "output-commit",
    what: "COOKIE ACK leaves before the secondary holds the association",
    plant: (run) => {
      find(run.updates, ({ act, change }) => act === "held" && change === "opened").at += 500;
    },
  },
  {
    check: "commit-gate",
    what: "a packet is released before its acknowledgement",
    plant: (run) => {
      find(run.sent, ({ dependsOn }) => dependsOn > 1).dependsOn += 1;
    },
  },
  {
    check: "old-epoch-silent",
    what: "the old primary speaks after the takeover",
    plant: (run) => void run.transmit("a", "peer", [chunk("HEARTBEAT")], { reason: "heartbeat" }),
  },
  {
    check: "checksums-good",
    what: "one packet with a bad CRC32c",
    plant: (run) => {
      const packet = find(run.packets, () => true);
      packet.sctp = { ...packet.sctp, checksumGood: false };
    },
  },
  {
    check: "no-abort",
    what: "the peer answers by a reflected tag while the association is there",
    plant: (run) => void run.transmit("peer", "b", [chunk("ABORT", { causes: [], tagReflected: true })]),
  },
  {
    check: "no-abort",
    what: "an ABORT with the tag of its receiver after the end",
    plant: (run) => {
      end(run);
      run.transmit("peer", "b", [chunk("ABORT", { causes: [], tagReflected: false })]);
    },
  },
  {
    check: "captures-agree",
    what: "a packet of the primary that its agent did not send",
    plant: (run) => void beforeTheFault(run).transmit("b", "peer", [chunk("HEARTBEAT")], { recorded: false }),
  },
  {
    check: "captures-agree",
    what: "a packet that the agent sent and the capture lacks",
    plant: (run) => {
      const from = run.packets.findIndex(({ host, direction }) => host === "b" && direction === "out");
      run.packets.splice(from, 1);
    },
  },
];

describe("each planted violation fails its own check", () => {
  for (const { check, what, plant, alsoFails } of planted) {
    test(`${check}: ${what}`, () => {
      const run = goodRun();
      plant(run);
      const report = judge(run.history());
      const failed = report.checks.filter(({ outcome }) => outcome === "fail");
      expect(failed.map(({ id }) => id).sort((left, right) => left.localeCompare(right))).toEqual(
        [check, ...(alsoFails ?? [])].sort((left, right) => left.localeCompare(right)),
      );
      const result = failed.find(({ id }) => id === check);
      expect(result?.evidenceTotal).toBeGreaterThan(0);
      expect(result?.evidence[0]?.text).toBeTruthy();
      expect(report.outcome).toBe("fail");
      expect(report.headline).toContain("The failover was not clean");
    });
  }
});

test("what the peer answers to packets that were late after the end is no ABORT of the association", () => {
  const run = goodRun();
  end(run);
  run.transmit("peer", "b", [chunk("ABORT", { causes: [], tagReflected: true })]);
  const report = judge(run.history());
  expect(report.outcome).toBe("pass");
  const { summary } = report.checks.find(({ id }) => id === "no-abort") ?? {};
  expect(summary).toMatch(/^none in \d+ packets; 1 more answer packets that came after its end$/);
});
