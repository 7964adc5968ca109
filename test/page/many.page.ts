import assert from "node:assert/strict";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import type { Browser } from "puppeteer-core";
import type { PageData } from "../../src/report/page/data.js";
import { pageHtml } from "../../src/run/page/html.js";
import { writeReport } from "../../src/run/report.js";
import { dedup, silent, testFolder, writeJsonl } from "../run/folders.js";
import { openPage, startBrowser } from "./browser.js";

const GROUPS = 100_000;
const folder = testFolder();
let browser: Browser;

before(async () => {
  browser = await startBrowser();
});

after(() => browser?.close());

/** A page of many groups of two rows and as many points. */
function manyGroups(): PageData {
  const numbers = Uint32Array.from({ length: GROUPS }, (_, i) => i);
  const none = new Uint32Array();
  const texts = Array.from({ length: 2 * GROUPS }, (_, i) => `text ${i >> 1} in ${i % 2 === 0 ? "two" : "2"} words`);
  return {
    facts: {
      layout: 1,
      version: "0",
      madeBy: "0",
      folder: "many",
      counts: {
        read: 2 * GROUPS,
        rejected: 0,
        kept: GROUPS,
        removed: GROUPS,
        exact: 0,
        normalized: 0,
        semantic: GROUPS,
      },
      threshold: 0.9,
      thresholdSource: "",
      guards: [],
      stricter: [],
      model: "none",
      options: [],
      warnings: [],
      seconds: [],
      sources: [],
      lengths: [],
      similarities: { from: 0.9, width: 0.01, counts: new Array(10).fill(GROUPS / 10) },
      curve: [{ threshold: 0.9, kept: GROUPS }],
      groups: { total: GROUPS, shown: GROUPS, withTexts: GROUPS },
      map: { method: "umap", points: 2 * GROUPS, of: 2 * GROUPS, fitted: 10_000 },
      clusters: [],
      cutAt: 600,
    },
    columns: {
      groupRow: numbers.map((i) => 2 * i),
      groupSize: numbers.map(() => 2),
      groupText: numbers.map((i) => 2 * i + 1),
      groupId: numbers.map(() => 0),
      groupFolder: numbers.map(() => 0),
      groupMembers: numbers.map(() => 1),
      memberRow: numbers.map((i) => 2 * i + 1),
      memberSimilarity: Float32Array.from(numbers, (i) => 0.9 + (i % 1000) / 10_000),
      memberReason: new Uint8Array(GROUPS).fill(2),
      memberText: numbers.map((i) => 2 * i + 2),
      memberId: numbers.map(() => 0),
      nearMember: none,
      nearGroup: none,
      apartRowA: none,
      apartRowB: none,
      apartTextA: none,
      apartTextB: none,
      apartSimilarity: new Float32Array(),
      mapX: Uint16Array.from({ length: 2 * GROUPS }, (_, i) => (i * 7919) % 65_536),
      mapY: Uint16Array.from({ length: 2 * GROUPS }, (_, i) => (i * 104_729) % 65_536),
      mapCluster: new Uint32Array(2 * GROUPS),
      mapRow: Uint32Array.from({ length: 2 * GROUPS }, (_, i) => i),
      mapText: Uint32Array.from({ length: 2 * GROUPS }, (_, i) => i + 1),
      textLength: Uint32Array.from(texts, (text) => text.length),
    },
    texts,
  };
}

describe("a page of 100,000 groups and 200,000 points", () => {
  it("pages, sorts and finds what a plain scan finds", async (test: TestContext) => {
    const data = manyGroups();
    const file = join(folder, "many.html");
    writeFileSync(file, await pageHtml(data));
    const { page, faults } = await openPage(browser, file);
    const place = () => page.$eval("#groups .place", (each) => each.textContent);
    const status = () => page.$eval("#groups [role=status]", (each) => each.textContent);
    assert.equal(await place(), "1–20 of 100,000");
    await page.evaluate("longTasks.length = 0");
    await page.click("#groups .pager button:nth-of-type(4)");
    assert.equal(await place(), "99,981–100,000 of 100,000");
    for (const words of ["77", "text 4321 IN", "no such words"]) {
      const expected = Array.from({ length: GROUPS }, (_, g) => g).filter(
        (g) =>
          [data.texts[2 * g], data.texts[2 * g + 1]].some((each) => each.toLowerCase().includes(words.toLowerCase())) ||
          [String(2 * g), String(2 * g + 1)].includes(words),
      ).length;
      const before = await status();
      await page.$eval("#group-words", (input) => Object.assign(input, { value: "" }));
      await page.type("#group-words", words);
      await page.waitForFunction(
        `document.querySelector("#groups [role=status]").textContent !== ${JSON.stringify(before)}`,
      );
      assert.equal(await status(), `${expected.toLocaleString("en-US")} group${expected === 1 ? "" : "s"} of 100,000`);
    }
    await page.$eval("#group-words", (input) => Object.assign(input, { value: "" }));
    await page.type("#group-words", "text");
    await page.waitForFunction(`document.querySelector("#groups [role=status]").textContent === "100,000 groups"`);
    await page.select("#group-order", "similarity");
    await page.waitForFunction(`document.querySelector("#groups .why")?.textContent === "0.9000"`);
    const longest = (await page.evaluate("Math.max(0, ...longTasks)")) as number;
    test.diagnostic(`longest task while paging and searching: ${Math.round(longest)} ms`);
    assert.deepEqual(await faults(), []);
    await page.close();
  });
});

describe("a page of 50,000 rows", () => {
  it("takes less than 3 MB", async (test: TestContext) => {
    // Titles of 16 to 32 characters of 2,000, as news have, every tenth with a near copy.
    let state = 1;
    const random = (below: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state % below;
    };
    const title = () =>
      String.fromCodePoint(
        ...Array.from({ length: 16 + random(17) }, () => 0x4e00 + Math.floor((random(2000) * random(2000)) / 2000)),
      );
    const records = Array.from({ length: 50_000 }, () => ({ text: title() }));
    for (let i = 0; i < 50_000; i += 10) records[i + 1] = { text: `${records[i].text}！` };
    const out = join(folder, "titles");
    await dedup([writeJsonl(join(folder, "titles.jsonl"), records)], out, { threads: 2 });
    const { file } = await writeReport({ folder: out, threads: 2, reporter: silent });
    const { page, faults } = await openPage(browser, file);
    const [paint] = (await page.evaluate(
      "performance.getEntriesByName('first-contentful-paint').map(({ startTime }) => startTime)",
    )) as number[];
    test.diagnostic(`${(statSync(file).size / 1e6).toFixed(2)} MB, first contentful paint ${Math.round(paint)} ms`);
    assert.ok(statSync(file).size < 3e6, `${statSync(file).size} bytes`);
    assert.deepEqual(await faults(), []);
    await page.close();
  });
});
