import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { Browser, Page } from "puppeteer-core";
import { writeReport } from "../../src/run/report.js";
import { dedup, silent, testFolder, writeJsonl } from "../run/folders.js";
import { faqPage, openPage, startBrowser } from "./browser.js";

const folder = testFolder();
let browser: Browser;
let file: string;

before(async () => {
  file = await faqPage(join(folder, "faq"));
  browser = await startBrowser();
});

after(() => browser?.close());

/** Focuses an element and presses a key. */
async function press(page: Page, selector: string, key: "Enter" | "Space" | "ArrowRight" | "Escape" | "+" | "0") {
  await page.focus(selector);
  await page.keyboard.press(key);
}

const text = (page: Page, selector: string) => page.$eval(selector, ({ textContent }) => textContent ?? "");

describe("the keyboard alone", () => {
  it("reaches every control in the order of the page, with a focus that is seen", async () => {
    const { page } = await openPage(browser, file);
    const controls = (await page.evaluate(`
      globalThis.controls = [...document.querySelectorAll("a[href], button, input, select, summary, canvas, [tabindex='0']")]
        .filter((each) => each.checkVisibility());
      controls.length`)) as number;
    assert.ok(controls > 40, String(controls));
    const reached: number[] = [];
    for (let i = 0; i < controls + 5; i++) {
      await page.keyboard.press("Tab");
      const [at, seen] = (await page.evaluate(`[
        controls.indexOf(document.activeElement),
        document.activeElement === document.body || getComputedStyle(document.activeElement).outlineStyle !== "none",
      ]`)) as [number, boolean];
      assert.ok(seen, `control ${at} shows no focus`);
      if (at < 0) break;
      reached.push(at);
    }
    assert.deepEqual(
      reached,
      Array.from({ length: controls }, (_, i) => i),
    );
    await page.close();
  });

  it("turns the pages of the groups, and keeps the focus at the end", async () => {
    const { page } = await openPage(browser, file);
    const first = await text(page, "#groups article .kept");
    await press(page, "#groups .pager button:nth-of-type(3)", "Enter");
    assert.match(await text(page, "#groups .place"), /^21–40 of \d+$/);
    assert.notEqual(await text(page, "#groups article .kept"), first);
    await press(page, "#groups .pager button:nth-of-type(4)", "Space");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate("document.activeElement.textContent"), "Last");
    await page.close();
  });

  it("shows the texts of a cluster, moves and zooms the map, and lets go", async () => {
    const { page } = await openPage(browser, file);
    await press(page, "#clusters .cluster button", "Enter");
    assert.match(await text(page, ".selection h4"), /^\d+ texts? in cluster 0/);
    const [pixels, moved] = [() => page.$eval(".map", (map) => map.outerHTML), "ArrowRight"] as const;
    assert.ok((await pixels()).includes("canvas"));
    await press(page, "canvas", moved);
    await press(page, "canvas", "+");
    await press(page, "canvas", "0");
    await press(page, "canvas", "Escape");
    assert.equal(await page.$eval(".selection", (each) => each.hasAttribute("hidden")), true);
    await page.close();
  });

  it("unfolds the rest of a group and goes on at its first row", async () => {
    const out = join(folder, "copies");
    await dedup([writeJsonl(join(folder, "copies.jsonl"), new Array(8).fill({ text: "one text" }))], out);
    const { file } = await writeReport({ folder: out, threads: 1, reporter: silent });
    const { page } = await openPage(browser, file);
    const more = await page.$("#groups .more");
    assert.ok(more !== null, "the group shows all of its rows at once");
    await more.focus();
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate("document.activeElement.tagName"), "LI");
    await page.close();
  });
});

describe("the pointer", () => {
  it("finds the text under it, selects the cluster of a point, and what a lasso holds", async () => {
    const { page } = await openPage(browser, file);
    const box = await (await page.$("canvas"))?.boundingBox();
    assert.ok(box);
    await page.evaluate("document.querySelector('canvas').scrollIntoView()");
    const { x, y, width, height } = (await (await page.$("canvas"))?.boundingBox()) ?? box;
    let hit: [number, number] | undefined;
    for (let row = 1; row < 60 && hit === undefined; row++) {
      for (let column = 1; column < 60 && hit === undefined; column++) {
        const at: [number, number] = [x + (column * width) / 60, y + (row * height) / 60];
        await page.mouse.move(...at);
        if (await page.$eval(".tip", (tip) => !tip.hasAttribute("hidden"))) hit = at;
      }
    }
    assert.ok(hit, "no point of the map was found");
    assert.match(await text(page, ".tip"), /^row \d+ · cluster \d/);
    await page.mouse.click(...hit);
    assert.match(await text(page, ".selection h4"), /in cluster \d/);
    await page.keyboard.down("Shift");
    await page.mouse.move(x + 2, y + 2);
    await page.mouse.down();
    for (const [right, down] of [
      [width - 2, 2],
      [width - 2, height - 2],
      [2, height - 2],
    ]) {
      await page.mouse.move(x + right, y + down, { steps: 4 });
    }
    await page.mouse.up();
    await page.keyboard.up("Shift");
    const all = /a map of|(\d+) texts\./.exec(await text(page, "#clusters figcaption"))?.[1];
    assert.equal(await text(page, ".selection h4"), `${all} texts in drawn selection`);
    await page.close();
  });
});
