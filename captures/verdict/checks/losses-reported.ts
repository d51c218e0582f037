import type { Checker, Finding } from "../checker.ts";
import { decide, EvidenceList, passed } from "../checker.ts";
import { wireGap } from "../completeness.ts";
import { exposureOf } from "../exposure.ts";
import type { LossReport, Losses } from "../losses.ts";
import { isLoss, missingByReport, overlaps, ownLosses, reportSpan } from "../losses.ts";
import type { Scene } from "../scene.ts";
import { lossyPolicy } from "../scene.ts";

const rangeOf = ({ direction, firstTsn, lastTsn }: LossReport): string =>
  `${direction} TSNs ${firstTsn} to ${lastTsn}`;

/** So many TSNs stand for all that may have come: the peer ended the association before it showed what it had sent. */
const openEndTsns = 2 ** 30;

/**
 * A report must be about something that can have been: a forward range, and nothing that the peer never sent, unless
 * the peer is a cluster that gave up itself what it may have sent, or the end of the range is open.
 */
function addImpossible(scene: Scene, losses: Losses, violations: EvidenceList): void {
  const seesAll = wireGap(scene.history) === undefined;
  for (const report of losses.reports) {
    const { event, direction, lastTsn } = report;
    const place = { atUs: event.at, host: event.host };
    if (reportSpan(report) < 0) {
      violations.add({ text: `${rangeOf(report)}: the range is the wrong way round`, ...place });
    } else if (direction === "inbound" && seesAll && !mayHaveBeenSent(losses, report)) {
      violations.add({ text: `${rangeOf(report)}: the peer never sent TSN ${lastTsn}`, ...place });
    }
  }
}

function mayHaveBeenSent({ tsns, othersReports }: Losses, report: LossReport): boolean {
  const { side, lastTsn } = report;
  if (reportSpan(report) + 1 === openEndTsns) return true;
  const last = { first: lastTsn, last: lastTsn };
  return (
    tsns.get(side, lastTsn) !== undefined ||
    othersReports.some(
      (other) => other.direction === "outbound" && other.side === side && overlaps(other, last),
    )
  );
}

function addUncounted(losses: Losses, violations: EvidenceList): void {
  const byReport = missingByReport(losses);
  for (const report of losses.reports) {
    const missing = byReport.get(report.event)?.length ?? 0;
    if (missing <= report.messagesAtMost) continue;
    violations.add({
      text: `${rangeOf(report)}: at most ${report.messagesAtMost} messages by the report, and ${missing} are missing`,
      atUs: report.event.at,
      host: report.event.host,
    });
  }
}

function examine(scene: Scene): Finding {
  const losses = ownLosses(scene);
  // What nobody reported is the finding of the check for lost messages.
  const lost = losses.missing.filter(({ reason }) => isLoss(reason) && reason.kind !== "unreported");
  const violations = new EvidenceList();
  addImpossible(scene, losses, violations);
  addUncounted(losses, violations);
  const exposure = exposureOf(scene, lost);
  for (const evidence of exposure.beyond) violations.add(evidence);
  if (lost.length === 0 && violations.total === 0) {
    const reports = losses.reports.length;
    return passed(
      reports === 0 ? "nothing was lost" : `nothing was lost of what ${reports} reports allow for`,
    );
  }
  return decide({
    violations,
    failSummary: `${violations.total} reports or losses beyond what the policy allows`,
    passSummary: `${lost.length} lost in ${losses.reports.length} reported ranges${exposure.within}`,
    gap: wireGap(scene.history),
  });
}

export const lossesReported: Checker = {
  id: "losses-reported",
  title: "Losses reported by range, and within the policy's bound",
  rule: "Asynchronous replication: what is lost is what was not synchronised yet, and it is reported by TSN range",
  perEnd: true,
  applies: (scene) => lossyPolicy(scene) !== undefined,
  examine,
};
