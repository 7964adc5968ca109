import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, it } from "node:test";
import { cluster } from "../../src/index.js";
import { writeReport } from "../../src/run/report.js";
import { dedup, silent, testFolder, writeJsonl } from "../run/folders.js";
import { openPage, startBrowser } from "./browser.js";

/** Texts that would run, or end the script or the data, were they markup. */
const HOSTILE = [
  `<script>alert(1)</script>`,
  `</script><script>alert(2)</script>`,
  `<!-- <script> -->`,
  `"><img src=x onerror=alert(3)>`,
  `' onmouseover='alert(4)`,
  `javascript:alert(5)//<svg/onload=alert(6)>`,
  "&lt;b&gt; &amp;quot; `$" + "{alert(7)}`",
  `\u2028\u2029\u0000 ]]> --!>`,
];

it("texts of every field, file names, ids, key terms and options are shown as they are and do nothing", async () => {
  const folder = testFolder();
  const inputs = join(folder, `<script>alert(8)<`);
  mkdirSync(inputs);
  const records = HOSTILE.flatMap((text, i) => [
    { text: `${text} number one of these texts ${i}`, id: `${text}a${i}`, other: text },
    { text: `${text} number one of these texts ${i}!`, id: `${text}b${i}`, other: text },
    { text: `${text} number one of these texts ${i}`, id: `${text}c${i}`, other: text },
  ]);
  const input = writeJsonl(join(inputs, `"'><img src=x onerror=alert(9)>.jsonl`), records);
  const out = join(folder, `<img src=x onerror=alert(10)>`);
  await dedup([input], out, { idField: "id", threshold: 0.8 });
  await cluster({ inputs: out, out, k: 3 });
  // Values that no input can bring in: warnings, the model's name, drift, stages.
  const manifest = JSON.parse(readFileSync(join(out, "manifest.json"), "utf8"));
  const [script] = HOSTILE;
  manifest.warnings = HOSTILE;
  manifest.threshold_source = script;
  manifest.version = script;
  manifest.model.name = script;
  manifest.options[script] = { [script]: HOSTILE };
  manifest.seconds[script] = 1;
  manifest.cluster.drift = { like: script, [script]: script, clusters: [{ cluster: 0, before: 0.5, now: 0.4 }] };
  writeFileSync(join(out, "manifest.json"), JSON.stringify(manifest));
  const { file } = await writeReport({ folder: out, threads: 1, reporter: silent });

  const browser = await startBrowser();
  after(() => browser.close());
  const { page, faults } = await openPage(browser, file);
  const shown = (await page.evaluate("document.body.textContent")) as string;
  for (const text of HOSTILE) assert.ok(shown.includes(text), JSON.stringify(text));
  assert.ok(shown.includes("Compared with <script>"));
  assert.ok(shown.includes(`onerror=alert(9)>.jsonl`));
  assert.equal(
    await page.evaluate("document.querySelectorAll('img, iframe, object, embed, link, [onload], [onerror]').length"),
    0,
  );
  // The page's own: the script; its data and notices are taken out or hold no code.
  assert.equal(await page.evaluate("[...document.scripts].filter((each) => each.type === '').length"), 1);
  const search = async (words: string, status: RegExp) => {
    await page.$eval("#group-words", (input) => Object.assign(input, { value: "" }));
    await page.type("#group-words", words);
    await page.waitForFunction(`${status}.test(document.querySelector("#groups [role=status]").textContent)`);
  };
  for (const text of HOSTILE.slice(0, 6)) {
    await search("no such words", /^0 groups/);
    await search(text, /^[1-9]/);
  }
  assert.deepEqual(await faults(), []);
});
