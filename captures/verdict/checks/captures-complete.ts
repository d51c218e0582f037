import type { Checker, Finding } from "../checker.ts";
import { decide, EvidenceList, unknown } from "../checker.ts";
import { captureFlaws } from "../completeness.ts";
import type { Scene } from "../scene.ts";

/**
 * A capture that lost packets is no fault of the association: it makes the run inconclusive, so this
 * check answers unknown and never fail.
 */
function examine(scene: Scene): Finding {
  const { history } = scene;
  if (history.captures.length === 0) return unknown("nothing was captured");
  const undecided = new EvidenceList();
  for (const { capture, flaw } of captureFlaws(history)) undecided.add({ text: flaw, host: capture.host });
  for (const host of history.hosts) {
    if (host.role === "keeper") continue;
    if (!history.captures.some((capture) => capture.host === host.name)) {
      undecided.add({ text: `nothing was captured on ${host.name}`, host: host.name });
    }
  }
  const engines = [...new Set(history.captures.map((capture) => capture.engine))].join(", ");
  return decide({
    violations: new EvidenceList(),
    undecided,
    failSummary: "",
    passSummary: `${history.captures.length} captures (${engines}), 0 drops`,
  });
}

export const capturesComplete: Checker = {
  id: "captures-complete",
  title: "Captures complete, nothing dropped",
  rule: "Drop counters of the capture engines",
  examine,
};
