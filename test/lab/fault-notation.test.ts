import { describe, expect, it } from "vitest";
import { describeFault, parseFault } from "../../main/lab/faults/index.ts";
import { cutsOfRun, nearEnd, outsideEnd, struckEnds } from "../../main/lab/job/end.ts";
import { defaultSetting, type JobSetting } from "../../main/lab/job/index.ts";

const settingWith = (text: string): JobSetting => {
  const parsed = parseFault(text);
  if (!parsed.ok) throw new Error(parsed.reason);
  return { ...defaultSetting, peer: "cluster", fault: parsed.choice };
};

describe("a fault and the end that it is done to", () => {
  it.each(["crash", "crash@peer", "everything-cut@both", "freeze@both:300ms"])(
    "%s is read and written",
    (text) => {
      const parsed = parseFault(text);
      expect(parsed.ok && describeFault(parsed.choice)).toBe(text);
    },
  );

  it.each([
    ["smoke", /"smoke" is no fault: give one of crash, /],
    ["crash@a", /is no fault/],
    ["crash@peer:300ms", /a delay lies between the two ends, so it takes @both/],
    ["store-death@both", /the outside end has no store or witness/],
  ])("%s is refused with one sentence", (text, sentence) => {
    const parsed = parseFault(text);
    expect(parsed.ok ? "read" : parsed.reason).toMatch(sentence);
  });

  it("names the places of the end that it is done to", () => {
    const places = (text: string): string[] => cutsOfRun(settingWith(text)).map(({ place }) => place);
    expect(places("host-cut")).toEqual(["a:intra", "a:outside"]);
    expect(places("host-cut@peer")).toEqual(["peer:intra", "peer:outside"]);
    expect(places("cluster-cut@both")).toEqual(["cluster-link", "peer-link"]);
    expect(places("everything-cut@peer")).toEqual([
      "peer:intra",
      "peer2:intra",
      "peer:outside",
      "peer2:outside",
    ]);
  });

  it("is done to the cluster first where it is done to both", () => {
    const setting = settingWith("crash@both:5ms");
    expect(struckEnds(setting).map(({ first }) => first)).toEqual(["a", "peer"]);
    expect(nearEnd(setting).second).toBe("b");
    expect(outsideEnd({ ...setting, peer: "agent" })).toBe(undefined);
  });
});
