import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import axe from "axe-core";
import type { Browser } from "puppeteer-core";
import { testFolder } from "../run/folders.js";
import { faqPage, openPage, startBrowser } from "./browser.js";

const folder = testFolder();
let browser: Browser;
let file: string;

before(async () => {
  file = await faqPage(join(folder, "faq"));
  browser = await startBrowser();
});

after(() => browser?.close());

for (const width of [375, 1440]) {
  for (const scheme of ["light", "dark"] as const) {
    describe(`at ${width} pixels in ${scheme} colours`, () => {
      it("draws every part without an error, a request or a violation of its policy", async () => {
        const { page, faults } = await openPage(browser, file, { width, scheme });
        const parts = await page.evaluate('[...document.querySelectorAll("section")].map((each) => each.id)');
        assert.deepEqual(parts, ["overview", "threshold", "pairs", "groups", "inputs", "clusters", "run"]);
        assert.ok(((await page.evaluate('document.querySelectorAll("figure svg rect").length')) as number) > 20);
        assert.deepEqual(await faults(), []);
        await page.close();
      });

      it("has no fault of accessibility that axe finds", async () => {
        const { page } = await openPage(browser, file, { width, scheme });
        // What is folded is checked as well.
        await page.evaluate('for (const each of document.querySelectorAll("details")) each.open = true');
        await page.evaluate(axe.source);
        const found = (await page.evaluate("axe.run()")) as axe.AxeResults;
        assert.ok(found.passes.length > 20);
        assert.deepEqual(
          found.violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`),
          [],
        );
        await page.close();
      });

      it("is not wider than the screen", async () => {
        const { page } = await openPage(browser, file, { width, scheme });
        assert.equal(await page.evaluate("document.documentElement.scrollWidth - innerWidth"), 0);
        await page.close();
      });
    });
  }
}

it("turns dark and light by its own choice, whatever the system says", async () => {
  const { page } = await openPage(browser, file, { scheme: "light" });
  const paper = () => page.evaluate("getComputedStyle(document.documentElement).backgroundColor");
  const light = await paper();
  await page.select("#theme", "dark");
  assert.notEqual(await paper(), light);
  await page.select("#theme", "light");
  assert.equal(await paper(), light);
  await page.close();
});
