/**
 * Types of an application of your own; see docs/applications.md. This file imports nothing: take it along
 * beside your module, or point a JSDoc comment at it:
 *
 *     /** @type {import("./module.ts").ApplicationModule} *\/
 */

/** A whole message of the peer. */
export interface ModuleMessage {
  readonly streamId: number;
  readonly ppid: number;
  readonly unordered: boolean;
  /**
   * TSN of its first byte. Should it be delivered again, on another computer, that is the same: by it a
   * message is known that had an effect outside of the association.
   */
  readonly tsn: number;
  readonly payload: Uint8Array;
}

/** A message to be sent. */
export interface ModuleAnswer {
  readonly streamId: number;
  /** One byte or more; it is copied. */
  readonly payload: Uint8Array;
  /** 0 where it is absent. */
  readonly ppid?: number;
  /** Ordered where it is absent. */
  readonly unordered?: boolean;
}

/**
 * What runs on one association. All calls are synchronous, one at a time; none may answer a promise.
 * `nowMs` is milliseconds since the Unix epoch, by the clock of the computer that serves the association.
 */
export interface ApplicationModule {
  /** A message came. What is answered is sent, in this order. */
  onMessage(message: ModuleMessage, nowMs: number): ModuleAnswer | readonly ModuleAnswer[] | undefined | void;
  /**
   * There is room to send. Answers a message, and is asked again at once; or a number: the instant to be asked
   * again, in milliseconds since the Unix epoch; or nothing: not before the next message came.
   */
  send?(nowMs: number): ModuleAnswer | number | undefined | void;
  /** All that another computer needs to go on; at most 1 MiB. Called after every turn in which something was called. */
  snapshot(): Uint8Array;
  /**
   * Goes on from a snapshot, on another computer. So many messages at most may have been sent after it was
   * made; 0 where every update is waited for.
   */
  restore(bytes: Uint8Array, unseenMessages: number): void;
}

/** `export default` of a module: for one association, or a function that makes one for each. */
export type ApplicationModuleExport = ApplicationModule | (() => ApplicationModule);
