import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, type TestContext } from "vitest";
import type { Page } from "playwright-core";
import type { DeskLink } from "../../main/api/contract.ts";
import { serveDesk, type ServedDesk } from "../../main/serve/index.ts";
import { fixtureDesk } from "../../renderer/link/fixture.ts";
import { buildTarget } from "../../scripts/build.ts";
import {
  inkBetween,
  noBrowser,
  openBrowser,
  openRun,
  screenshot,
  waitForLadder,
  type BrowserSession,
} from "./browser.ts";

/** The interface in a real browser, on the synthetic run: opened, zoomed, clicked, read. */

const rendererDir = join(import.meta.dirname, "../../dist/renderer");
const serve = (empty: boolean): Promise<ServedDesk> =>
  serveDesk({ desk: fixtureDesk({ seed: 1, empty }), rendererDir, host: "127.0.0.1", port: 0 });

let served: ServedDesk;
let browser: BrowserSession;
let page: Page;

beforeAll(async () => {
  await buildTarget("renderer");
  served = await serve(false);
  if (noBrowser !== undefined) return;
  browser = await openBrowser({ theme: "light" });
  page = browser.page;
});

afterAll(async () => {
  if (noBrowser === undefined) await browser.close();
  await served.close();
});

function needBrowser({ skip }: TestContext): void {
  if (noBrowser !== undefined) skip(noBrowser);
}

const viewNote = (): Promise<string> => page.getByTestId("view-span").innerText();
const axis = (): Promise<string | null> => page.locator(".time-axis").textContent();

/** Presses keys outside of any field. */
async function press(...keys: string[]): Promise<void> {
  await page.locator("h1").click();
  for (const key of keys) await page.keyboard.press(key);
}

/** Where on the screen a lane or a height of the ladder lies. */
async function ladderPoint(shareX: number, shareY: number): Promise<{ x: number; y: number }> {
  const box = await page.getByTestId("ladder-surface").boundingBox();
  if (box === null) throw new Error("the ladder is not on the screen");
  return { x: box.x + box.width * shareX, y: box.y + box.height * shareY };
}

describe("a run in the browser", () => {
  it("opens from the list with the failover drawn", async (context) => {
    needBrowser(context);
    await page.goto(served.url);
    await page.getByRole("heading", { name: "Runs" }).waitFor();
    expect(await page.locator("table.runs tbody tr").count()).toBe(5);
    await page.locator('a[href="#/run/demo-1"]').click();
    await waitForLadder(page);
    expect(await page.locator("h1").innerText()).toContain("The association survived");
    // Between the peer's lane and A's address, and beyond A up to B's address.
    expect(await inkBetween(page, 0.25, 0.33)).toBeGreaterThan(0.05);
    expect(await inkBetween(page, 0.6, 0.66)).toBeGreaterThan(0.05);
    // Nothing is drawn where the time axis and the names of marks stand.
    expect(await inkBetween(page, 0, 0.1)).toBe(0);
    expect(await inkBetween(page, 0.76, 1)).toBe(0);
    for (const words of ["unnoticed", "recovery", "Agent killed", "Primary lost", "First packet from B"]) {
      expect(await page.locator(".ladder-chart .front").innerHTML()).toContain(words);
    }
    await screenshot(page, "run-light");
  });

  it("does not let texts of the ladder overlap", async (context) => {
    needBrowser(context);
    for (const keys of [["f"], ["0"], ["f", "j", "w", "w", "w"]]) {
      await press(...keys);
      const overlaps = await page.evaluate(() => {
        const texts = [...document.querySelectorAll(".ladder-chart .front text")]
          .filter((text) => text.textContent !== "")
          .map((text) => ({ words: text.textContent, box: text.getBoundingClientRect() }));
        const found: string[] = [];
        for (const [index, one] of texts.entries()) {
          for (const other of texts.slice(index + 1)) {
            const wide = Math.min(one.box.right, other.box.right) - Math.max(one.box.left, other.box.left);
            // Line boxes of a font touch; letters do not before a third of the line is shared.
            const high = Math.min(one.box.bottom, other.box.bottom) - Math.max(one.box.top, other.box.top);
            if (wide > 1 && high > 4) found.push(`${one.words} / ${other.words}`);
          }
        }
        return found;
      });
      expect(overlaps, keys.join(" ")).toEqual([]);
    }
  });

  it("zooms with the wheel, pans by dragging, and comes back with the keys", async (context) => {
    needBrowser(context);
    await press("f");
    const before = await viewNote();
    const middle = await ladderPoint(0.4, 0.5);
    await page.mouse.move(middle.x, middle.y);
    await page.mouse.wheel(0, -600);
    await expect.poll(viewNote).not.toBe(before);
    const zoomed = await viewNote();

    const ticks = await axis();
    await page.mouse.down();
    await page.mouse.move(middle.x, middle.y - 150, { steps: 4 });
    await page.mouse.up();
    await expect.poll(axis).not.toBe(ticks);
    expect(await viewNote()).toBe(zoomed);

    await press("0");
    await expect.poll(viewNote).toContain("events as counts");
    expect(await inkBetween(page, 0.25, 0.33)).toBeGreaterThan(0.02);
    await press("f");
    await expect.poll(viewNote).toBe(before);
  });

  it("jumps to the fault and shows single packets there", async (context) => {
    needBrowser(context);
    await press("j", "w", "w", "w", "w", "w", "w", "w");
    await expect.poll(() => page.getByTestId("scrubber").getAttribute("aria-valuetext")).toContain("+0 µs");
    await expect.poll(() => page.locator(".ladder-chart .front").innerHTML()).toContain("Agent killed");
  });

  it("shows what is under the pointer, and selects it with its bytes", async (context) => {
    needBrowser(context);
    await press("f");
    const tooltip = page.getByRole("tooltip");
    const spot = await ladderPoint(0.42, 0.1);
    for (let step = 0; step < 12 && !(await tooltip.isVisible()); step += 1) {
      await page.mouse.move(spot.x, spot.y + step);
    }
    expect(await tooltip.innerText()).toMatch(/peer → A's address|A's address → peer/);
    await page.mouse.down();
    await page.mouse.up();
    await page.getByTestId("decode-tree").waitFor();
    await expect.poll(() => page.locator(".packet-row[aria-selected=true]").count()).toBe(1);
    await press("Escape");
    await expect.poll(() => page.getByTestId("decode-tree").count()).toBe(0);
  });

  it("selects a packet in the table, decodes it, and lights up the bytes of a field", async (context) => {
    needBrowser(context);
    await press("1");
    await page.locator("[data-packet]").nth(4).click();
    const tree = page.getByTestId("decode-tree");
    await tree.waitFor();
    expect(await tree.innerText()).toContain("Stream Control Transmission Protocol");
    await tree.getByText("Verification tag", { exact: true }).click();
    await expect.poll(() => page.locator(".hex .hex-bytes .selected").count()).toBe(4);
    await page.keyboard.press("ArrowDown");
    await expect.poll(() => tree.locator("[aria-selected=true]").innerText()).toContain("Checksum");
    await page.keyboard.press("Home");
    expect(await tree.getByText("Source", { exact: true }).count()).toBe(0);
    await page.keyboard.press("ArrowRight");
    await expect.poll(() => tree.getByText("Source", { exact: true }).count()).toBe(1);
  });

  it("filters, flags a malformed packet, and clears", async (context) => {
    needBrowser(context);
    await press("/");
    await page.keyboard.type("malformed");
    const flawed = page.locator(".packet-row.malformed").first();
    await flawed.waitFor();
    await flawed.click();
    await expect.poll(() => page.getByTestId("decode-tree").innerText()).toContain("only 12 are left");
    await page.getByRole("button", { name: "Clear" }).click();
    await expect.poll(() => page.locator(".packet-count").innerText()).toMatch(/43,\d{3} packets,/);
    await press("/");
    await page.keyboard.type("no such thing");
    await page.getByText("No packet matches").waitFor();
    await page.getByRole("button", { name: "Clear" }).click();
  });

  it("shows the state at the scrubbed instant and follows the scrubber", async (context) => {
    needBrowser(context);
    await press("Escape", "f", "j", "2");
    const when = page.getByTestId("state-when");
    await expect.poll(() => page.locator(".state-table").innerText()).toContain("dead, update");
    const first = await when.innerText();
    const handle = page.locator(".scrub-handle");
    const box = await handle.boundingBox();
    if (box === null) throw new Error("there is no scrubber");
    await page.mouse.move(box.x + 20, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x + 20, box.y - 120, { steps: 6 });
    await page.mouse.up();
    await expect.poll(() => when.innerText()).not.toBe(first);
    await expect
      .poll(() => page.locator(".state-table").innerText())
      .toMatch(/serves, epoch 1, update[\s\S]*secondary, update/);
    expect(await page.locator(".state-table").innerText()).toContain("differs, harmless");
    const dragged = await when.innerText();
    await page.keyboard.press("Space");
    await expect.poll(() => when.innerText()).not.toBe(dragged);
    await page.keyboard.press("Space");
    await screenshot(page, "state-light");
  });

  it("shows the verdict, and evidence leads to its packet", async (context) => {
    needBrowser(context);
    await press("3");
    const panel = page.locator("#panel-verdict");
    expect(await panel.locator(".checks tbody tr").count()).toBe(11);
    expect(await panel.innerText()).toContain("61.");
    await screenshot(page, "verdict-light");
    await panel.getByRole("button", { name: /first packet from B/ }).click();
    await expect.poll(viewNote).toContain("20.00 ms");
    await press("1");
    await page.getByTestId("decode-tree").waitFor();
  });

  it("is readable as a table, and lists its keys", async (context) => {
    needBrowser(context);
    await press("Escape", "f", "t");
    expect(await page.locator(".as-table caption").allInnerTexts()).toEqual([
      "Marks in view",
      "Who served",
      expect.stringMatching(/^Replication lag: /),
      expect.stringMatching(/^Packets: /),
      expect.stringMatching(/^Replication: /),
    ]);
    await press("t", "?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    await page.keyboard.press("Escape");
    await expect.poll(() => page.getByRole("dialog").count()).toBe(0);
  });

  it("moves the view with the brush of the overview", async (context) => {
    needBrowser(context);
    await press("f");
    const before = await axis();
    const box = await page.getByTestId("overview").boundingBox();
    if (box === null) throw new Error("there is no overview");
    await page.mouse.move(box.x + 30, box.y + box.height * 0.2);
    await page.mouse.down();
    await page.mouse.move(box.x + 30, box.y + box.height * 0.4, { steps: 4 });
    await page.mouse.up();
    await expect.poll(axis).not.toBe(before);
    await expect.poll(viewNote).toMatch(/^4\.\d+ s in view/);
  });

  it("raised no complaint of the browser, its content policy included", (context) => {
    needBrowser(context);
    // Reading the canvas back is this test's own doing.
    expect(browser.complaints.filter((text) => !text.includes("willReadFrequently"))).toEqual([]);
  });
});

describe("a run under another policy, with three epochs", () => {
  it("says policy and fencing, marks epochs, lag and leases, and names each loss", async (context) => {
    needBrowser(context);
    const fresh = await serve(false);
    const other = await openBrowser({ theme: "light" });
    try {
      await openRun(other.page, fresh.url, "demo-5");
      const terms = await other.page.getByRole("list", { name: "Replication" }).innerText();
      expect(terms.replaceAll(/\s+/g, " ")).toBe(
        "policy interval:50ms state held by standby fencing witness",
      );
      const chart = other.page.locator(".ladder-chart");
      await expect
        .poll(() => chart.locator(".epoch-tags text").allTextContents())
        .toEqual(["epoch 1", "epoch 2"]);
      expect(await chart.locator(".lag-text").textContent()).toMatch(/^lag 5\d\.\d+ ms$/);
      expect(await chart.locator(".lane-title").allTextContents()).toContain("keeper");
      const losses = await chart.locator(".mark-loss .mark-body").allTextContents();
      expect(losses.join(" ")).toContain("outbound, TSN 39402 to 39913, at most 3 messages");
      await screenshot(other.page, "run-interval");
    } finally {
      await other.close();
      await fresh.close();
    }
  });

  it("says who serves at the scrubbed instant, and that nobody did in between", async (context) => {
    needBrowser(context);
    const fresh = await serve(false);
    const other = await openBrowser({ theme: "light" });
    try {
      await openRun(other.page, fresh.url, "demo-5");
      await other.page.getByRole("tab", { name: "State" }).click();
      const situation = other.page.getByTestId("situation");
      await expect.poll(() => situation.innerText()).toMatch(/B\s+epoch 2/);
      await other.page.getByTestId("scrubber").focus();
      // Back into the time between the fault and the takeover.
      for (let step = 0; step < 8; step += 1) await other.page.keyboard.press("ArrowUp");
      await expect.poll(() => situation.innerText()).toContain("nobody since A");
      await other.page.keyboard.press("PageUp");
      await other.page.keyboard.press("PageUp");
      await expect.poll(() => situation.innerText()).toMatch(/Serves\s+A\s+epoch 1/);
      await expect.poll(() => situation.innerText()).toMatch(/Lease\s+TSNs below \d+/);
    } finally {
      await other.close();
      await fresh.close();
    }
  });

  it("tells the same as a table", async (context) => {
    needBrowser(context);
    const fresh = await serve(false);
    const other = await openBrowser({ theme: "light" });
    try {
      await openRun(other.page, fresh.url, "demo-5");
      await other.page.locator("h1").click();
      await other.page.keyboard.press("0");
      await other.page.keyboard.press("t");
      const served = other.page.locator("table", { hasText: "Who served" });
      await expect.poll(() => served.locator("tbody tr").count()).toBe(3);
      expect(await served.innerText()).toContain("3 (by handover)");
      expect(await other.page.locator("caption", { hasText: "Leases" }).innerText()).toMatch(/\d+ in view/);
      expect(await other.page.locator("caption", { hasText: "Replication lag" }).count()).toBe(1);
    } finally {
      await other.close();
      await fresh.close();
    }
  });
});

describe("other screens", () => {
  it("reads well in the dark", async (context) => {
    needBrowser(context);
    const dark = await openBrowser({ theme: "dark" });
    const fresh = await serve(false);
    try {
      await openRun(dark.page, fresh.url, "demo-2");
      expect(await dark.page.locator(".run-header .outcome").innerText()).toMatch(/✕\s*fail/);
      const background = await dark.page
        .locator(".app")
        .evaluate((app) => getComputedStyle(app).backgroundColor);
      expect(background).toBe("rgb(16, 22, 29)");
      await screenshot(dark.page, "run-dark");
      await dark.page.getByLabel("Theme").selectOption("light");
      await expect
        .poll(() => dark.page.locator(".app").evaluate((app) => getComputedStyle(app).backgroundColor))
        .toBe("rgb(246, 247, 249)");
    } finally {
      await dark.close();
      await fresh.close();
    }
  });

  it("says what is wrong with a damaged run, and how to make a first one", async (context) => {
    needBrowser(context);
    await page.goto(`http://127.0.0.1:${served.port}/#/run/demo-4`);
    await page.getByRole("alert").waitFor();
    expect(await page.getByRole("alert").innerText()).toContain("restore it from a copy");
    const empty = await serve(true);
    try {
      await page.goto(empty.url);
      await page.getByText("npm run demo").waitFor();
      await screenshot(page, "home-empty");
    } finally {
      await empty.close();
    }
  });

  it("says that something takes long, what failed, and tries again when told to", async (context) => {
    needBrowser(context);
    let calls = 0;
    let fail: (reason: Error) => void = () => undefined;
    const inner = fixtureDesk({ seed: 1 });
    const desk: DeskLink = {
      send(name, args) {
        calls += 1;
        if (calls > 1) return inner.send(name, args);
        return new Promise((_, reject) => {
          fail = reject;
        });
      },
    };
    const slow = await serveDesk({ desk, rendererDir, host: "127.0.0.1", port: 0 });
    try {
      await page.goto(slow.url);
      await page.getByRole("progressbar", { name: "Loading the list of runs" }).waitFor();
      fail(new Error("The runs cannot be listed: the disk does not answer."));
      await page.getByText("the disk does not answer").waitFor();
      await page.getByRole("button", { name: "Retry" }).click();
      await page.locator("table.runs").waitFor();
      expect(await page.getByRole("alert").count()).toBe(0);
    } finally {
      await slow.close();
    }
  });

  it("tells when the desk is gone, and what to do", async (context) => {
    needBrowser(context);
    const first = await serve(false);
    await openRun(page, first.url, "demo-1");
    await first.close();
    await press("0");
    await page.getByRole("alert").first().waitFor();
    expect(await page.getByRole("alert").first().innerText()).toContain(
      "The connection to the desk was lost",
    );
  });

  it("refuses a wrong token and a used one, and shows why", async (context) => {
    needBrowser(context);
    const fresh = await serve(false);
    const stranger = await openBrowser({ theme: "light" });
    try {
      await stranger.page.goto(`http://127.0.0.1:${fresh.port}/open?token=guess`);
      expect(await stranger.page.locator("body").innerText()).toContain("Refused");
      await page.goto(fresh.url);
      await page.getByRole("heading", { name: "Runs" }).waitFor();
      await stranger.page.goto(fresh.url);
      expect(await stranger.page.locator("body").innerText()).toContain("was used already");
    } finally {
      await stranger.close();
      await fresh.close();
    }
  });
});
