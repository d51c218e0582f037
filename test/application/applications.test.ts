import { describe, expect, it } from "vitest";
import type {
  Application,
  ApplicationPort,
  LoadApplication,
  MessageToSend,
} from "../../agents/application/index.ts";
import {
  ApplicationRun,
  NumberedApplication,
  builtInApplications,
  makeBuiltIn,
  parseApplication,
  readTestMessage,
  writeTestMessage,
} from "../../agents/application/index.ts";
import type { Delivery, SendAnswer } from "../../agents/sctp/index.ts";
import { tsn } from "../../agents/sctp/index.ts";
import { upTo } from "./support/recording.ts";

const load = { ratePerSecond: 100, sizeBytes: 40, streams: 3 };
const notesOf = (each: Application): string[] => each.takeNotes().map(({ text }) => text);

/** Indices of the messages that are due until an instant: number times streams plus stream. */
function take(application: NumberedApplication, untilMs: number): number[] {
  const indices: number[] = [];
  for (;;) {
    const message = application.due(untilMs);
    if (message === undefined) return indices;
    indices.push(message.about.number * load.streams + message.about.streamId);
    application.accepted();
  }
}

const numbered = (flow: "up" | "down" | "echo", streamId: number, number: number) => ({
  streamId,
  ppid: 0,
  unordered: false,
  tsn: 1,
  payload: writeTestMessage({ flow, streamId, number, sentAtUs: 0, sizeBytes: 30 }),
});

describe("the numbered application", () => {
  it("goes on numbering where another computer stopped, at the same rate", () => {
    const one = new NumberedApplication("down");
    one.start(load, 0);
    expect(take(one, 100)).toEqual(upTo(10));
    const other = new NumberedApplication("down");
    other.restore(one.snapshot());
    expect(other.totals()).toEqual(one.totals());
    expect(other.nextDeadlineMs()).toBe(110);
    expect(take(other, 150)).toEqual([10, 11, 12, 13, 14]);
    expect(notesOf(other)).toEqual([]);
  });

  it("gives no number a second time that may have been given out meanwhile, and says which it skips", () => {
    const one = new NumberedApplication("down");
    one.start(load, 0);
    take(one, 100);
    const other = new NumberedApplication("down");
    other.restore(one.snapshot(), 64);
    expect(other.takeNotes()).toEqual([
      {
        name: "numbers-skipped",
        text: "up to 64 messages of down may have been sent that this computer does not know: their numbers are skipped",
        detail: { flow: "down", firstIndex: 10, lastIndex: 73 },
      },
    ]);
    expect(other.nextDeadlineMs(), "the rate does not suffer").toBe(110);
    expect(take(other, 120)).toEqual([74, 75]);
    expect(other.totals().map(({ sent }) => sent)).toEqual([26, 25, 25]);
  });

  it("skips once the load is known, where it began after the snapshot", () => {
    const other = new NumberedApplication("down");
    other.restore(new NumberedApplication("down").snapshot(), 5);
    expect(notesOf(other)).toEqual([]);
    const third = new NumberedApplication("down");
    third.restore(other.snapshot(), 2);
    third.start(load, 0);
    expect(third.takeNotes()[0]?.detail).toEqual({ flow: "down", firstIndex: 0, lastIndex: 6 });
    expect(take(third, 20)).toEqual([7, 8]);
  });

  it("goes on with the numbers when a load begins again", () => {
    const one = new NumberedApplication("up");
    one.start(load, 0);
    take(one, 50);
    one.stop();
    expect(one.due(1000)).toBeUndefined();
    one.start(load, 2000);
    expect(take(one, 2030)).toEqual([5, 6, 7]);
  });

  it("owes an echo until it is sent, before it numbers anything new", () => {
    const one = new NumberedApplication("up", true);
    one.start(load, 0);
    one.onMessage(numbered("down", 1, 4));
    one.onMessage(numbered("up", 1, 4));
    one.onMessage({ ...numbered("down", 0, 0), payload: new Uint8Array(30) });
    const other = new NumberedApplication("up", true);
    other.restore(one.snapshot());
    expect(other.waitingBytes).toBe(30);
    const echo = other.due(10);
    expect(echo?.about).toMatchObject({ flow: "echo", streamId: 1, number: 4, sizeBytes: 30 });
    expect(readTestMessage(echo?.payload ?? new Uint8Array(0))).toMatchObject({ flow: "echo", intact: true });
    other.accepted();
    expect(other.due(10)?.about).toMatchObject({ flow: "up", number: 0 });
    // What comes between the offer and its acceptance changes neither.
    other.onMessage(numbered("down", 2, 8));
    expect(other.due(10)?.about).toMatchObject({ flow: "up", number: 0 });
    other.accepted();
    expect(other.due(10)?.about).toMatchObject({ flow: "echo", number: 8 });
  });

  it("keeps a bounded amount of echoes, and says what it left out", () => {
    const one = new NumberedApplication("up", true);
    const about = { flow: "down", streamId: 1, sentAtUs: 0, sizeBytes: 60_000 } as const;
    for (let number = 0; number < 70; number++) {
      one.onMessage({ ...numbered("down", 1, 0), payload: writeTestMessage({ ...about, number }) });
    }
    expect(one.waitingBytes).toBe(69 * 60_000);
    expect(one.snapshot().length, "numbers are kept, not payloads").toBeLessThan(1000);
    expect(notesOf(one)).toEqual(["too many echoes wait for room: echo 69 of stream 1 is not sent"]);
  });

  it("stops a load that does not fit the association, and gives up an echo that does not", () => {
    const one = new NumberedApplication("up", true);
    one.start(load, 0);
    one.due(10);
    one.refused("bad-length");
    expect(one.running).toBe(false);
    one.onMessage(numbered("down", 5000, 3));
    one.due(10);
    one.refused("no-such-stream");
    expect(notesOf(one)).toEqual([
      "up 0 of stream 0 cannot be sent: the association takes no message of that length",
      "echo 3 of stream 5000 cannot be sent: the association has no such stream",
    ]);
    expect(one.due(10)).toBeUndefined();
  });
});

describe("the checker", () => {
  it("tells what is missing, comes again, is damaged, or is none of the kind", () => {
    const checker = makeBuiltIn("checker", true);
    for (const number of [0, 1, 3, 2, 4]) checker.onMessage(numbered("up", 1, number), 0);
    checker.onMessage(numbered("echo", 1, 0), 0);
    const broken = numbered("up", 1, 5);
    broken.payload[29] = 99;
    checker.onMessage(broken, 0);
    checker.onMessage({ ...numbered("up", 2, 0), streamId: 9 }, 0);
    checker.onMessage({ ...broken, payload: new Uint8Array(3) }, 0);
    expect(checker.summary).toBe(
      "9 messages were checked: 1 missing, 1 again or late, 2 damaged, 1 of another kind",
    );
    expect(notesOf(checker)).toEqual([
      "up 3 of stream 1 came where 2 was expected",
      "up 2 of stream 1 came again, or late: 4 was expected",
      "up 5 of stream 1 is damaged, or came on the wrong stream, 1",
      "up 0 of stream 2 is damaged, or came on the wrong stream, 9",
      "a message of stream 1 is no numbered one",
    ]);
    const other = makeBuiltIn("checker", true);
    other.restore(checker.snapshot(), 0);
    expect(other.summary).toBe(checker.summary);
    other.onMessage(numbered("up", 1, 5), 0);
    expect(notesOf(other)).toEqual([]);
  });

  it("does not fill the record", () => {
    const checker = makeBuiltIn("checker", true);
    for (let count = 0; count < 1000; count++) checker.onMessage(numbered("up", 1, 0), 0);
    expect(notesOf(checker)).toHaveLength(21);
    expect(checker.summary).toContain("999 again or late");
  });
});

describe("requests", () => {
  it("are answered on their stream, as long as they were; one without an answer is given up", () => {
    const requester = makeBuiltIn("requester", true) as LoadApplication;
    const responder = makeBuiltIn("responder", false);
    requester.start({ ...load, ratePerSecond: 1 }, 0);
    expect(requester.due(999)).toBeUndefined();
    const request = requester.due(1000);
    requester.accepted(1000);
    requester.stop();
    expect(requester.nextDeadlineMs()).toBe(11_000);
    responder.onMessage({ ...numbered("up", 2, 0), payload: request?.payload ?? new Uint8Array(0) }, 0);
    const answer = responder.due(0);
    expect(answer).toMatchObject({ streamId: 2, payload: { length: 40 } });
    responder.accepted(0);
    const other = makeBuiltIn("requester", true) as LoadApplication;
    other.restore(requester.snapshot(), 0);
    expect(other.due(11_000)).toBeUndefined();
    expect(notesOf(other)).toEqual(["request 0 got no answer in 10 s"]);
    for (const each of [requester, other]) {
      each.onMessage({ ...numbered("up", 2, 0), payload: answer?.payload ?? new Uint8Array(0) }, 11_001);
    }
    expect([requester.summary, other.summary]).toEqual([
      "1 requests were answered, 0 were not, 0 are open, 0 answers came to none of these",
      "0 requests were answered, 1 were not, 0 are open, 1 answers came to none of these",
    ]);
  });

  it("use no number again that may have been used after the snapshot", () => {
    const one = makeBuiltIn("requester", true) as LoadApplication;
    one.start(load, 0);
    const other = makeBuiltIn("requester", true) as LoadApplication;
    other.restore(one.snapshot(), 50);
    expect(other.due(10)?.streamId).toBe(50 % load.streams);
  });
});

describe("all built-in applications", () => {
  it.each(builtInApplications)("%s begins afresh from bytes that are not its own, and says so", (name) => {
    for (const other of builtInApplications) {
      const isSame = new Set([name, other]).size === 1;
      const bothNumber = ["numbered", "source"].includes(name) && ["numbered", "source"].includes(other);
      const each = makeBuiltIn(name, true);
      each.restore(makeBuiltIn(other, true).snapshot(), 0);
      expect(notesOf(each).length, `${name} from ${other}`).toBe(isSame || bothNumber ? 0 : 1);
    }
    const each = makeBuiltIn(name, false);
    each.restore(new Uint8Array([1, 2, 3]), 0);
    expect(notesOf(each)).toEqual([expect.stringMatching(/cannot be read: it begins afresh$/)]);
    expect(each.summary).toMatch(/^0 /);
  });

  it("are named by the operator, as modules are by their path", () => {
    expect(parseApplication("echo")).toEqual({ ok: true, choice: { kind: "built-in", name: "echo" } });
    expect(parseApplication("./my app.mjs")).toEqual({
      ok: true,
      choice: { kind: "module", path: "./my app.mjs" },
    });
    expect(parseApplication("ecko")).toEqual({
      ok: false,
      reason:
        'There is no application "ecko": write one of numbered, echo, source, sink, requester, responder, checker, or the path of a module (.mjs, .js, .ts).',
    });
  });
});

/** An association that answers as it is told. */
class TestPort implements ApplicationPort {
  answer: SendAnswer = "accepted";
  readonly sent: MessageToSend[] = [];
  consumedBytes: number = 0;

  send(message: MessageToSend): SendAnswer {
    if (this.answer === "accepted") this.sent.push(message);
    return this.answer;
  }

  consumed(bytes: number): void {
    this.consumedBytes += bytes;
  }
}

const delivery = (payload: Uint8Array, more: Partial<Delivery> = {}): Delivery => ({
  association: 1,
  streamId: 0,
  ssn: 0,
  ppid: 0,
  unordered: false,
  payload,
  tsn: tsn(1),
  cumulativeTsn: tsn(1),
  beginning: true,
  ending: true,
  sequence: 1,
  ...more,
});

describe("an application on its association", () => {
  it("tries again after a full buffer, at once where there is room again", () => {
    const port = new TestPort();
    const run = new ApplicationRun(makeBuiltIn("echo", true), port);
    run.deliver(delivery(new Uint8Array(10)), 0);
    port.answer = "queue-full";
    run.turn(false, 0);
    expect([run.isIdle, run.nextDeadlineMs()]).toEqual([false, 5]);
    port.answer = "accepted";
    run.turn(false, 4);
    expect(port.sent).toHaveLength(0);
    run.roomAgain();
    run.turn(false, 4);
    expect([port.sent.length, run.isIdle, run.nextDeadlineMs()]).toEqual([1, true, undefined]);
  });

  it("sends nothing while it is held, and looks again after a while", () => {
    const port = new TestPort();
    const source = new NumberedApplication("up");
    source.start(load, 0);
    const run = new ApplicationRun(source, port);
    run.turn(true, 100);
    expect([port.sent.length, run.nextDeadlineMs()]).toEqual([0, 105]);
    run.turn(false, 105);
    expect(port.sent).toHaveLength(10);
  });

  it("makes no burst without bound", () => {
    const port = new TestPort();
    const source = new NumberedApplication("up");
    source.start({ ...load, ratePerSecond: 1000 }, 0);
    const run = new ApplicationRun(source, port);
    run.turn(false, 500);
    expect([port.sent.length, run.nextDeadlineMs()]).toEqual([200, 501]);
  });

  it("takes nothing more from the peer while too much waits for room", () => {
    const port = new TestPort();
    const run = new ApplicationRun(makeBuiltIn("echo", true), port);
    port.answer = "queue-full";
    for (let count = 0; count < 4; count++) {
      run.deliver(delivery(new Uint8Array(20_000)), count * 10);
      run.turn(false, count * 10);
    }
    expect(port.consumedBytes).toBe(60_000);
    port.answer = "accepted";
    run.turn(false, 100);
    expect(port.consumedBytes).toBe(80_000);
  });

  it("saves its state only when it is another one, parts of messages included", () => {
    const sink = makeBuiltIn("sink", true);
    const run = new ApplicationRun(sink, new TestPort());
    const first = run.takeChangedState();
    expect(first).toBeDefined();
    expect(run.takeChangedState()).toBeUndefined();
    const piece = (length: number, beginning: boolean, ending: boolean) =>
      run.deliver(delivery(new Uint8Array(length), { ssn: 7, beginning, ending }), 0);
    piece(100, true, false);
    piece(50, false, false);
    const saved = run.takeChangedState();
    expect(saved).toBeDefined();
    const otherSink = makeBuiltIn("sink", true);
    const other = new ApplicationRun(otherSink, new TestPort());
    other.restore(saved ?? new Uint8Array(0), 0);
    other.deliver(delivery(new Uint8Array(5), { ssn: 7, beginning: false, ending: true }), 0);
    expect(otherSink.summary).toBe("1 messages of 155 bytes came");
    run.partialDeliveryAborted({ streamId: 0, ssn: 7, unordered: false });
    expect(run.takeChangedState()).toEqual(first);
  });

  it("names a message by the TSN of its first byte, whoever got the parts", () => {
    const named: number[] = [];
    const sink = makeBuiltIn("sink", true);
    sink.onMessage = ({ tsn: name }) => void named.push(name);
    const first = new ApplicationRun(makeBuiltIn("sink", true), new TestPort());
    first.deliver(delivery(new Uint8Array(5), { tsn: tsn(70), ending: false }), 0);
    const other = new ApplicationRun(sink, new TestPort());
    other.restore(first.takeChangedState() ?? new Uint8Array(0), 0);
    other.deliver(delivery(new Uint8Array(5), { tsn: tsn(71), beginning: false }), 0);
    other.deliver(delivery(new Uint8Array(5), { tsn: tsn(72) }), 0);
    expect(named).toEqual([70, 72]);
  });

  it("leaves out a message without end, and the end of one whose beginning nobody has", () => {
    const sink = makeBuiltIn("sink", true);
    const run = new ApplicationRun(sink, new TestPort());
    const piece = new Uint8Array(1024 * 1024);
    run.deliver(delivery(piece, { ending: false }), 0);
    for (let count = 0; count < 5; count++)
      run.deliver(delivery(piece, { beginning: false, ending: false }), 0);
    run.deliver(delivery(piece, { beginning: false }), 0);
    run.deliver(delivery(new Uint8Array(9), { ssn: 1, beginning: false }), 0);
    run.deliver(delivery(new Uint8Array(9), { ssn: 2 }), 0);
    expect(sink.summary).toBe("1 messages of 9 bytes came");
    expect(run.takeNotes().map(({ text }) => text)).toEqual([
      "a message of stream 0 is too long for the application and is left out",
    ]);
  });

  it("begins afresh where nothing was saved, without a word", () => {
    const run = new ApplicationRun(makeBuiltIn("echo", true), new TestPort());
    run.restore(new Uint8Array(0), 3);
    expect(run.takeNotes()).toEqual([]);
  });
});
