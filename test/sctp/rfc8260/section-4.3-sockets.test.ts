import { describe, expect, it } from "vitest";
import { SocketStack, seededRandom, socketParameters } from "../../../agents/sctp/index.ts";
import type { OptionScope, SocketOption } from "../../../agents/sctp/index.ts";

const stackOf = (): SocketStack =>
  new SocketStack(
    {
      localAddresses: ["192.168.0.1"],
      parameters: socketParameters,
      cookieKey: new Uint8Array(32).fill(1),
    },
    seededRandom(1),
  );

/** A one-to-many socket with an association that is under way, and what an option answers there. */
function oneToMany() {
  const stack = stackOf();
  const fd = stack.socket("one-to-many");
  stack.bind(fd, ["192.168.0.1"], 8080);
  const started = stack.connect(fd, ["192.0.2.1"], 8080, 0);
  const id = started.ok ? started.value : 0;
  const set = (option: SocketOption, scope: OptionScope): string => {
    const answer = stack.setOption(fd, option, 0, scope);
    return answer.ok ? "ok" : answer.errno;
  };
  return { stack, fd, id, set };
}

const level = { name: "SCTP_FRAGMENT_INTERLEAVE", level: 2 } as const;
const on = { name: "SCTP_INTERLEAVING_SUPPORTED", on: true } as const;

describe("4.3.1 SCTP_INTERLEAVING_SUPPORTED at a one-to-many socket", () => {
  it("is for associations to come, not for one or for those that are", () => {
    const { set, id } = oneToMany();
    expect(set(level, "future")).toBe("ok");
    expect([set(on, "future"), set(on, id), set(on, "current")]).toEqual(["ok", "EINVAL", "EINVAL"]);
  });
});

describe("4.3.3 SCTP_STREAM_SCHEDULER_VALUE", () => {
  const value = (streamId: number, of: number): SocketOption => ({
    name: "SCTP_STREAM_SCHEDULER_VALUE",
    streamId,
    value: of,
  });

  it("the last value of a stream counts, and those of others stay", () => {
    const { stack, fd, set } = oneToMany();
    expect(set(value(1, 4), "future")).toBe("ok");
    expect(set(value(2, 5), "future")).toBe("ok");
    expect(set(value(1, 6), "future")).toBe("ok");
    expect(stack.parameters(fd)).toMatchObject({
      value: {
        streamValues: [
          [2, 5],
          [1, 6],
        ],
      },
    });
  });

  it("of one association changes nothing for those to come", () => {
    const { stack, fd, id, set } = oneToMany();
    expect([set(value(1, 4), id), set(value(1, 4), "current"), set(value(1, 4), 99)]).toEqual([
      ...["ok", "ok", "EINVAL"],
    ]);
    expect(stack.parameters(fd)).not.toHaveProperty("value.streamValues");
  });
});

describe("4.3.2 SCTP_STREAM_SCHEDULER", () => {
  it.each(["future", "current", "all"] as const)("takes the scope %s", (scope) => {
    const { stack, fd, set } = oneToMany();
    expect(set({ name: "SCTP_STREAM_SCHEDULER", scheduler: "priority" }, scope)).toBe("ok");
    const scheduler = scope === "current" ? "round-robin" : "priority";
    expect(stack.parameters(fd)).toMatchObject({ value: { scheduler } });
  });
});
