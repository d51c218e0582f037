import { conclude, dataChunk, HistoryBuilder, sackChunk, setUp } from "./history-builder.ts";

/** First TSN of the cluster in a built run, and how many TSNs a lease covers. */
const firstTsn = 5000;
const leaseTsns = 64;
const streams = 2;

/** A run under `interval:50ms`; everything that a test may want to know of its failover. */
export interface LossyRun {
  readonly run: HistoryBuilder;
  /** Numbers of `up` that A acknowledged and B never got. */
  readonly lostUp: readonly number[];
  /** The one `down` message that A sent and that the network lost. */
  readonly lostDown: { readonly streamId: number; readonly number: number; readonly tsn: number };
  /** A number that B skipped and that was never sent. */
  readonly neverSent: { readonly streamId: number; readonly number: number };
}

/** A message of the peer comes in at a member and is acknowledged, whether or not anybody holds that. */
function inbound(run: HistoryBuilder, server: "a" | "b", epoch: number): number {
  const number = run.nextNumber("up", 0);
  const tsn = run.nextTsn("peer");
  run.message("peer", "sent", "up", 0, number);
  run.heads.push({ port: 7001, tsn, flow: "up", streamId: 0, number });
  run.transmit("peer", server, [dataChunk(tsn, 0, number)]);
  run.makeAlone("dataReceived", tsn, server, epoch);
  run.message(server, "delivered", "up", 0, number, run.makeAlone("delivered", tsn, server, epoch));
  run.transmit(server, "peer", [sackChunk(tsn)], { reason: "sack" });
  return number;
}

/** Gives the next `down` number out, in turn over the streams. */
function nextDown(run: HistoryBuilder, index: number): { streamId: number; number: number } {
  const streamId = index % streams;
  return { streamId, number: run.nextNumber("down", streamId) };
}

interface Outbound {
  readonly streamId: number;
  readonly number: number;
  readonly tsn: number;
}

function outbound(
  run: HistoryBuilder,
  server: "a" | "b",
  how: { index: number; epoch: number; lost?: boolean },
): Outbound {
  const { streamId, number } = nextDown(run, how.index);
  run.message(
    server,
    "sent",
    "down",
    streamId,
    number,
    run.makeAlone("messageQueued", undefined, server, how.epoch),
  );
  const tsn = run.nextTsn("cluster");
  run.makeAlone("tsnAssigned", tsn, server, how.epoch);
  run.heads.push({ port: 7001, tsn, flow: "down", streamId, number });
  run.transmit(server, "peer", [dataChunk(tsn, streamId, number)], { lost: how.lost === true });
  if (how.lost === true) return { streamId, number, tsn };
  run.message("peer", "delivered", "down", streamId, number);
  run.transmit("peer", server, [sackChunk(tsn)], { reason: "sack" });
  return { streamId, number, tsn };
}

/**
 * Policy `interval:50ms`: A is killed with five messages in and two out that B never heard of, one of the two
 * lost on its way. B gives up the rest of the lease, skips numbers, learns what the peer no longer has,
 * reports both, and goes on.
 */
export function lossyRun(): LossyRun {
  const run = new HistoryBuilder();
  run.terms = {
    policy: "interval:50ms",
    placement: "standby",
    fencing: "prefer-availability",
    fault: "crash",
  };
  run.event("a", "policy", "the policy is interval:50ms", { policy: "interval:50ms", placement: "standby" });
  setUp(run);
  const limitTsn = firstTsn + leaseTsns;
  run.event("a", "lease", `TSNs below ${limitTsn} may be used`, {
    association: 1,
    limitTsn,
    nextTsn: firstTsn,
  });
  let index = 0;
  for (let round = 0; round < 12; round += 1) {
    inbound(run.wait(10_000), "a", 1);
    outbound(run, "a", { index: index++, epoch: 1 });
    if (round % 4 === 3) run.flush("b");
  }
  const lostUp = [0, 1, 2, 3, 4].map(() => inbound(run.wait(6000), "a", 1));
  outbound(run, "a", { index: index++, epoch: 1 });
  const lostDown = outbound(run, "a", { index: index++, epoch: 1, lost: true });
  run.wait(500);
  run.faults.push({ at: run.now, host: "a", fault: "kill", text: "SIGKILL of the agent on a" });
  run.wait(50_000).event("b", "primary-lost", "the primary instance is gone");
  run.wait(100).event("b", "takeover-started", "taking over in epoch 2", { epoch: 2 });
  run.rollBack();
  const neverSent = recover(run, { index, limitTsn, lostDown, lostUp: lostUp.length });
  index += 2;
  run.event("b", "takeover-complete", "the association goes on");
  for (let round = 0; round < 6; round += 1) {
    inbound(run.wait(1000), "b", 2);
    outbound(run, "b", { index: index++, epoch: 2 });
  }
  conclude(run);
  return { run, lostUp, lostDown, neverSent };
}

/** What B says and does before it goes on; answers one number that it skips though nobody ever sent it. */
function recover(
  run: HistoryBuilder,
  known: { index: number; limitTsn: number; lostDown: Outbound; lostUp: number },
): { streamId: number; number: number } {
  const { index, limitTsn, lostDown, lostUp } = known;
  // Numbers that A may have used: the two that it did use, and two more.
  nextDown(run, index);
  const neverSent = nextDown(run, index + 1);
  const skipped = { flow: "down", firstIndex: index - 2, lastIndex: index + 1 };
  run.event("b", "numbers-skipped", "numbers that the earlier instance may have used are skipped", skipped);
  const outboundReport = {
    association: 1,
    direction: "outbound",
    firstTsn: lostDown.tsn,
    lastTsn: limitTsn - 1,
  };
  run.event("b", "loss-report", "TSNs given up", {
    ...outboundReport,
    messagesAtMost: limitTsn - lostDown.tsn,
  });
  run.skipTsns("cluster", limitTsn - lostDown.tsn - 1);
  const upTsns = run.heads.filter(({ flow }) => flow === "up").map(({ tsn }) => tsn);
  const inboundReport = { firstTsn: upTsns.at(-lostUp) ?? 0, lastTsn: upTsns.at(-1) ?? 0 };
  run.event("b", "loss-report", "TSNs lost", {
    association: 1,
    direction: "inbound",
    ...inboundReport,
    messagesAtMost: lostUp,
  });
  run.makeAlone("dataSkipped", inboundReport.lastTsn);
  return neverSent;
}
