import type { Checker, Finding } from "../checker.ts";
import { decide, EvidenceList, unknown } from "../checker.ts";
import type { StreamDeliveries } from "../deliveries.ts";
import { wireGap } from "../completeness.ts";
import { streamKey } from "../deliveries.ts";
import type { FlowTotal } from "../history.ts";
import type { MissingMessage } from "../losses.ts";
import { readLosses, isLoss } from "../losses.ts";
import type { Scene } from "../scene.ts";
import { isDialogue, lossyPolicy } from "../scene.ts";
import { unwrittenMessages } from "../unwritten.ts";

const numbersOf = (stream: StreamDeliveries | undefined): Set<number> =>
  new Set(stream?.deliveries.map((delivery) => delivery.number) ?? []);

interface MissingRange {
  readonly from: number;
  to: number;
  readonly isUnwritten: boolean;
}

/** Runs of numbers below `sent` that are not in `delivered`, each of one kind. */
function missingRanges(
  delivered: ReadonlySet<number>,
  sent: number,
  isUnwritten: (number: number) => boolean,
): MissingRange[] {
  const ranges: MissingRange[] = [];
  for (let number = 0; number < sent; number += 1) {
    if (delivered.has(number)) continue;
    const kind = isUnwritten(number);
    const last = ranges.at(-1);
    if (last?.to === number - 1 && last.isUnwritten === kind) last.to = number;
    else ranges.push({ from: number, to: number, isUnwritten: kind });
  }
  return ranges;
}

function sentAt(scene: Scene, total: FlowTotal, number: number): { atUs?: number; host?: string } {
  const record = scene.history.messages.find(
    (message) =>
      message.act === "sent" &&
      message.flow === total.flow &&
      message.streamId === total.streamId &&
      message.number === number,
  );
  return record === undefined ? {} : { atUs: record.at, host: record.host };
}

function addMissing(
  scene: Scene,
  total: FlowTotal,
  unwritten: ReadonlyMap<string, ReadonlySet<number>>,
  { violations, undecided }: { readonly violations: EvidenceList; readonly undecided: EvidenceList },
): void {
  const key = streamKey(total.flow, total.streamId);
  const delivered = numbersOf(scene.deliveries.get(key));
  const isOpen = (number: number): boolean => unwritten.get(key)?.has(number) === true;
  for (const { from, to, isUnwritten } of missingRanges(delivered, total.sent, isOpen)) {
    const which = from === to ? `number ${from}` : `numbers ${from} to ${to}`;
    const list = isUnwritten ? undecided : violations;
    const why = isUnwritten ? ", or by who was killed before it could tell" : "";
    list.add(
      {
        text: `flow ${total.flow}, stream ${total.streamId}: ${which} of ${total.sent} never delivered${why}`,
        ...(list.kept.length < 20 ? sentAt(scene, total, from) : {}),
      },
      to - from + 1,
    );
  }
}

/** Without totals a hole below the highest delivered number still shows a loss; the end cannot be judged. */
function inferTotals(scene: Scene): FlowTotal[] {
  return [...scene.deliveries.values()].map(({ flow, streamId, deliveries }) => ({
    flow,
    streamId,
    sent: deliveries.reduce((highest, delivery) => Math.max(highest, delivery.number), -1) + 1,
  }));
}

function describe({ flow, streamId, number, seen }: MissingMessage): string {
  const which = `flow ${flow}, stream ${streamId}: number ${number} never delivered`;
  return seen === undefined
    ? `${which}, never on the wire, and nobody reported it`
    : `${which}, it was on the wire, and no reported range holds its TSN`;
}

/** Under a policy that may lose something: what is missing must have been reported. */
function examineReported(scene: Scene): Finding {
  const { history } = scene;
  const violations = new EvidenceList();
  const undecided = new EvidenceList();
  const { missing } = readLosses(scene);
  const lost = missing.filter(({ reason }) => isLoss(reason));
  // Which TSN a message had is known from the captures alone.
  const blind = wireGap(history) !== undefined || history.packets.length === 0;
  for (const message of lost) {
    if (message.reason.kind !== "unreported") continue;
    const { seen } = message;
    const place = seen === undefined ? {} : { atUs: seen.atUs, packetId: seen.packetId, host: seen.host };
    (blind ? undecided : violations).add({ text: describe(message), ...place });
  }
  const skipped = missing.filter(({ reason }) => reason.kind === "skipped" && !reason.wasGivenOut).length;
  const sent = history.totals.reduce((sum, total) => sum + total.sent, 0) - skipped;
  const reported = lost.length === 0 ? "" : ", each reported";
  const unused = skipped === 0 ? "" : `, ${skipped} numbers skipped and never sent`;
  const finding = decide({
    violations,
    undecided,
    failSummary: `${violations.total} of ${sent} without a report`,
    passSummary: `${lost.length} of ${sent}${undecided.total > 0 ? "" : reported}${unused}`,
    gap: history.totals.length > 0 ? undefined : "the senders' totals are missing",
  });
  return { ...finding, tally: { found: lost.length, of: sent } };
}

function examine(scene: Scene): Finding {
  if (scene.deliveries.size === 0) return unknown("no delivered message was recorded");
  const { outside } = scene;
  const lossy = lossyPolicy(scene) ?? (outside === undefined ? undefined : lossyPolicy(outside));
  if (lossy !== undefined) return examineReported(scene);
  const counted = scene.history.totals.length > 0;
  const totals = counted ? scene.history.totals : inferTotals(scene);
  const answers = { violations: new EvidenceList(), undecided: new EvidenceList() };
  const unwritten = unwrittenMessages(scene);
  for (const total of totals) addMissing(scene, total, unwritten, answers);
  const sent = totals.reduce((sum, total) => sum + total.sent, 0);
  const { violations } = answers;
  const answer = `${violations.total} of ${sent}`;
  const finding = decide({
    ...answers,
    failSummary: answer,
    passSummary: answer,
    gap: counted ? undefined : "the senders' totals are missing, so the end of each flow cannot be judged",
  });
  return { ...finding, tally: { found: violations.total, of: sent } };
}

export const messagesLost: Checker = {
  id: "messages-lost",
  title: "Messages lost",
  rule: "RFC 9260 sections 1.5.4 and 6.2: what was acknowledged is delivered",
  applies: (scene) => !isDialogue(scene),
  examine,
};
