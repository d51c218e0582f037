/** Rows of a long table, fetched page by page as they come into sight. */
export interface Pager<Row> {
  total(): number;
  /** Undefined until its page has come. */
  rowAt(index: number): Row | undefined;
  /** Tells which rows are in sight, both ends included; fetches what is missing, one page at a time. */
  see(first: number, last: number): void;
  busy(): boolean;
  failure(): string | undefined;
  retry(): void;
}

export interface Page<Row> {
  readonly total: number;
  readonly rows: readonly Row[];
}

export const PAGE_ROWS = 200;
/** Pages that are kept; the ones fetched longest ago go first. */
const MAX_PAGES = 60;

export function createPager<Row>(
  fetchPage: (offset: number, limit: number) => Promise<Page<Row>>,
  onChange: () => void,
): Pager<Row> {
  const pages = new Map<number, readonly Row[]>();
  let total = 0;
  let seen = { first: 0, last: 0 };
  let busy = false;
  let failure: string | undefined;

  const missingPage = (): number | undefined => {
    const last = Math.floor(Math.max(seen.first, seen.last) / PAGE_ROWS);
    for (let page = Math.floor(Math.max(0, seen.first) / PAGE_ROWS); page <= last; page += 1) {
      const beyondEnd = pages.size > 0 && page * PAGE_ROWS >= total;
      if (!pages.has(page) && !beyondEnd) return page;
    }
    return undefined;
  };

  const keep = (page: number, answer: Page<Row>): void => {
    total = answer.total;
    pages.set(page, answer.rows);
    for (const old of pages.keys()) {
      if (pages.size <= MAX_PAGES) break;
      pages.delete(old);
    }
  };

  const pump = (): void => {
    const page = missingPage();
    if (busy || failure !== undefined || page === undefined) return;
    busy = true;
    onChange();
    fetchPage(page * PAGE_ROWS, PAGE_ROWS).then(
      (answer) => {
        busy = false;
        keep(page, answer);
        onChange();
        pump();
      },
      (reason: unknown) => {
        busy = false;
        failure = reason instanceof Error ? reason.message : String(reason);
        onChange();
      },
    );
  };

  return {
    total: () => total,
    rowAt: (index) => pages.get(Math.floor(index / PAGE_ROWS))?.[index % PAGE_ROWS],
    see(first, last) {
      seen = { first, last };
      pump();
    },
    busy: () => busy,
    failure: () => failure,
    retry() {
      failure = undefined;
      pump();
    },
  };
}
