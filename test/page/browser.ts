import { existsSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { type Browser, launch, type Page } from "puppeteer-core";
import { cluster } from "../../src/index.js";
import { writeReport } from "../../src/run/report.js";
import { dedup, silent } from "../run/folders.js";

/** Where Chromium is on the systems that the suite runs on; the variable CHROMIUM names another. */
const PLACES = [
  process.env.CHROMIUM,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** An open page and everything that went wrong in it. */
export interface Opened {
  readonly page: Page;
  /** Console errors and warnings, uncaught errors, requests, and violations of the policy. */
  readonly faults: () => Promise<string[]>;
}

/**
 * Starts Chromium; the caller closes it.
 * @throws Error that says how to get it where there is none
 */
export async function startBrowser(): Promise<Browser> {
  const executablePath = PLACES.find((place) => place !== undefined && existsSync(place));
  if (executablePath === undefined) {
    throw new Error(
      "no Chromium found; install it (apt-get install chromium) or name it: CHROMIUM=/path npm run test:page",
    );
  }
  return launch({
    executablePath,
    headless: true,
    // WebGL in software; root, as in a container, has no sandbox.
    args: ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-dev-shm-usage"],
  });
}

/** Writes the page of the FAQ with its clusters and returns its path. @param out folder of the result */
export async function faqPage(out: string): Promise<string> {
  await dedup(["fixtures/faq.jsonl"], out);
  await cluster({ inputs: out, out, k: 8 });
  const { file } = await writeReport({ folder: out, threads: 1, reporter: silent });
  return file;
}

/** Opens a file and waits until all parts of the page are drawn. */
export async function openPage(
  browser: Browser,
  path: string,
  { width = 1440, scheme = "light" }: { width?: number; scheme?: "light" | "dark" } = {},
): Promise<Opened> {
  const page = await browser.newPage();
  const faults: string[] = [];
  const address = pathToFileURL(path).href;
  page.on("console", (message) => {
    if (["error", "warn"].includes(message.type())) faults.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => faults.push(`error: ${String(error)}`));
  page.on("dialog", (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => {
    if (request.url().split("#")[0] !== address) faults.push(`request: ${request.url().slice(0, 100)}`);
  });
  await page.evaluateOnNewDocument(`
    globalThis.violations = [];
    addEventListener("securitypolicyviolation", (event) => violations.push(event.violatedDirective + " " + event.blockedURI));
    globalThis.longTasks = [];
    new PerformanceObserver((list) => longTasks.push(...list.getEntries().map((entry) => entry.duration))).observe({ type: "longtask", buffered: true });
  `);
  await page.setViewport({ width, height: 900 });
  await page.emulateMediaFeatures([
    { name: "prefers-color-scheme", value: scheme },
    { name: "prefers-reduced-motion", value: "reduce" },
  ]);
  await page.goto(address);
  await page.waitForSelector("#page:not([aria-busy])", { timeout: 120_000 });
  return {
    page,
    faults: async () => [...faults, ...((await page.evaluate("violations")) as string[])],
  };
}
