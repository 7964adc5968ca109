import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { expositionText, type Gauge, parseExposition, render } from "../../src/metrics/exposition.js";
import { lint, withoutPromtool } from "./promtool.js";

const gauge = (name: string, ...samples: Gauge["samples"]): Gauge => ({ name, help: `What ${name} tells.`, samples });
const all = () => true;

describe("the text format", () => {
  it("gives HELP, TYPE and a line for each sample, with the common labels first", () => {
    const text = expositionText(
      render(
        [gauge("bge_a_rows", { labels: { fate: "kept" }, value: 3 }, { labels: { fate: "removed" }, value: 1.5 })],
        {
          dataset: "faq",
        },
      ),
    );
    assert.equal(
      text,
      "# HELP bge_a_rows What bge_a_rows tells.\n# TYPE bge_a_rows gauge\n" +
        'bge_a_rows{dataset="faq",fate="kept"} 3\nbge_a_rows{dataset="faq",fate="removed"} 1.5\n',
    );
    assert.equal(expositionText(render([gauge("bge_a", { value: 1 })], {})).split("\n")[2], "bge_a 1");
  });

  it("escapes quotes, backslashes and line ends, and replaces what is not Unicode", () => {
    const value = 'a "b" \\ c\nd \ud800 中文';
    const text = expositionText(render([gauge("bge_a", { labels: { name: value }, value: 1 })], {}));
    assert.ok(text.includes('bge_a{name="a \\"b\\" \\\\ c\\nd � 中文"} 1\n'), text);
    const help = expositionText(render([{ name: "bge_a", help: "one\\\ntwo", samples: [{ value: 1 }] }], {}));
    assert.ok(help.startsWith("# HELP bge_a one\\\\\\ntwo\n"), help);
  });

  it("leaves out samples without a finite value, and metrics without samples", () => {
    const metrics = render(
      [gauge("bge_a", { value: Number.NaN }, { value: 2 }), gauge("bge_b", { value: Infinity }), gauge("bge_c")],
      {},
    );
    assert.deepEqual([...metrics.keys()], ["bge_a"]);
    assert.equal(metrics.get("bge_a")?.split("\n")[2], "bge_a 2");
  });

  it("is read back as it was, metric by metric", () => {
    const metrics = render(
      [
        gauge("bge_a", { labels: { name: 'x} y 1 # HELP "\n\\' }, value: 1e21 }, { labels: { name: "" }, value: -0.5 }),
        gauge("bge_b", { value: 0 }),
      ],
      { dataset: "{a b}" },
    );
    assert.deepEqual(parseExposition(expositionText(metrics), all), metrics);
    assert.deepEqual(parseExposition("", all), new Map());
  });

  it("of another program, or no such text at all, is not read", () => {
    const own = (name: string) => name.startsWith("bge_");
    for (const text of [
      "node_load1 0.5\n",
      "# HELP node_load1 Load.\nbge_a 1\n",
      '{"text":"a record"}\n',
      "bge_a\n",
      "# a comment\nbge_a 1\n",
      "bge_a 1 2 3\n",
    ]) {
      assert.equal(parseExposition(text, own), undefined, text);
    }
    assert.ok(parseExposition("bge_a 1\n", own) instanceof Map);
  });

  it("is accepted by Prometheus, with all that is escaped", { skip: withoutPromtool }, () => {
    const metrics = render([gauge("bge_a", { labels: { name: 'a "b" \\ c\nd \ud800 中文 {}' }, value: 1e-7 })], {
      dataset: "",
    });
    assert.equal(lint(expositionText(metrics)), "");
    assert.notEqual(lint("bge_a_total 1\n"), "", "promtool finds faults");
  });
});
