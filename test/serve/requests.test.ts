import { describe, expect, it } from "vitest";
import { answerRequest } from "../../main/serve/index.ts";
import { fixtureDesk } from "../../renderer/link/fixture.ts";

const desk = fixtureDesk({ seed: 1 });
const thrown: unknown[] = [];
const ask = (request: unknown): ReturnType<typeof answerRequest> =>
  answerRequest(desk, typeof request === "string" ? request : JSON.stringify(request), (error) =>
    thrown.push(error),
  );

const failureOf = async (request: unknown): Promise<string> => {
  const reply = await ask(request);
  expect(reply).toHaveProperty("failure");
  return "failure" in reply ? reply.failure.message : "";
};

describe("answerRequest", () => {
  it("answers what the contract names", async () => {
    const reply = await ask({
      id: 7,
      name: "run.packets",
      args: { runId: "demo-1", offset: 0, limit: 3, filter: "" },
    });
    expect(reply).toMatchObject({ id: 7, answer: { rows: [{ id: 1 }, { id: 2 }, { id: 3 }] } });
  });

  it.each([
    ["not JSON", "{", "not in the form"],
    ["not an envelope", [1], "not in the form"],
    ["an unknown name", { id: 1, name: "run.delete", args: {} }, 'no request "run.delete"'],
    ["a name of the object prototype", { id: 1, name: "toString", args: {} }, 'no request "toString"'],
    ["a missing argument", { id: 1, name: "run.open", args: {} }, "runId"],
    ["an argument too many", { id: 1, name: "runs.list", args: { all: true } }, "runs.list"],
    [
      "a page too large",
      { id: 1, name: "run.packets", args: { runId: "x", offset: 0, limit: 1_001, filter: "" } },
      "limit",
    ],
    [
      "a filter too long",
      { id: 1, name: "run.packets", args: { runId: "x", offset: 0, limit: 1, filter: "x".repeat(201) } },
      "filter",
    ],
    ["a fraction of a microsecond", { id: 1, name: "run.state", args: { runId: "x", atUs: 1.5 } }, "atUs"],
    [
      "a window turned round",
      { id: 1, name: "run.ladder", args: { runId: "x", fromUs: 2, toUs: 1, limit: 1 } },
      "fromUs must lie before toUs",
    ],
  ])("refuses %s with one sentence", async (_what, request, words) => {
    expect(await failureOf(request)).toContain(words);
  });

  it("passes on the desk's own sentence and reports the error", async () => {
    thrown.length = 0;
    expect(await failureOf({ id: 1, name: "run.open", args: { runId: "nope" } })).toBe(
      "There is no run nope; go back to the list of runs.",
    );
    expect(thrown).toHaveLength(1);
  });
});
