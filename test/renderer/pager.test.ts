import { describe, expect, it } from "vitest";
import { createPager, PAGE_ROWS, type Page } from "../../renderer/model/pager.ts";

interface Asked {
  readonly offset: number;
  readonly answer: (page: Page<number>) => void;
  readonly fail: (reason: Error) => void;
}

function setUp(): { asked: Asked[]; pager: ReturnType<typeof createPager<number>> } {
  const asked: Asked[] = [];
  const pager = createPager<number>(
    (offset) => new Promise((answer, fail) => asked.push({ offset, answer, fail })),
    () => undefined,
  );
  return { asked, pager };
}

const page = (offset: number, total: number): Page<number> => ({
  total,
  rows: Array.from({ length: Math.min(PAGE_ROWS, total - offset) }, (_, index) => offset + index),
});

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("pager", () => {
  it("fetches what is in sight, one page at a time, and skips what was passed by", async () => {
    const { asked, pager } = setUp();
    pager.see(0, 10);
    pager.see(5_000, 5_030);
    expect(asked.map(({ offset }) => offset)).toEqual([0]);
    pager.see(9_990, 10_020);
    asked[0]?.answer(page(0, 20_000));
    await settle();
    expect(asked.map(({ offset }) => offset)).toEqual([0, 9_800]);
    asked[1]?.answer(page(9_800, 20_000));
    await settle();
    expect(asked.map(({ offset }) => offset)).toEqual([0, 9_800, 10_000]);
    expect(pager.rowAt(9_995)).toBe(9_995);
    expect(pager.rowAt(10_001)).toBeUndefined();
    expect(pager.total()).toBe(20_000);
  });

  it("asks for no page beyond the end", async () => {
    const { asked, pager } = setUp();
    pager.see(0, 300);
    asked[0]?.answer(page(0, 150));
    await settle();
    expect(asked).toHaveLength(1);
    expect(pager.busy()).toBe(false);
  });

  it("stops at a failure until it is told to retry", async () => {
    const { asked, pager } = setUp();
    pager.see(0, 10);
    asked[0]?.fail(new Error("The desk is gone."));
    await settle();
    expect(pager.failure()).toBe("The desk is gone.");
    pager.see(0, 20);
    expect(asked).toHaveLength(1);
    pager.retry();
    expect(pager.failure()).toBeUndefined();
    expect(asked).toHaveLength(2);
  });
});
