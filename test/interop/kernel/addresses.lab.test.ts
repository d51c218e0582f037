import { expect, test } from "vitest";
import { arrived, exchange, kernelPort } from "./kernel-bench.ts";
import type { Pair } from "./kernel-bench.ts";
import type { KernelSocket } from "./kernel-peer.ts";
import { describeWithKernel } from "./kernel-suite.ts";
import type { OurPeer } from "./our-peer.ts";
import { networks } from "./virtual-machine.ts";

const [first, second] = networks;
const openers = ["we", "the kernel"] as const;
const load = { count: 60, streams: 3, sizes: [4, 1000, 3000] };
const dataChunk = 0;
const secret = (text: string): Uint8Array => new TextEncoder().encode(text);

/** So that the tests wait for seconds at most where a network is dead. */
const parameters = {
  rtoInitialMs: 300,
  rtoMinMs: 200,
  rtoMaxMs: 800,
  sackDelayMs: 20,
  heartbeatIntervalMs: 300,
};

describeWithKernel(
  "AUTH and ASCONF with a Linux kernel",
  { prepare: (kernel) => kernel.sysctl({ auth_enable: 1, addip_enable: 1 }) },
  (bench) => {
    /** DATA is taken authenticated only, at both ends. */
    async function authenticating(opener: "we" | "the kernel"): Promise<Pair> {
      return bench.pair({
        opener,
        prepare: (socket) => socket.set("auth-chunk", dataChunk),
        ours: {
          extensions: { authentication: true },
          parameters: { ...parameters, authenticatedChunkTypes: [dataChunk] },
        },
      });
    }

    async function useKey(pair: Pair, keyId: number, ourText: string, kernelText: string): Promise<void> {
      const { ours, kernels, association } = pair;
      await ours.invoke("setKey", association, keyId, secret(ourText));
      await kernels.set("auth-key", keyId, kernelText);
      await ours.invoke("activateKey", association, keyId);
      await kernels.set("active-key", keyId);
    }

    for (const opener of openers) {
      test(`AUTH, ${opener} set(s) up: DATA signed by the empty key, then by one key after another`, async () => {
        const pair = await authenticating(opener);
        expect((await pair.ours.facts(pair.association))?.agreement.extensions.authentication).toBe(true);
        await exchange(pair, load);
        await useKey(pair, 1, "open-sesame", "open-sesame");
        await exchange(pair, load);
        await useKey(pair, 2, "a-longer-secret", "a-longer-secret");
        await exchange(pair, load);
      });
    }

    test("AUTH with different secrets: nothing arrives at either end until they are the same", async () => {
      const pair = await authenticating("we");
      const { ours, kernels, association } = pair;
      await useKey(pair, 1, "ours", "theirs");
      await ours.send(association, load);
      await kernels.send(load.count, load.streams, load.sizes);
      await kernels.untilStatus("sent again", ({ counts }) => (counts["retransmittedChunks"] ?? 0) > 1);
      expect(arrived(await kernels.received())).toBe(0);
      expect(arrived(await ours.received(association))).toBe(0);
      // Under the same number: the kernel signs a message with the key of the day when it was handed over.
      await ours.invoke("setKey", association, 1, secret("theirs"));
      await kernels.untilReceived("all of ours", (tallies) => arrived(tallies) === load.count);
      await ours.untilReceived(association, "all of theirs", (tallies) => arrived(tallies) === load.count);
    });

    /** One network is known to the peer; both ends could use the other one as well. */
    async function extensible(opener: "we" | "the kernel"): Promise<Pair> {
      const pair = await bench.pair({
        opener,
        prepare: async (socket: KernelSocket) => {
          await socket.set("rto", parameters.rtoInitialMs, parameters.rtoMaxMs, parameters.rtoMinMs);
          await socket.set("path", "*", parameters.heartbeatIntervalMs, 5);
        },
        ours: {
          spareAddresses: [second.ours],
          extensions: { authentication: true, addressReconfiguration: true },
          parameters,
        },
      });
      const { extensions } = (await pair.ours.facts(pair.association))?.agreement ?? {};
      expect(extensions?.addressReconfiguration).toBe(true);
      return pair;
    }

    async function untilConfirmed({ ours, kernels, association }: Pair): Promise<void> {
      await ours.untilStatistics(
        association,
        "the kernel's addresses are confirmed",
        ({ paths }) => paths.length === 2 && paths.every((path) => path.confirmed),
      );
      await kernels.untilStatus(
        "our addresses are confirmed",
        ({ paths }) => paths.length === 2 && paths.every(({ state }) => state === "active"),
      );
    }

    const localChanges = (ours: OurPeer): readonly unknown[] =>
      ours.told.filter(({ notification }) => notification.type === "local-address-change");

    for (const opener of openers) {
      test(`ASCONF, ${opener} set(s) up: both ends add an address, and the first network may die`, async () => {
        const pair = await extensible(opener);
        const { ours, kernels, association } = pair;
        await exchange(pair, load);
        expect(await ours.invoke("addAddress", association, second.ours)).toBe("accepted");
        await kernels.until("the kernel knows our address", () =>
          kernels.pathChanges(second.ours).includes("added"),
        );
        await ours.until("the kernel's answer", () => localChanges(ours).length === 1);
        await kernels.command("bindx", "add", kernelPort, second.kernels);
        await ours.until("we know the kernel's address", () =>
          ours.pathChanges(second.kernels).includes("added"),
        );
        await untilConfirmed(pair);
        await bench.kernel.impair(0, "loss 100%");
        await exchange(pair, load);
      });

      test(`ASCONF, ${opener} set(s) up: what each end wants as primary, then the first addresses are deleted`, async () => {
        const pair = await extensible(opener);
        const { ours, kernels, association } = pair;
        await ours.invoke("addAddress", association, second.ours);
        await kernels.until("added", () => kernels.pathChanges(second.ours).includes("added"));
        await kernels.command("bindx", "add", kernelPort, second.kernels);
        await ours.until("added", () => ours.pathChanges(second.kernels).includes("added"));
        await untilConfirmed(pair);
        await ours.invoke("setPeerPrimary", association, second.ours);
        await kernels.untilStatus("our wish", ({ primary }) => primary === second.ours);
        await kernels.set("peer-primary", kernelPort, second.kernels);
        await ours.untilStatistics(
          association,
          "the kernel's wish",
          ({ primaryAddress }) => primaryAddress === second.kernels,
        );
        await exchange(pair, load);
        await ours.invoke("removeAddress", association, first.ours);
        await kernels.until("removed", () => kernels.pathChanges(first.ours).includes("removed"));
        await kernels.command("bindx", "remove", kernelPort, first.kernels);
        await ours.until("removed", () => ours.pathChanges(first.kernels).includes("removed"));
        expect((await kernels.status()).paths.map(({ address }) => address)).toEqual([second.ours]);
        await exchange(pair, load);
      });
    }
  },
);
