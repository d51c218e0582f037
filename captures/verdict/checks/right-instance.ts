import type { Checker, Finding } from "../checker.ts";
import { decide, EvidenceList, passed, unknown } from "../checker.ts";
import { expectationOf } from "../expectation.ts";
import type { Scene } from "../scene.ts";
import type { Tenure } from "../tenures.ts";

const name = ({ host, epoch }: Tenure): string => `${host} under epoch ${epoch}`;

/** Of a long series its beginning and its end. */
function inTurn(tenures: readonly Tenure[]): string {
  const left = tenures.length - 3;
  if (left < 2) return tenures.map(name).join(", then ");
  const [first, second] = tenures.slice(0, 2).map(name);
  const hosts = new Set(tenures.map(({ host }) => host));
  return `${first}, then ${second}, then ${left} more of ${[...hosts].join(" and ")}, then ${tenures.slice(-1).map(name).join("")}`;
}

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
  const served = inTurn(tenures);
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
