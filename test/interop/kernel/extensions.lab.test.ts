import { expect, test } from "vitest";
import { arrived, exchange } from "./kernel-bench.ts";
import type { Pair } from "./kernel-bench.ts";
import type { KernelSocket, StreamTally } from "./kernel-peer.ts";
import { describeWithKernel } from "./kernel-suite.ts";
import type { SendOrder } from "./our-peer.ts";

const openers = ["we", "the kernel"] as const;
const load = { count: 120, streams: 4, sizes: [4, 1000, 3000, 20_000] };
/**
 * Each in one packet: Linux 6.1 numbers the second fragment of a message in I-DATA chunks 0, where RFC 8260 section
 * 2.1 has 1.
 */
const unfragmented = { count: 160, streams: 4, sizes: [4, 100, 1000, 1400] };

/** Shorter than by default, so that losses are made good within the test's patience. */
const parameters = { rtoInitialMs: 300, rtoMinMs: 200, rtoMaxMs: 800, sackDelayMs: 20 };

/** What the kernel may ask of us (RFC 6525 section 6.3.1). */
const accepting = { acceptsStreamReset: true, acceptsAssociationReset: true, acceptsStreamChange: true };

describeWithKernel(
  "extensions with a Linux kernel",
  { prepare: (kernel) => kernel.sysctl({ prsctp_enable: 1, intl_enable: 1, reconf_enable: 1 }) },
  (bench) => {
    async function interleaving(socket: KernelSocket): Promise<void> {
      await socket.set("fragment-interleave", 1);
      await socket.set("interleaving-supported", 1);
    }

    /** Every number either came, once, or is missing for good; some are missing, and nothing else is wrong. */
    function expectGaps(tallies: readonly StreamTally[], count: number): void {
      expect(tallies.reduce((sum, { messages, missing }) => sum + messages + missing, 0)).toBe(count);
      expect(tallies.reduce((sum, { missing }) => sum + missing, 0)).toBeGreaterThan(0);
      for (const { late, damaged } of tallies) expect({ late, damaged }).toEqual({ late: 0, damaged: 0 });
    }

    for (const withInterleaving of [false, true]) {
      const name = withInterleaving ? "partial reliability with I-DATA" : "partial reliability";
      const extensions = { partialReliability: true, interleaving: withInterleaving };
      // Linux sends I-FORWARD-TSN and does not list it.
      const side = { extensions, parameters: { ...parameters, iForwardTsnUnlisted: true } };
      // Fragments too, of which this kernel leaves some without the rest of their message and without FORWARD TSN.
      const lossy = withInterleaving ? unfragmented : load;
      /** After what may be lost, one message that may not on each stream: it shows where the stream is. */
      const closing: SendOrder = { count: lossy.streams, streams: lossy.streams, sizes: [4] };
      const total = lossy.count + closing.count;
      const upTo = (tallies: readonly StreamTally[]): boolean =>
        tallies.reduce((sum, { next }) => sum + next, 0) === total;
      const prepare = async (socket: KernelSocket): Promise<void> => {
        await socket.set("rto", parameters.rtoInitialMs, parameters.rtoMaxMs, parameters.rtoMinMs);
        await socket.set("pr-supported", 1);
        if (withInterleaving) await interleaving(socket);
      };

      test(`${name}: what we do not send again is skipped at the kernel`, async () => {
        const { ours, kernels, association } = await bench.pair({
          opener: "we",
          prepare,
          ours: side,
        });
        expect((await ours.facts(association))?.agreement.extensions).toMatchObject(extensions);
        await bench.kernel.impair(0, "delay 2ms loss 15%");
        const reliability = { policy: "limited-retransmissions", maxRetransmits: 0 } as const;
        await ours.send(association, { ...lossy, reliability });
        await ours.until("all that was not sent again was reported", () =>
          ours.told.some(({ notification }) => notification.type === "send-failed"),
        );
        await ours.untilStatistics(
          association,
          "nothing is waiting",
          ({ pendingMessages }) => pendingMessages === 0,
        );
        await ours.send(association, closing);
        await kernels.untilReceived("the last of each stream", upTo);
        expectGaps(await kernels.received(), total);
        expect([ours.changes(association), kernels.changes]).toEqual([["comm-up"], ["comm-up"]]);
      });

      test(`${name}: what the kernel does not send again is skipped at our side`, async () => {
        const { ours, kernels, association } = await bench.pair({
          opener: "the kernel",
          prepare,
          ours: side,
        });
        await bench.kernel.impair(0, "delay 2ms loss 15%");
        await kernels.send(lossy.count, lossy.streams, lossy.sizes, "rtx", "0");
        await kernels.until("all handed over", () => kernels.events("load-sent").length === 1);
        await kernels.send(closing.count, closing.streams, closing.sizes);
        await ours.untilReceived(association, "the last of each stream", upTo);
        expectGaps(await ours.received(association), total);
        expect([ours.changes(association), kernels.changes]).toEqual([["comm-up"], ["comm-up"]]);
      });

      test(`${name}: messages that expire while the network is dead never arrive, in either direction`, async () => {
        const { ours, kernels, association } = await bench.pair({
          opener: "we",
          prepare,
          ours: side,
        });
        await bench.kernel.impair(0, "loss 100%");
        const reliability = { policy: "timed", lifetimeMs: 100 } as const;
        await ours.send(association, { ...lossy, count: 40, reliability });
        await kernels.send(40, lossy.streams, lossy.sizes, "ttl", "100");
        const failed = (): number =>
          ours.told.filter(({ notification }) => notification.type === "send-failed").length;
        await ours.until("all of ours were given up", () => failed() >= 40);
        await bench.kernel.impair(0, "");
        await ours.send(association, closing);
        await kernels.until("all handed over", () => kernels.events("load-sent").length === 1);
        await kernels.send(closing.count, closing.streams, closing.sizes);
        const shorter = (tallies: readonly StreamTally[]): boolean =>
          tallies.reduce((sum, { next }) => sum + next, 0) === 40 + closing.count;
        await kernels.untilReceived("the last of each of our streams", shorter);
        await ours.untilReceived(association, "the last of each of its streams", shorter);
        // Ours were all sent or queued into the dead network and expired there: only the closing ones arrive.
        expect(arrived(await kernels.received())).toBe(closing.count);
        expectGaps(await ours.received(association), 40 + closing.count);
      });
    }

    for (const opener of openers) {
      test(`I-DATA, ${opener} set(s) up: messages of many sizes on many streams at once, under loss`, async () => {
        const pair = await bench.pair({
          opener,
          prepare: interleaving,
          ours: {
            extensions: { interleaving: true },
            parameters: { ...parameters, scheduler: "round-robin" },
          },
        });
        expect((await pair.ours.facts(pair.association))?.agreement.extensions.interleaving).toBe(true);
        await exchange(pair, unfragmented);
        await bench.kernel.impair(0, "delay 2ms loss 2%");
        await exchange(pair, unfragmented);
      });
    }

    test("I-DATA that only we offer is not used", async () => {
      const pair = await bench.pair({ opener: "we", ours: { extensions: { interleaving: true } } });
      expect((await pair.ours.facts(pair.association))?.agreement.extensions.interleaving).toBe(false);
      await exchange(pair, load);
    });

    test("I-DATA of this kernel in fragments: we end the association and say why, and nothing hangs", async () => {
      const { ours, kernels, association } = await bench.pair({
        opener: "we",
        prepare: interleaving,
        ours: { extensions: { interleaving: true } },
      });
      await kernels.send(1, 1, [3000]);
      await kernels.untilChange("comm-lost");
      // RFC 9260 section 3.3.10.13: Protocol Violation.
      expect(kernels.events("association-change").at(-1)?.["cause"]).toBe(13);
      await ours.untilChange("comm-lost");
      expect(await ours.received(association)).toEqual([]);
    });

    /** An association that may be re-configured by either side, after some traffic. */
    async function reconfigurable(opener: "we" | "the kernel"): Promise<Pair> {
      const pair = await bench.pair({
        opener,
        // All three kinds: streams, association, adding streams.
        prepare: (socket) => socket.set("enable-stream-reset", 7),
        ours: { extensions: { streamReconfiguration: true }, parameters: accepting },
      });
      expect((await pair.ours.facts(pair.association))?.agreement.extensions.streamReconfiguration).toBe(
        true,
      );
      await exchange(pair, load);
      return pair;
    }

    /** Linux resets nothing (EAGAIN) while DATA of its own is unacknowledged, and our last SACK may be under way. */
    async function reset(kernels: KernelSocket, verb: string, ...words: readonly string[]): Promise<void> {
      for (let tries = 1; ; tries++) {
        try {
          await kernels.command(verb, ...words);
          return;
        } catch (error) {
          if (tries === 200 || !String(error).includes("Resource temporarily unavailable")) throw error;
        }
      }
    }

    const ourResets = ({ ours }: Pair): readonly unknown[] =>
      ours.told.flatMap(({ notification }) => (notification.type === "stream-reset" ? [notification] : []));
    /** Flags of SCTP_STREAM_RESET_EVENT (RFC 6458 section 6.1.11, RFC 6525 section 6.1.1). */
    const incoming = 1;
    const outgoing = 2;

    for (const opener of openers) {
      test(`stream reset, ${opener} set(s) up: our outgoing streams and the kernel's begin anew`, async () => {
        const pair = await reconfigurable(opener);
        const { ours, kernels, association } = pair;
        const streams = [1, 3];
        expect(await ours.invoke("reconfigure", association, { kind: "outgoing-reset", streams })).toBe(
          "accepted",
        );
        await ours.until("our reset is done", () => ourResets(pair).length === 1);
        expect(ourResets(pair)).toEqual([
          { type: "stream-reset", direction: "outgoing", streams, outcome: "performed" },
        ]);
        await kernels.until("the kernel knows", () => kernels.events("stream-reset").length === 1);
        expect(kernels.events("stream-reset")).toMatchObject([{ flags: incoming, streams }]);
        await exchange(pair, load);
        await reset(kernels, "reset", "outgoing", "0,2");
        await ours.until("the kernel's reset is done", () => ourResets(pair).length === 2);
        expect(ourResets(pair)[1]).toMatchObject({
          direction: "incoming",
          streams: [0, 2],
          outcome: "performed",
        });
        await kernels.until("the kernel is told", () => kernels.events("stream-reset").length === 2);
        expect(kernels.events("stream-reset")[1]).toMatchObject({ flags: outgoing, streams: [0, 2] });
        await exchange(pair, load);
      });
    }

    test("incoming reset: each side has the other one's streams begin anew", async () => {
      const pair = await reconfigurable("we");
      const { ours, kernels, association } = pair;
      await kernels.command("reset", "incoming", "1");
      await ours.until("we reset our stream", () => ourResets(pair).length === 1);
      expect(ourResets(pair)).toMatchObject([{ direction: "outgoing", streams: [1], outcome: "performed" }]);
      await exchange(pair, load);
      await ours.invoke("reconfigure", association, { kind: "incoming-reset", streams: [2] });
      await ours.until("the kernel resets its stream", () => ourResets(pair).length >= 2);
      expect(ourResets(pair).at(-1)).toMatchObject({
        direction: "incoming",
        streams: [2],
        outcome: "performed",
      });
      await exchange(pair, load);
    });

    test("association reset: by us, then by the kernel", async () => {
      const pair = await reconfigurable("the kernel");
      const { ours, kernels, association } = pair;
      const resets = (): number =>
        ours.told.filter(
          ({ notification }) =>
            notification.type === "association-reset" && notification.outcome === "performed",
        ).length;
      await ours.invoke("reconfigure", association, { kind: "ssn-tsn-reset" });
      await ours.until("our reset", () => resets() === 1);
      await kernels.until("the kernel knows", () => kernels.events("association-reset").length === 1);
      await exchange(pair, load);
      await reset(kernels, "reset-association");
      await ours.until("the kernel's reset", () => resets() === 2);
      await exchange(pair, load);
    });

    test("streams are added by us and by the kernel, and used", async () => {
      const pair = await bench.pair({
        opener: "we",
        prepare: (socket) => socket.set("enable-stream-reset", 7),
        ours: {
          extensions: { streamReconfiguration: true },
          parameters: { ...accepting, outboundStreams: 2 },
        },
      });
      const { ours, kernels, association } = pair;
      const before = (await kernels.status()).outboundStreams;
      await exchange(pair, { ...load, streams: 2 });
      await ours.invoke("reconfigure", association, { kind: "add-outgoing", count: 4 });
      await ours.untilStatistics(
        association,
        "six streams out",
        ({ outboundStreams }) => outboundStreams === 6,
      );
      await kernels.untilStatus("six streams in", ({ inboundStreams }) => inboundStreams === 6);
      await ours.send(association, { count: 60, streams: 6, sizes: [100, 2000] });
      await kernels.untilReceived("on six streams", (tallies) => arrived(tallies) === load.count + 60);
      expect((await kernels.received()).length).toBe(6);
      await kernels.command("add-streams", 3, 0);
      await kernels.untilStatus("three more out", ({ outboundStreams }) => outboundStreams === before + 3);
      await ours.untilStatistics(
        association,
        "three more in",
        ({ inboundStreams }) => inboundStreams === before + 3,
      );
      await kernels.send(2 * (before + 3), before + 3, [50]);
      await ours.untilReceived(
        association,
        "on all streams",
        (tallies) => arrived(tallies) === load.count + 2 * (before + 3),
      );
    });
  },
);
