import type { Checker, Finding } from "../checker.ts";
import { decide, EvidenceList, passed, unknown } from "../checker.ts";
import { expectationOf } from "../expectation.ts";
import type { Scene } from "../scene.ts";
import type { Tenure } from "../tenures.ts";

const name = ({ host, epoch }: Tenure): string => `${host} under epoch ${epoch}`;

function examine(scene: Scene): Finding {
  const { history, succession } = scene;
  const { tenures } = succession;
  const expected = expectationOf(history.terms?.fault, history.terms?.fencing);
  if (expected === undefined || tenures.length === 0) return unknown("the record does not say what was done");
  if (history.events.length === 0) return unknown("the members' events are missing");
  const { takeover, because } = expected;
  const violations = new EvidenceList();
  const successors = tenures.slice(1);
  if (takeover === true && successors.length === 0) {
    violations.add({ text: `nobody took over from ${tenures[0]?.host ?? "the primary"}` });
  }
  const first = successors[0];
  if (takeover === false && first !== undefined) {
    violations.add({ text: `${name(first)} took over`, atUs: first.fromUs, host: first.host });
  }
  const served = tenures.map(name).join(", then ");
  if (takeover === "either") return passed(`${served}: the witness let who asked first`);
  return decide({
    violations,
    failSummary: takeover ? `no takeover, as ${because}` : `a takeover that nobody may make`,
    passSummary: `${served}, as ${because}`,
  });
}

export const rightInstance: Checker = {
  id: "right-instance",
  title: "Who goes on is whom the fencing mode lets",
  rule: "Fencing: keep-primary, prefer-availability or a witness decides when the other one is only silent",
  perEnd: true,
  applies: ({ history: { terms } }) => expectationOf(terms?.fault, terms?.fencing) !== undefined,
  examine,
};
