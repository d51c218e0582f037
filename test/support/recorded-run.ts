import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeTestMessage } from "../../agents/application/index.ts";
import type { AgentRecord } from "../../agents/control/records.ts";
import { dissectFrame } from "../../captures/dissect/index.ts";
import type { History } from "../../captures/verdict/history.ts";
import { createRun } from "../../main/store/index.ts";
import type { RunWriter } from "../../main/store/index.ts";
import type { PayloadOf } from "./frames.ts";
import { ethernet, frameOf } from "./frames.ts";
import type { HistoryBuilder } from "./history-builder.ts";

/** A folder for runs that is gone again after `using`. */
export function temporaryRuns(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), "understudy-runs-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** The numbered messages that the history says its DATA chunks carry. */
function payloadsOf({ messageHeads = [] }: History): PayloadOf {
  const heads = new Map(messageHeads.map((head) => [head.tsn, head]));
  return ({ tsn, payloadBytes = 0 }) => {
    const head = heads.get(tsn ?? -1);
    if (head === undefined) return undefined;
    return writeTestMessage({ ...head, sentAtUs: 0, sizeBytes: payloadBytes });
  };
}

/**
 * The history with packets as a capture would show them: checksums and sizes are those of real frames.
 * Records of the senders follow, because they name packets by checksum.
 */
export function realized(run: HistoryBuilder): History {
  const history = run.history();
  const checksums = new Map<number, number>();
  const payloadOf = payloadsOf(history);
  const packets = history.packets.map((packet) => {
    const { sctp } = dissectFrame(frameOf(packet.sctp, payloadOf), ethernet);
    if (sctp === undefined) throw new Error("a built frame holds no SCTP");
    checksums.set(packet.sctp.checksum, sctp.checksum);
    return { ...packet, sctp };
  });
  const sent = history.sent.map((record) => ({
    ...record,
    checksum: checksums.get(record.checksum) ?? record.checksum,
  }));
  return { ...history, packets, sent };
}

const withoutHost = ({ host: _host, ...record }: AgentRecord & { readonly host: string }): AgentRecord =>
  record;

/** Hands a history to the store in the calls that a real run makes, up to but without its end. */
export function record(runsDir: string, history: History, title = "a test run"): RunWriter {
  const writer = createRun({
    runsDir,
    scenario: "kill-primary",
    title,
    meta: { peer: "understudy", seed: 7, ...history.terms },
  });
  const payloadOf = payloadsOf(history);
  writer.setHosts(history.hosts);
  for (const capture of history.captures) writer.addCapture({ ...capture, packets: 0, complete: false });
  for (const packet of history.packets) {
    const bytes = frameOf(packet.sctp, payloadOf);
    const raw = { atUs: packet.at, linkType: ethernet, bytes, originalLength: bytes.length };
    writer.addPackets(packet, [raw]);
  }
  for (const list of [history.updates, history.acked, history.sent, history.messages, history.events]) {
    for (const entry of list) writer.addRecords(entry.host, [withoutHost(entry)]);
  }
  for (const fault of history.faults) writer.addFault(fault);
  writer.addTotals(history.totals);
  for (const capture of history.captures) writer.addCapture(capture);
  return writer;
}
