import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parse, stringify } from "yaml";
import { promtool, withoutPromtool } from "../metrics/promtool.js";
import { testFolder } from "../run/folders.js";
import { jobFile } from "./job-files.js";
import { unknownMetrics } from "./known-metrics.js";

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

const text = jobFile("alerts.yaml");
const rules = (parse(text, { strict: true }) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules);
const folder = testFolder();

/** One alert under some series, with a value at each `step` from the beginning of 1970. */
interface Case {
  readonly alert: string;
  /** Value of the label `program`; absent for an alert that has none. */
  readonly program?: string;
  readonly what?: string;
  /** Values of the series of the data set faq, in promtool's notation. */
  readonly series: Readonly<Record<string, string>>;
  readonly at: string;
  /** One hour if absent. Prometheus evaluates all rules at each step, which takes its time over two weeks. */
  readonly step?: "6h";
  /** The alert's value as its annotations write it; absent where the alert must not fire. */
  readonly fires?: string;
}

/** Programs and the prefixes of their metrics. */
const PROGRAMS = Object.entries({
  "bge-dedup": "bge_dedup",
  "bge-cluster": "bge_cluster",
  "bge-dedup verify": "bge_dedup_verify",
  "bge-dedup export": "bge_dedup_export",
  "nightly.sh": "bge_nightly",
});

const removed = 'bge_dedup_rows{fate="removed"}';
const rejected = 'bge_dedup_rows{fate="rejected"}';

/** A share of removed rows for fourteen days, and what came then. */
const share = (before: number, now: number) =>
  ({
    alert: "BgeRemovedShare",
    program: "bge-dedup",
    series: { bge_dedup_read_rows: "100x60", [removed]: `${before}x55 ${now}x4` },
    step: "6h",
    at: "336h",
  }) as const;

const CASES: readonly Case[] = [
  ...PROGRAMS.flatMap(([program, prefix]): Case[] => {
    const noSuccess = { alert: "BgeNoSuccess", program };
    const success = { [`${prefix}_last_success_timestamp_seconds`]: "0x40" };
    const failed = { alert: "BgeFailed", program, series: { [`${prefix}_exit_code`]: "0x2 4x2 0x2" } };
    const hangs = { alert: "BgeHangs", program };
    const started = { [`${prefix}_last_start_timestamp_seconds`]: "100x40" };
    const ended = (at: number) => ({ [`${prefix}_last_run_timestamp_seconds`]: `${at}x40` });
    return [
      { ...noSuccess, series: success, at: "26h" },
      { ...noSuccess, series: success, at: "27h", fires: "" },
      // The run of today has failed; the one of yesterday had succeeded.
      { ...noSuccess, series: { ...success, ...ended(90_000) }, at: "27h", fires: "" },
      // No run has ever succeeded.
      { ...noSuccess, series: ended(90_000), at: "27h", fires: "" },
      { ...noSuccess, series: {}, at: "30h" },
      { ...failed, at: "3h" },
      { ...failed, at: "4h", fires: "4" },
      { ...failed, at: "6h" },
      ...(program === "nightly.sh"
        ? []
        : ([
            { ...hangs, series: { ...started, ...ended(50) }, at: "11h" },
            { ...hangs, series: { ...started, ...ended(50) }, at: "12h", fires: "" },
            { ...hangs, series: started, at: "12h", fires: "" },
            { ...hangs, series: { ...started, ...ended(200) }, at: "20h" },
          ] as const)),
    ];
  }),
  { alert: "BgeNoMetrics", series: { bge_dedup_last_run_timestamp_seconds: "5x3 _x20" }, at: "4h" },
  { alert: "BgeNoMetrics", series: { bge_dedup_last_run_timestamp_seconds: "5x3 _x20" }, at: "6h", fires: "" },
  { alert: "BgeNightsWait", program: "nightly.sh", series: { bge_nightly_waiting_nights: "2x40" }, at: "25h" },
  {
    alert: "BgeNightsWait",
    program: "nightly.sh",
    series: { bge_nightly_waiting_nights: "2x40" },
    at: "27h",
    fires: "2",
  },
  { alert: "BgeNightsWait", program: "nightly.sh", series: { bge_nightly_waiting_nights: "2x12 0 2x20" }, at: "26h" },
  share(10, 10),
  share(10, 19),
  { ...share(10, 30), at: "330h" },
  { ...share(10, 30), fires: "30%" },
  { ...share(10, 4), fires: "4%" },
  { ...share(10, 0), fires: "0%" },
  // Three times as much, and still next to nothing.
  share(0.5, 1.5),
  // No row was read, so no share can be told.
  { ...share(10, 0), series: { bge_dedup_read_rows: "100x55 0x4", [removed]: "10x55 0x4" } },
  {
    alert: "BgeRejects",
    program: "bge-dedup",
    series: { bge_dedup_read_rows: "1000x9", [rejected]: "10x9" },
    at: "1h",
  },
  {
    alert: "BgeRejects",
    program: "bge-dedup",
    series: { bge_dedup_read_rows: "1000x9", [rejected]: "11x9" },
    at: "1h",
    fires: "1.1%",
  },
  ...(
    [
      ["new topic", "bge_cluster_drift_far_rows_ratio", 100, "0.05", "0.06", "6%"],
      ["sizes", "bge_cluster_drift_jensen_shannon", 1000, "0.1", "0.125", "125m"],
    ] as const
  ).flatMap(([what, metric, rows, quiet, loud, fires]): Case[] => {
    const drift = (value: string, clustered: number) => ({
      alert: "BgeDrift",
      program: "bge-cluster",
      what,
      series: { [metric]: `${value}x9`, 'bge_cluster_rows{fate="clustered"}': `${clustered}x9` },
      at: "1h",
    });
    return [drift(quiet, rows), drift(loud, rows - 1), { ...drift(loud, rows), fires }];
  }),
];

/** The rule of a case. */
function ruleOf({ alert, program, what }: Case): Rule {
  const found = rules.filter(
    (rule) => rule.alert === alert && rule.labels?.program === program && rule.labels?.what === what,
  );
  assert.equal(found.length, 1, `${alert} ${program}`);
  return found[0];
}

/** A case as promtool's unit tests have it. */
function unitTest(each: Case) {
  const { labels, annotations = {} } = ruleOf(each);
  const series = Object.entries(each.series).map(([name, values]) => ({
    series: name.includes("{") ? name.replace("{", '{dataset="faq",') : `${name}{dataset="faq"}`,
    values,
  }));
  const own = each.alert === "BgeNoMetrics" ? {} : { dataset: "faq" };
  const written = (template: string) =>
    template.replaceAll("{{ $labels.dataset }}", "faq").replaceAll(/\{\{ \$value.*?\}\}/g, each.fires ?? "");
  const alert = {
    exp_labels: { ...own, ...labels },
    exp_annotations: Object.fromEntries(Object.entries(annotations).map(([name, words]) => [name, written(words)])),
  };
  return {
    interval: each.step ?? "1h",
    input_series: series,
    alert_rule_test: [
      {
        eval_time: each.at,
        alertname: each.alert,
        exp_alerts: each.fires === undefined ? [] : [alert],
      },
    ],
  };
}

/** Runs cases against a rules file; what promtool has to say, empty where all is as expected. */
function failures(rulesText: string, cases: readonly Case[]): string {
  writeFileSync(join(folder, "alerts.yaml"), rulesText);
  const files = (["1h", "6h"] as const).map((step) => {
    const tests = cases.filter((each) => (each.step ?? "1h") === step).map(unitTest);
    writeFileSync(
      join(folder, `${step}.yaml`),
      stringify({ rule_files: ["alerts.yaml"], evaluation_interval: step, tests }),
    );
    return `${step}.yaml`;
  });
  const { status, output } = promtool(["test", "rules", ...files], { cwd: folder });
  return status === 0 ? "" : output;
}

describe("the alert rules", () => {
  it("know only metrics that there are, and each alert says what it is about", () => {
    assert.deepEqual(unknownMetrics(text), []);
    assert.deepEqual(unknownMetrics("bge_dedup_rows / bge_dedup_row > bge_nightly_nights"), [
      "bge_dedup_row",
      "bge_nightly_nights",
    ]);
    for (const { alert, labels, annotations } of rules) {
      if (alert === undefined) continue;
      assert.match(labels?.severity ?? "", /^(warning|critical)$/);
      assert.ok((annotations?.summary ?? "").length > 20, alert);
    }
  });

  it("are each tried, firing and quiet", () => {
    for (const rule of rules.filter(({ alert }) => alert !== undefined)) {
      const tried = CASES.filter((each) => ruleOf(each) === rule);
      assert.ok(
        tried.some(({ fires }) => fires !== undefined) && tried.some(({ fires }) => fires === undefined),
        rule.alert,
      );
    }
  });

  it("are accepted by Prometheus", { skip: withoutPromtool }, () => {
    writeFileSync(join(folder, "checked.yaml"), text);
    const { status, output } = promtool(["check", "rules", "checked.yaml"], { cwd: folder });
    assert.equal(status, 0, output);
    assert.match(output, new RegExp(`SUCCESS: ${rules.length} rules found`));
  });

  it("fire when they should, and not otherwise", { skip: withoutPromtool }, () => {
    assert.equal(failures(text, CASES), "");
  });

  it("with another limit would be found out", { skip: withoutPromtool }, () => {
    const changes = [
      ["BgeNoSuccess", "> 26 * 3600", "> 25 * 3600"],
      ["BgeFailed", "exit_code != 0", "exit_code > 4"],
      ["BgeHangs", "for: 12h", "for: 11h"],
      ["BgeRejects", "ratio > 0.01", "ratio > 0.02"],
      ["BgeRemovedShare", "> 2 * quantile", "> 1.8 * quantile"],
    ] as const;
    const triedOf = (alert: string) =>
      CASES.filter((each) => each.alert === alert && (each.program ?? "bge-dedup") === "bge-dedup");
    const all = changes.flatMap(([alert]) => triedOf(alert));
    assert.equal(failures(text, all), "");
    for (const [alert, from, to] of changes) {
      const changed = text.replaceAll(from, to);
      assert.notEqual(changed, text, from);
      assert.match(failures(changed, triedOf(alert)), /FAILED/, from);
    }
  });
});
