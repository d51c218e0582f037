import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium, type BrowserContext, type Page } from "playwright-core";

/** Debian's Chromium; elsewhere name one in UNDERSTUDY_CHROMIUM. */
const CHROMIUM: string = process.env["UNDERSTUDY_CHROMIUM"] ?? "/usr/bin/chromium";

/** Why no browser test can run here, or undefined where they can. */
export const noBrowser: string | undefined = existsSync(CHROMIUM)
  ? undefined
  : `there is no browser at ${CHROMIUM}; install the package chromium`;

const SCREENSHOTS: string = join(import.meta.dirname, "../../test-results");

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Far beyond what any action takes: reached only when something is not there at all. */
const ACTION_TIMEOUT_MS = 15_000;

export interface BrowserSession {
  readonly context: BrowserContext;
  readonly page: Page;
  /** Everything that the page complained about: script errors, refused loads, failed assertions. */
  readonly complaints: string[];
  close(): Promise<void>;
}

export interface BrowserOptions {
  readonly theme: "light" | "dark";
  readonly width?: number;
  readonly height?: number;
}

/** A browser with an empty profile of its own. */
export async function openBrowser(options: BrowserOptions): Promise<BrowserSession> {
  const profile = await mkdtemp(join(tmpdir(), "understudy-browser-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: CHROMIUM,
    args: FLAGS,
    headless: true,
    viewport: { width: options.width ?? 1440, height: options.height ?? 900 },
    colorScheme: options.theme,
  });
  const page = context.pages()[0] ?? (await context.newPage());
  page.setDefaultTimeout(ACTION_TIMEOUT_MS);
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  return {
    context,
    page,
    complaints,
    async close() {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
}

export async function screenshot(page: Page, name: string): Promise<string> {
  await mkdir(SCREENSHOTS, { recursive: true });
  const path = join(SCREENSHOTS, `${name}.png`);
  await page.screenshot({ path });
  return path;
}

/** Opens a run from the list, or by its id where one is given, and waits until its packets are drawn. */
export async function openRun(page: Page, url: string, runId?: string): Promise<void> {
  await page.goto(url);
  if (runId === undefined) await page.locator("table.runs a").first().click();
  else await page.locator(`table.runs a[href="#/run/${encodeURIComponent(runId)}"]`).click();
  await waitForLadder(page);
}

export async function waitForLadder(page: Page): Promise<void> {
  await page.waitForFunction(() => {
    const canvas = document.querySelector<HTMLCanvasElement>("[data-testid=ladder-canvas]");
    if (canvas === null || canvas.width === 0) return false;
    const pixels = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
    for (let index = 3; index < pixels.length; index += 4) if (pixels[index] !== 0) return true;
    return false;
  });
}

/** Share of coloured pixels of the ladder between two horizontal positions, each 0 to 1. */
export function inkBetween(page: Page, from: number, to: number): Promise<number> {
  return page.evaluate(
    ([left, right]) => {
      const canvas = document.querySelector<HTMLCanvasElement>("[data-testid=ladder-canvas]");
      if (canvas === null) return 0;
      const x = Math.floor(canvas.width * left);
      const width = Math.max(1, Math.floor(canvas.width * (right - left)));
      const pixels = canvas.getContext("2d")?.getImageData(x, 0, width, canvas.height).data ?? [];
      let inked = 0;
      for (let index = 3; index < pixels.length; index += 4) if (pixels[index] !== 0) inked += 1;
      return inked / (width * canvas.height);
    },
    [from, to] as const,
  );
}
