import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { stringify } from "yaml";
import { promtool, withoutPromtool } from "../metrics/promtool.js";
import { testFolder } from "../run/folders.js";
import { jobFile } from "./job-files.js";
import { unknownMetrics } from "./known-metrics.js";
import { resolve, typeFaults } from "./type-faults.js";

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly refId: string; readonly legendFormat: string }[];
}

const text = jobFile("grafana.json");
const dashboard = JSON.parse(text) as {
  panels: Panel[];
  templating: { list: { name: string }[] };
};
const { panels } = dashboard;
const expressions = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
const folder = testFolder();

/**
 * Faults of dashboards by the types of Grafana's own schema: the compiler checks each document as a literal, the options
 * of each panel by the types of its kind.
 */
function faults(documents: readonly { panels: readonly object[] }[]): string[][] {
  const flags = ["--module", "esnext", "--moduleResolution", "bundler"];
  return typeFaults({ folder, flags, programs: documents.map(programOf) });
}

function programOf(document: { panels: readonly object[] }): string {
  const types = resolve("@grafana/schema/package.json").replace(/package\.json$/, "dist/types");
  const source = (path: string) => JSON.stringify(`${types}/${path}`);
  const kind = (path: string) => source(`raw/composable/${path}/panelcfg/x/types.gen.js`);
  const parts = document.panels.flatMap((panel, i) => {
    const { type, options, fieldConfig } = panel as Record<string, unknown>;
    if (type === "row") return [];
    const { custom = {} } = (fieldConfig as { defaults: { custom?: object } }).defaults;
    assert.ok(type === "stat" || type === "timeseries", `no types for a panel of kind ${type}`);
    return [
      `export const options${i}: Json<${type}.Options> = ${JSON.stringify(options)};`,
      ...(type === "timeseries"
        ? [`export const custom${i}: Json<timeseries.FieldConfig> = ${JSON.stringify(custom)};`]
        : []),
    ];
  });
  return [
    `import type { Dashboard } from ${source("raw/dashboard/x/types.gen.js")};`,
    `import type * as stat from ${kind("stat")};`,
    `import type * as timeseries from ${kind("timeseries")};`,
    "// A document has the value of an enum, which the types want by its name.",
    `type Json<T> = unknown extends T ? T : T extends string ? \`\${T}\` : T extends object ? { [K in keyof T]: Json<T[K]> } : T;`,
    `export const dashboard: Json<Dashboard> = ${JSON.stringify(document)};`,
    ...parts,
  ].join("\n");
}

/** An expression with values in place of Grafana's variables. */
const filledIn = (expression: string) =>
  expression.replaceAll("$dataset", "faq").replaceAll(/\$__(?:rate_interval|interval|range)/g, "1h");

describe("the Grafana dashboard", () => {
  it("is one by Grafana's schema, which finds a misspelt field, a wrong value and a missing field", () => {
    const changes = [
      ['"gridPos"', '"gridPosition"', /gridPosition/],
      ['"mode": "absolute"', '"mode": "relative"', /relative/],
      ['"schemaVersion": ', '"schemaVersion": true, "x": ', /schemaVersion|boolean/],
      ['"graphMode": "area"', '"graphMode": "pie"', /pie/],
      ['"drawStyle": "line"', '"drawStyle": "lines"', /lines/],
      ['"steps": [', '"stops": [', /stops/],
    ] as const;
    const changed = changes.map(([from, to]) => {
      assert.ok(text.includes(from), from);
      return JSON.parse(text.replace(from, to)) as typeof dashboard;
    });
    const [whole, ...found] = faults([dashboard, ...changed]);
    assert.deepEqual(whole, []);
    for (const [i, [, , expected]] of changes.entries()) assert.match(found[i].join("\n"), expected);
  });

  it("has panels with ids of their own, which lie beside each other on 24 columns", () => {
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    const taken = new Map<string, string>();
    for (const { title, type, targets = [], gridPos } of panels) {
      assert.ok(gridPos.x + gridPos.w <= 24, title);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          assert.equal(taken.get(`${x} ${y}`), undefined, title);
          taken.set(`${x} ${y}`, title);
        }
      }
      assert.equal(targets.length > 0, type !== "row", title);
      assert.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length, title);
      for (const { legendFormat } of targets) assert.match(legendFormat, /\{\{dataset\}\}/, title);
    }
  });

  it("asks for metrics that there are, of the chosen data sets", () => {
    assert.ok(expressions.length > 40);
    assert.deepEqual(unknownMetrics(text), []);
    for (const expression of expressions) {
      const selectors = expression.match(/\bbge_\w+(\{[^}]*\})?/g) ?? [];
      assert.ok(selectors.length > 0, expression);
      for (const selector of selectors)
        assert.ok(selector.includes('{dataset=~"$dataset"'), `${selector} in ${expression}`);
    }
    assert.deepEqual(
      dashboard.templating.list.map(({ name }) => name),
      ["datasource", "dataset"],
    );
    // Whatever is written as a variable is one.
    const variables = new Set([...text.matchAll(/\$\{?(\w+)/g)].map(([, name]) => name));
    assert.deepEqual([...variables].sort(), ["dataset", "datasource"]);
  });

  it("asks in words that Prometheus understands", { skip: withoutPromtool }, () => {
    const check = (list: readonly string[]) => {
      const rules = list.map((expr, i) => ({ record: `expression:${i}`, expr: filledIn(expr) }));
      writeFileSync(join(folder, "expressions.yaml"), stringify({ groups: [{ name: "dashboard", rules }] }));
      return promtool(["check", "rules", "expressions.yaml"], { cwd: folder });
    };
    const { status, output } = check(expressions);
    assert.equal(status, 0, output);
    assert.match(output, new RegExp(`${expressions.length} rules found`));
    assert.notEqual(check(["sum wihtout(a) (b)"]).status, 0, "a wrong one is found");
  });
});
