import { describe, expect, it } from "vitest";
import { pendingRequests } from "../../renderer/link/pending.ts";

describe("pending requests", () => {
  it("matches replies to requests in any order, and failures to rejections", async () => {
    const posted: string[] = [];
    const pending = pendingRequests();
    const post = (text: string): void => {
      posted.push(text);
    };
    const list = pending.send("runs.list", {}, post);
    const open = pending.send("run.open", { runId: "x" }, post);
    expect(posted.map((text) => JSON.parse(text) as unknown)).toEqual([
      { id: 1, name: "runs.list", args: {} },
      { id: 2, name: "run.open", args: { runId: "x" } },
    ]);
    pending.receive('{"id":2,"failure":{"message":"There is no run x."}}');
    pending.receive('{"id":1,"answer":[]}');
    await expect(open).rejects.toThrow("There is no run x.");
    await expect(list).resolves.toEqual([]);
    expect(() => {
      pending.receive('{"id":1,"answer":[]}');
    }).toThrow("request 1");
  });

  it("fails everything under way when the channel breaks", async () => {
    const pending = pendingRequests();
    const list = pending.send("runs.list", {}, () => undefined);
    pending.failAll("The connection to the desk was lost.");
    await expect(list).rejects.toThrow("lost");
  });

  it("is loud about a reply that nobody asked for", () => {
    expect(() => {
      pendingRequests().receive('{"id":9,"answer":1}');
    }).toThrow("request 9");
  });
});
