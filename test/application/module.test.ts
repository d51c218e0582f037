import { describe, expect, it } from "vitest";
import type { ApplicationModule, ApplicationModuleExport } from "../../agents/application/index.ts";
import { ModuleApplication, makeModule } from "../../agents/application/index.ts";

const payload = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);
const message = (text: string) => ({
  streamId: 2,
  ppid: 7,
  unordered: false,
  tsn: 99,
  payload: payload(text),
});

/** Answers what comes, and keeps the last of it. */
function parrot(changes: Partial<Record<keyof ApplicationModule, unknown>> = {}): ApplicationModule {
  let last: Uint8Array = payload("");
  const module = {
    onMessage: ({ streamId, payload: heard }: { streamId: number; payload: Uint8Array }) => {
      last = heard;
      return { streamId, payload: heard };
    },
    snapshot: () => last,
    restore: (bytes: Uint8Array) => {
      last = bytes;
    },
    ...changes,
  };
  return module as ApplicationModule;
}

const application = (module: ApplicationModule): ModuleApplication => new ModuleApplication("my.mjs", module);
const gone = (reason: string): string =>
  `the application my.mjs is not called any more, the association goes on without it: ${reason}`;
const notesOf = (each: ModuleApplication): string[] => each.takeNotes().map(({ text }) => text);

describe("a user's module", () => {
  it("answers a message with one, several or none", () => {
    const many = application(parrot({ onMessage: () => [message("a"), message("b")] }));
    many.onMessage(message("x"), 0);
    expect(textOf(many.due(0)?.payload)).toBe("a");
    expect(textOf(many.due(0)?.payload)).toBe("a");
    many.accepted();
    expect(textOf(many.due(0)?.payload)).toBe("b");
    many.accepted();
    expect(many.due(0)).toBeUndefined();
    const none = application(parrot({ onMessage: () => undefined }));
    none.onMessage(message("x"), 0);
    expect(none.due(0)).toBeUndefined();
  });

  it("keeps neither the payload that it got nor the one that it gave", () => {
    const shared = payload("first");
    const each = application(parrot({ onMessage: () => ({ streamId: 0, payload: shared }) }));
    each.onMessage(message("x"), 0);
    shared.set(payload("later"));
    expect(textOf(each.due(0)?.payload)).toBe("first");
    const heard: Uint8Array[] = [];
    const buffer = message("heard");
    const other = application(
      parrot({ onMessage: (got: { payload: Uint8Array }) => void heard.push(got.payload) }),
    );
    other.onMessage(buffer, 0);
    buffer.payload.fill(0);
    expect(textOf(heard[0])).toBe("heard");
  });

  it("is asked for more to send while there is room, at the instants that it names, and after each message", () => {
    const answers: unknown[] = [
      message("now"),
      2000,
      message("later"),
      undefined,
      message("woken"),
      undefined,
    ];
    const asked: number[] = [];
    const send = (nowMs: number): unknown => {
      asked.push(nowMs);
      return answers.shift();
    };
    const each = application(parrot({ send, onMessage: () => undefined }));
    expect(textOf(each.due(1000)?.payload)).toBe("now");
    each.accepted();
    expect(each.due(1000)).toBeUndefined();
    expect(each.nextDeadlineMs()).toBe(2000);
    expect(each.due(1999)).toBeUndefined();
    expect(textOf(each.due(2000)?.payload)).toBe("later");
    each.accepted();
    expect(each.due(2000)).toBeUndefined();
    expect(each.nextDeadlineMs()).toBeUndefined();
    expect(each.due(3000)).toBeUndefined();
    each.onMessage(message("x"), 3500);
    expect(textOf(each.due(3500)?.payload)).toBe("woken");
    each.accepted();
    each.due(3600);
    expect(asked).toEqual([1000, 1000, 2000, 2000, 3500, 3600]);
  });

  it("moves with its state, what waits for room and what it waits for itself", () => {
    const one = application(parrot({ send: () => 9000 }));
    one.onMessage(message("said"), 0);
    one.accepted();
    one.due(0);
    one.onMessage(message("owed"), 0);
    let seen = 0;
    const restored: string[] = [];
    const restore = (bytes: Uint8Array, unseen: number): void => {
      restored.push(textOf(bytes));
      seen = unseen;
    };
    const other = application(parrot({ restore, send: () => undefined }));
    other.restore(one.snapshot(), 5);
    expect([restored, seen]).toEqual([["owed"], 5]);
    expect(other.due(0)).toEqual({ streamId: 2, ppid: 0, unordered: false, payload: payload("owed") });
    expect(other.waitingBytes).toBe(4);
    other.accepted();
    expect([other.waitingBytes, other.nextDeadlineMs()]).toEqual([0, 9000]);
    expect(notesOf(other)).toEqual([]);
  });

  it("counts every change of what a snapshot would say", () => {
    const each = application(parrot());
    const revisions = [each.revision];
    each.onMessage(message("x"), 0);
    revisions.push(each.revision);
    each.due(0);
    each.accepted();
    revisions.push(each.revision);
    expect(new Set(revisions).size).toBe(3);
  });

  it("does not go on from what another application saved", () => {
    const each = application(parrot());
    for (const bytes of [payload("nonsense"), new Uint8Array([0xff]), new Uint8Array(0)]) {
      each.restore(bytes, 0);
      expect(notesOf(each)).toEqual([
        "the saved state of the my.mjs application cannot be read: it begins afresh",
      ]);
    }
    expect(each.failed).toBe(false);
  });
});

const oops = (): never => {
  throw new TypeError("oops\n  twice");
};

describe("a module that breaks a rule", () => {
  it.each<readonly [string, Partial<Record<keyof ApplicationModule, unknown>>, string]>([
    ["throws on a message", { onMessage: oops }, "TypeError: oops twice"],
    ["throws when asked to send", { onMessage: () => undefined, send: oops }, "TypeError: oops twice"],
    ["throws when asked for its state", { snapshot: oops }, "TypeError: oops twice"],
    [
      "throws what is no error",
      {
        onMessage: () => {
          // oxlint-disable-next-line no-throw-literal
          throw "words";
        },
      },
      "it threw words",
    ],
    [
      "throws what cannot be shown",
      {
        onMessage: () => {
          throw Object.create(null);
        },
      },
      "it threw something that cannot be shown",
    ],
    [
      "answers a promise, which fails",
      { onMessage: () => Promise.reject(new Error("late")) },
      "onMessage answered a promise: an application answers at once",
    ],
    ["answers text", { onMessage: () => "text" }, "onMessage answered no message"],
    [
      "answers a message without a stream",
      { onMessage: () => ({ payload: payload("x") }) },
      "onMessage answered a message without a streamId of 0 to 65535",
    ],
    [
      "answers an empty message",
      { onMessage: () => [message("x"), { streamId: 0, payload: payload("") }] },
      "onMessage answered a message whose payload is no Uint8Array with a byte or more",
    ],
    [
      "answers a wrong PPID",
      { onMessage: () => ({ ...message("x"), ppid: -1 }) },
      "onMessage answered a message whose ppid is not of 32 bits",
    ],
    [
      "answers a wrong order",
      { onMessage: () => ({ ...message("x"), unordered: 1 }) },
      "onMessage answered a message whose unordered is no boolean",
    ],
    [
      "names no instant",
      { onMessage: () => undefined, send: () => Number.NaN },
      "send answered the instant NaN",
    ],
    ["has no bytes as its state", { snapshot: () => "text" }, "snapshot answered no Uint8Array"],
    [
      "has a state without bound",
      { snapshot: () => new Uint8Array(1024 * 1024 + 1) },
      "snapshot answered 1048577 bytes, and 1048576 is the most",
    ],
  ])("%s: it ends with one sentence, and is not called again", (_, changes, reason) => {
    let calls = 0;
    const counted = parrot(changes);
    for (const name of ["onMessage", "send", "snapshot"] as const) {
      const inner = counted[name];
      if (inner !== undefined) {
        Object.assign(counted, {
          [name]: (...given: never[]) => ((calls += 1), Reflect.apply(inner, counted, given)),
        });
      }
    }
    const each = application(counted);
    each.onMessage(message("x"), 0);
    each.due(0);
    each.snapshot();
    expect(notesOf(each)).toEqual([gone(reason)]);
    expect(each.failed).toBe(true);
    const before = calls;
    each.onMessage(message("y"), 1);
    each.due(10_000);
    each.snapshot();
    each.fail(new Error("again"));
    expect(calls).toBe(before);
    expect(notesOf(each)).toEqual([]);
  });

  it("stays ended on another computer, and what it had answered before is still sent", () => {
    const one = application(parrot());
    one.onMessage(message("owed"), 0);
    one.snapshot();
    one.fail(new Error("its timer threw"));
    expect(notesOf(one)).toEqual([gone("Error: its timer threw")]);
    const other = application(parrot({ restore: oops }));
    other.restore(one.snapshot(), 0);
    expect(other.failed).toBe(true);
    expect(textOf(other.due(0)?.payload)).toBe("owed");
    expect(notesOf(other)).toEqual([]);
  });

  it("keeps no more for sending than a bounded amount, and says what it left out", () => {
    const big = new Uint8Array(1024 * 1024);
    const each = application(
      parrot({ onMessage: () => Array(5).fill({ streamId: 3, payload: big }), snapshot: oops }),
    );
    each.onMessage(message("x"), 0);
    expect(each.waitingBytes).toBe(4 * 1024 * 1024);
    const text = "too much of my.mjs waits for room: 1048576 bytes of stream 3 are not sent";
    expect(notesOf(each)).toEqual([text]);
    each.refused("no-such-stream");
    expect(notesOf(each)).toEqual([
      "a message of my.mjs of stream 3 cannot be sent: the association has no such stream",
    ]);
    expect(each.waitingBytes).toBe(3 * 1024 * 1024);
  });
});

describe("a default export", () => {
  it("is a module, or makes one for each association", () => {
    expect(makeModule(parrot()).ok).toBe(true);
    const made = [makeModule(parrot), makeModule(parrot)];
    expect(made.every(({ ok }) => ok)).toBe(true);
    expect(made[0]).not.toBe(made[1]);
  });

  it.each<readonly [unknown, string]>([
    [7, "its default export is neither an object nor a function that makes one"],
    [null, "its default export is neither an object nor a function that makes one"],
    [{}, "its default export has no function onMessage"],
    [parrot({ restore: 1 }), "its default export has no function restore"],
    [parrot({ send: "x" }), "its send is no function"],
    [oops, "TypeError: oops twice"],
    [async () => parrot(), "its default export has no function onMessage"],
  ])("of another kind is refused: %s", (exported, reason) => {
    expect(makeModule(exported as ApplicationModuleExport)).toEqual({ ok: false, reason });
  });
});
