import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { readModelFolder } from "../../src/models/folder.js";
import { readPooling } from "../../src/models/pooling-config.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "bge-dedup-test-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(file: string, content: unknown): void {
  mkdirSync(join(folder, file, ".."), { recursive: true });
  writeFileSync(join(folder, file), typeof content === "string" ? content : JSON.stringify(content));
}

const pooling = async (name = "x") => (await readPooling(folder, name)).pooling;

test("the mode is read as old and new sentence-transformers write it", async () => {
  const cases: [object, "cls" | "mean"][] = [
    [{ word_embedding_dimension: 8, pooling_mode_cls_token: true, pooling_mode_mean_tokens: false }, "cls"],
    [{ word_embedding_dimension: 8, pooling_mode_cls_token: false, pooling_mode_mean_tokens: true }, "mean"],
    [{ word_embedding_dimension: 8, pooling_mode_mean_sqrt_len_tokens: true }, "mean"],
    [{ embedding_dimension: 8, pooling_mode: "cls", include_prompt: true }, "cls"],
    [{ embedding_dimension: 8, pooling_mode: "mean", include_prompt: true }, "mean"],
    [{ embedding_dimension: 8, pooling_mode: ["cls"] }, "cls"],
  ];
  for (const [config, expected] of cases) {
    write("1_Pooling/config.json", config);
    assert.equal(await pooling(), expected, JSON.stringify(config));
  }
});

test("several modes, whose vectors would be joined end to end, and unknown ones are refused by name", async () => {
  const cases: [object, RegExp][] = [
    [{ pooling_mode_cls_token: true, pooling_mode_mean_tokens: true }, /pools by cls_token and mean_tokens/],
    [{ pooling_mode: ["cls", "mean"] }, /pools by cls and mean/],
    [{ pooling_mode: "lasttoken" }, /pools by lasttoken/],
    [{ pooling_mode: "constructor" }, /pools by constructor/],
    [{ pooling_mode_weightedmean_tokens: true }, /pools by weightedmean_tokens/],
    [{ embedding_dimension: 8 }, /pools by no known mode/],
  ];
  for (const [config, message] of cases) {
    write("1_Pooling/config.json", config);
    await assert.rejects(pooling(), { exitCode: 5, message }, JSON.stringify(config));
  }
});

test("without a file a BGE folder is cls and another mean", async () => {
  assert.equal(await pooling("BAAI/bge-m3"), "cls");
  assert.equal(await pooling("intfloat/e5"), "mean");
});

test("layers after pooling are left to the ONNX file, wherever their class lies; scaling is none", async () => {
  const transformer = { path: "", type: "sentence_transformers.models.Transformer" };
  write("1_Pooling/config.json", { pooling_mode: "cls" });
  for (const type of ["sentence_transformers.models.Dense", "sentence_transformers.base.modules.dense.Dense"]) {
    write("modules.json", [transformer, { path: "2_Dense", type }]);
    const read = await readPooling(folder, "x");
    assert.deepEqual(read, { pooling: "none", source: "modules.json: layer 2_Dense is left to the ONNX file" });
  }
  write("modules.json", [transformer, null]);
  assert.equal(await pooling(), "none");
  write("modules.json", [transformer, { path: "2_Normalize", type: "sentence_transformers.models.Normalize" }]);
  assert.equal(await pooling(), "cls");
});

test("the longest text is that of sentence_bert_config.json, else of the tokenizer, and never more than the positions", async () => {
  write("tokenizer.json", "{}");
  write("onnx/model.onnx", "onnx");
  write("config.json", { max_position_embeddings: 512 });
  const longest = async () => (await readModelFolder({ name: "x", folder, dtype: "auto" })).maxTokens;
  assert.equal(await longest(), 512);
  write("tokenizer_config.json", { model_max_length: 1e30 });
  assert.equal(await longest(), 512);
  write("tokenizer_config.json", { model_max_length: 128 });
  assert.equal(await longest(), 128);
  write("sentence_bert_config.json", { max_seq_length: 256 });
  assert.equal(await longest(), 256);
  write("sentence_bert_config.json", { max_seq_length: null });
  assert.equal(await longest(), 128);
});

test("the fingerprint changes with whatever the vectors depend on", async () => {
  const changes: [string, unknown][] = [
    ["tokenizer.json", '{"a":1}'],
    ["tokenizer_config.json", { do_lowercase_and_remove_accent: true }],
    ["onnx/model.onnx", "another"],
    ["onnx/model.onnx_data", "weights"],
    ["1_Pooling/config.json", { pooling_mode: "mean" }],
  ];
  write("tokenizer.json", "{}");
  write("onnx/model.onnx", "onnx");
  write("1_Pooling/config.json", { pooling_mode: "cls" });
  const seen = new Set([(await readModelFolder({ name: "x", folder, dtype: "auto" })).fingerprint]);
  for (const [file, content] of changes) {
    write(file, content);
    const { fingerprint } = await readModelFolder({ name: "x", folder, dtype: "auto" });
    assert.ok(!seen.has(fingerprint), file);
    seen.add(fingerprint);
  }
});
