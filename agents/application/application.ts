import type { Flow, TestMessage } from "./test-message.ts";

/** A whole message of the peer. */
export interface IncomingMessage {
  readonly streamId: number;
  readonly ppid: number;
  readonly unordered: boolean;
  /** TSN of its first byte: the same one should it be delivered again. */
  readonly tsn: number;
  readonly payload: Uint8Array;
}

/** What an application wants sent on its association. */
export interface MessageToSend {
  readonly streamId: number;
  readonly payload: Uint8Array;
  /** 0 where it is absent. */
  readonly ppid?: number;
  /** Ordered where it is absent. */
  readonly unordered?: boolean;
  /** What it says, where it is a numbered test message. */
  readonly about?: TestMessage;
}

/** Why the association will never take a message. */
export type Refusal = "no-such-stream" | "bad-length";

/** Something for the record; `text` is one sentence for a person. */
export interface ApplicationNote {
  readonly name: "note" | "numbers-skipped";
  readonly text: string;
  readonly detail: Readonly<Record<string, string | number | boolean>>;
}

/**
 * What runs on top of one association. Pure: messages and time come in, messages are asked for. Its state
 * moves with the association: what it does with a message, and what it wants sent because of it, is in
 * the snapshot of the same turn, so that another computer goes on exactly there.
 */
export interface Application {
  onMessage(message: IncomingMessage, nowMs: number): void;
  /** The message to be sent next, if one is due; the same one until `accepted` or `refused` is called. */
  due(nowMs: number): MessageToSend | undefined;
  /** The association took over what `due` answered. */
  accepted(nowMs: number): void;
  /** The association will never take what `due` answered. */
  refused(refusal: Refusal): void;
  /** When `due` is worth asking, beside after `onMessage` and `accepted`; undefined: not by itself. */
  nextDeadlineMs(): number | undefined;
  /** Payload that waits for room in the send buffer: above a limit, the peer is asked by the receive window to wait. */
  readonly waitingBytes: number;
  /** Another number whenever `snapshot` may answer other bytes than before. */
  readonly revision: number;
  /** All that another computer needs to go on. */
  snapshot(): Uint8Array;
  /**
   * Goes on from a snapshot. `unseenMessages`: so many messages at most may have been sent after it was
   * made; 0 where every update is waited for. Bytes that are no snapshot of this application are noted,
   * and it begins afresh.
   */
  restore(bytes: Uint8Array, unseenMessages: number): void;
  /** What it did so far, in one sentence. */
  readonly summary: string;
  /** The same in numbers, where somebody judges them. */
  readonly counts?: Readonly<Record<string, number>>;
  takeNotes(): ApplicationNote[];
}

/** A load: messages a second over all streams together, in turn. */
export interface Load {
  readonly ratePerSecond: number;
  readonly sizeBytes: number;
  readonly streams: number;
}

/** An application that sends by itself while it has a load. */
export interface LoadApplication extends Application {
  readonly running: boolean;
  start(load: Load, nowMs: number): void;
  stop(): void;
  /** Numbers given out so far, for each flow and stream; none where it sends no numbered test messages. */
  totals(): readonly { readonly flow: Flow; readonly streamId: number; readonly sent: number }[];
}

export const isLoadApplication = (application: Application): application is LoadApplication =>
  "start" in application;

export const noteOf = (text: string): ApplicationNote => ({ name: "note", text, detail: {} });

/** Why a message of stream `streamId` was given up. */
export const refusalText = (what: string, streamId: number, refusal: Refusal): string => {
  const reason = refusal === "no-such-stream" ? "has no such stream" : "takes no message of that length";
  return `${what} of stream ${streamId} cannot be sent: the association ${reason}`;
};
