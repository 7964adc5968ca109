import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { machineSlug } from "./table/machine.js";
import { fillTemplate, readResults, wrongFigures } from "./table/readme.js";
import { ROOT } from "./table/root.js";

const folder = join(ROOT, "test/bench");

describe("the README of the benchmarks", () => {
  const results = readResults(join(folder, "results"));

  it("is what its template and the results give (npm run bench:readme writes it)", () => {
    const template = readFileSync(join(folder, "README.template.md"), "utf8");
    assert.equal(readFileSync(join(folder, "README.md"), "utf8"), fillTemplate(template, results));
  });

  it("quotes results that name no machine's paths and no host", () => {
    assert.ok(results.size > 0);
    for (const [name, table] of results) {
      const text = JSON.stringify(table);
      assert.doesNotMatch(text, /\/(?:tmp|home|root|Users|work|var|opt)\//, name);
      if (hostname().length > 3) assert.ok(!text.includes(hostname()), `${name} names the host`);
      assert.equal(table.id, name.split("/")[1]);
      assert.equal(machineSlug(table.machine), name.split("/")[0]);
    }
  });

  it("has the figures that README.md quotes and marks", () => {
    assert.deepEqual(wrongFigures(readFileSync(join(ROOT, "README.md"), "utf8"), results), []);
  });
});
