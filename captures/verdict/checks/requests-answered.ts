import type { Checker, Finding } from "../checker.ts";
import { decide, EvidenceList, unknown } from "../checker.ts";
import type { Scene } from "../scene.ts";
import { isDialogue, lossyPolicy } from "../scene.ts";

const countIn = (detail: Readonly<Record<string, unknown>>, name: string): number =>
  typeof detail[name] === "number" ? detail[name] : 0;

function examine(scene: Scene): Finding {
  // Applications say what they did when their association ends; only the one that asked counts answers.
  const told = scene.history.events.findLast(
    ({ name, detail }) => name === "application" && typeof detail["answered"] === "number",
  );
  if (told === undefined) return unknown("nobody wrote down what became of the requests");
  const { at, host, text, detail } = told;
  const answered = countIn(detail, "answered");
  const wrong = countIn(detail, "unanswered") + countIn(detail, "unexpected") + countIn(detail, "open");
  const violations = new EvidenceList();
  // What a policy may lose may be a request, an answer, or the memory of having asked.
  if (wrong > 0 && lossyPolicy(scene) === undefined) violations.add({ text, atUs: at, host }, wrong);
  return decide({
    violations,
    failSummary: text,
    passSummary: wrong === 0 ? `${answered} of ${answered}` : text,
  });
}

export const requestsAnswered: Checker = {
  id: "requests-answered",
  title: "Requests answered",
  rule: "Delivery marks: each request reaches the application once, and its answer leaves once",
  applies: isDialogue,
  examine,
};
