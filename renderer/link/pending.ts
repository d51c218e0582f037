import type { Answer, Args, RequestName } from "../../main/api/contract.ts";

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (reason: Error) => void;
}

/** Requests under way on one channel, matched to their replies by number. */
export interface PendingRequests {
  send<K extends RequestName>(name: K, args: Args<K>, post: (text: string) => void): Promise<Answer<K>>;
  /** Takes one reply as it came from the channel. Throws where it is not a reply to anything: our own bug. */
  receive(data: unknown): void;
  failAll(message: string): void;
}

/** Wire form, both ways JSON: `{id, name, args}`, answered by `{id, answer}` or `{id, failure: {message}}`. */
export function pendingRequests(): PendingRequests {
  const waiting = new Map<number, Waiting>();
  let nextId = 1;
  return {
    send<K extends RequestName>(name: K, args: Args<K>, post: (text: string) => void): Promise<Answer<K>> {
      const id = nextId;
      nextId += 1;
      return new Promise<Answer<K>>((resolve, reject) => {
        // The desk answers each name with its own type: the contract says so, JSON cannot.
        waiting.set(id, { resolve: (answer) => resolve(answer as Answer<K>), reject });
        post(JSON.stringify({ id, name, args }));
      });
    },
    receive(data) {
      const reply = JSON.parse(String(data)) as {
        id: number;
        answer?: unknown;
        failure?: { message: string };
      };
      const entry = waiting.get(reply.id);
      if (entry === undefined)
        throw new Error(`The desk answered request ${reply.id}, which nobody waits for`);
      waiting.delete(reply.id);
      if (reply.failure === undefined) entry.resolve(reply.answer);
      else entry.reject(new Error(reply.failure.message));
    },
    failAll(message) {
      for (const entry of waiting.values()) entry.reject(new Error(message));
      waiting.clear();
    },
  };
}
