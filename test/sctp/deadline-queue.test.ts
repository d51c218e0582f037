import { describe, expect, it } from "vitest";
import { seededRandom } from "../../agents/sctp/index.ts";
import { DeadlineQueue } from "../../agents/sctp/timer/deadline-queue.ts";

describe("the earliest of many deadlines", () => {
  it.each(Array.from({ length: 20 }, (_, index) => index + 1))(
    "is that of a plain search, seed %i",
    (seed) => {
      const random = seededRandom(seed);
      const below = (limit: number): number => random.uint32() % limit;
      const queue = new DeadlineQueue();
      const plain = new Map<number, number>();
      const first = (): [number, number] | undefined =>
        [...plain].toSorted(([a, aMs], [b, bMs]) => aMs - bMs || a - b)[0];
      for (let step = 0; step < 2000; step++) {
        const key = below(20);
        const atMs = below(50);
        const act = below(4);
        if (act === 0) {
          queue.set(key, undefined);
          plain.delete(key);
        } else if (act === 1) {
          const due = first();
          const expected = due !== undefined && due[1] <= atMs ? due[0] : undefined;
          expect(queue.takeDue(atMs)).toBe(expected);
          if (expected !== undefined) plain.delete(expected);
        } else {
          queue.set(key, atMs);
          plain.set(key, atMs);
        }
        expect(queue.earliestMs()).toBe(first()?.[1]);
      }
    },
  );
});
