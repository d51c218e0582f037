import type { Application, IncomingMessage } from "../../../agents/application/index.ts";
import { readTestMessage } from "../../../agents/application/index.ts";

/** An application that is never moved, with all that came to it. */
export function recording<Inner extends Application>(inner: Inner, came: IncomingMessage[]): Inner {
  const onMessage = inner.onMessage.bind(inner);
  inner.onMessage = (message, nowMs) => {
    came.push({ ...message, payload: message.payload.slice() });
    onMessage(message, nowMs);
  };
  return inner;
}

/** Numbers of a flow as they came, by stream. */
export function numbersOf(came: readonly IncomingMessage[], flow: string): number[][] {
  const byStream: number[][] = [];
  for (const { streamId, payload } of came) {
    const message = readTestMessage(payload);
    if (message?.flow === flow && message.intact) (byStream[streamId] ??= []).push(message.number);
  }
  return byStream;
}

export const upTo = (count: number): number[] => Array.from({ length: count }, (_, number) => number);
