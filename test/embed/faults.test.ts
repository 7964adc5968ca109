import assert from "node:assert/strict";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { UnavailableError, UsageError } from "../../src/errors.js";
import { readModelFolder } from "../../src/models/folder.js";
import type { ModelSpec } from "../../src/models/spec.js";
import { modelProto, type Node } from "../../src/onnx/builder.js";
import { startEmbedder } from "../../src/workers/embedders.js";
import { tinyModel } from "../models/golden.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "bge-dedup-test-"));
  cpSync(tinyModel("tiny-bert"), folder, { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

const onnx = () => join(folder, "onnx/model.onnx");
const read = () => readModelFolder({ name: "tiny", folder, dtype: "fp32" });

/** Starts an embedder on the folder as it is now; a working one is closed again. */
async function start(change: Partial<ModelSpec> = {}): Promise<void> {
  const model = { ...(await read()), ...change };
  const embedder = await startEmbedder({ model, provider: "cpu", threads: 1, tokenizers: 1 });
  await embedder.close();
}

/** Asserts that it cannot be started, for a reason that is said, before any text is embedded. */
async function assertUnavailable(message: RegExp, change?: Partial<ModelSpec>): Promise<void> {
  await assert.rejects(start(change), (error: Error) => {
    assert.ok(error instanceof UnavailableError, error.stack);
    assert.match(error.message, message);
    return true;
  });
}

/** Replaces a JSON file of the folder by a changed one. */
function edit(file: string, change: (json: Record<string, unknown>) => void): void {
  const path = join(folder, file);
  const json = JSON.parse(readFileSync(path, "utf8"));
  change(json);
  writeFileSync(path, JSON.stringify(json));
}

/** A model of one operator that makes [batch, tokens] of ids into [batch, tokens]: enough to go wrong in a chosen way. */
function writeModel(nodes: readonly Node[], inputs = ["input_ids", "attention_mask"]): void {
  const model = modelProto({
    nodes,
    inputs: inputs.map((name) => ({ name, dtype: "int64" as const, shape: ["batch", "tokens"] })),
    outputs: [{ name: "sentence_embedding", dtype: "float32", shape: ["batch", "tokens"] }],
  });
  writeFileSync(onnx(), model);
}

const toFloat: Node = { op: "Cast", inputs: ["attention_mask"], outputs: ["mask"], attributes: { to: { int: 1 } } };

describe("a model folder that is not in order", () => {
  it("works while it is in order", () => start());

  it("lacks its ONNX file", async () => {
    rmSync(onnx());
    rmSync(join(folder, "onnx"), { recursive: true });
    await assertUnavailable(/has no ONNX file for dtype fp32; looked for onnx\/model\.onnx/);
  });

  it("lacks its tokenizer", async () => {
    rmSync(join(folder, "tokenizer.json"));
    await assertUnavailable(/has no tokenizer\.json/);
  });

  it("has an ONNX file that is cut off", async () => {
    truncateSync(onnx(), 100_000);
    await assertUnavailable(/cannot be used \(.*model\.onnx\): the file is not an ONNX model or is cut off/);
  });

  it("has something else as its ONNX file, or nothing in it", async () => {
    writeFileSync(onnx(), "<!DOCTYPE html><title>404</title>");
    await assertUnavailable(/is not an ONNX model/);
    writeFileSync(onnx(), "");
    await assertUnavailable(/is not an ONNX model/);
  });

  it("has a Git LFS pointer as its ONNX file", async () => {
    writeFileSync(onnx(), "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n");
    await assertUnavailable(/is not an ONNX model/);
  });

  it("lacks the file of its weights", async () => {
    cpSync(`${tinyModel("tiny-external")}/onnx/model.onnx`, onnx());
    await assertUnavailable(/its weights lie in model\.onnx_data, which is not beside it/);
  });

  it("has damaged JSON in it", async () => {
    writeFileSync(join(folder, "config.json"), "{");
    await assertUnavailable(/config\.json is damaged/);
    writeFileSync(join(folder, "config.json"), "{}");
    writeFileSync(join(folder, "tokenizer_config.json"), "<html>");
    await assertUnavailable(/tokenizer_config\.json is damaged/);
    writeFileSync(join(folder, "tokenizer_config.json"), "{}");
    writeFileSync(join(folder, "tokenizer.json"), '{"model":');
    await assertUnavailable(/tokenizer\.json cannot be used/);
  });

  it("has JSON of another kind in it", async () => {
    for (const file of ["config.json", "sentence_bert_config.json", "tokenizer_config.json", "1_Pooling/config.json"]) {
      const before = existsSync(join(folder, file)) ? readFileSync(join(folder, file)) : "{}";
      for (const [text, held] of Object.entries({ null: "null", '"x"': "x", "7": "7" })) {
        writeFileSync(join(folder, file), text);
        await assertUnavailable(new RegExp(`${file} is damaged: it holds ${held}, expected an object; fetch it again`));
      }
      writeFileSync(join(folder, file), before);
    }
    // Lengths that are none are passed over.
    edit("config.json", (json) => {
      json.max_position_embeddings = "many";
      json.vocab_size = -1;
    });
    assert.equal((await read()).maxTokens, 512);
    await start();
  });

  it("pools in an unknown way", async () => {
    edit("1_Pooling/config.json", (json) => {
      json.pooling_mode_cls_token = false;
      json.pooling_mode_max_tokens = true;
    });
    await assertUnavailable(/pools by max_tokens \(1_Pooling\/config\.json\); expected cls or mean/);
  });

  it("has a layer after pooling that its ONNX file lacks", async () => {
    const layer = (idx: number, path: string, type: string) => ({ idx, name: `${idx}`, path, type });
    const modules = [
      layer(0, "", "sentence_transformers.models.Transformer"),
      layer(1, "1_Pooling", "sentence_transformers.models.Pooling"),
      layer(2, "2_Dense", "sentence_transformers.models.Dense"),
    ];
    writeFileSync(join(folder, "modules.json"), JSON.stringify(modules));
    await assertUnavailable(
      /has no sentence vector \(rank 2\), which it should have; its outputs are last_hidden_state/,
    );
    modules[2] = layer(2, "2_Normalize", "sentence_transformers.models.Normalize");
    writeFileSync(join(folder, "modules.json"), JSON.stringify(modules));
    await start();
  });

  it("has a tokenizer with more tokens than config.json says", async () => {
    edit("config.json", (json) => {
      json.vocab_size = 100;
    });
    await assertUnavailable(/has token id \d+, but the model's vocabulary has 100 entries/);
  });

  it("has a tokenizer with more tokens than the model's table, whatever config.json says", async () => {
    edit("config.json", (json) => {
      delete json.vocab_size;
    });
    edit("tokenizer.json", (json) => {
      (json.model as { vocab: Record<string, number> }).vocab.zzz = 5000;
    });
    await assertUnavailable(/tokenizer has token id 5000, but its table has \d+ entries/);
  });

  it("is asked for so few tokens that no text has room", async () => {
    await assert.rejects(start({ maxTokens: 2 }), (error: Error) => {
      assert.ok(error instanceof UsageError, error.stack);
      assert.match(error.message, /--max-length 2 leaves no room beside 2 special tokens; expected at least 3$/);
      return true;
    });
  });

  it("is asked for more tokens than it takes", async () => {
    await assert.rejects(
      readModelFolder({ name: "tiny", folder, dtype: "fp32", maxLength: 513 }),
      (error) =>
        error instanceof UsageError && /--max-length 513 is more than model tiny takes: 512 tokens/.test(error.message),
    );
  });

  it("claims to take longer texts than it does", async () => {
    for (const claimed of [513, 1024, 8192]) {
      edit("config.json", (json) => {
        json.max_position_embeddings = claimed;
      });
      await assertUnavailable(new RegExp(`does not take ${claimed} tokens: its table has 512 positions`));
    }
  });
});

describe("a model that is not in order", () => {
  it("wants inputs that there are none for", async () => {
    writeModel(
      [toFloat, { op: "Identity", inputs: ["mask"], outputs: ["sentence_embedding"] }],
      ["input_ids", "attention_mask", "pixel_values"],
    );
    await assertUnavailable(/wants the inputs pixel_values; expected only input_ids, attention_mask, token_type_ids/);
  });

  it("returns NaN", async () => {
    // 1 - 1 = 0, and 0 / 0.
    writeModel([
      toFloat,
      { op: "Sub", inputs: ["mask", "mask"], outputs: ["zero"] },
      { op: "Div", inputs: ["zero", "zero"], outputs: ["sentence_embedding"] },
    ]);
    await assertUnavailable(/returned a vector with NaN or infinity/, { pooling: "none" });
  });

  it("does not take texts as long as its folder says, which only such a text shows", async () => {
    // Rotary positions: a table that no name tells from others, here of 1,500 rows, is looked up by a running number.
    const table = {
      name: "cosines",
      dtype: "float32",
      shape: [1500, 4],
      data: new Float32Array(6000).fill(1),
    } as const;
    const second = { name: "second", dtype: "int64", shape: [], data: BigInt64Array.of(1n) } as const;
    const axes = { name: "axes", dtype: "int64", shape: [1], data: BigInt64Array.of(1n) } as const;
    const nodes: Node[] = [
      {
        op: "CumSum",
        inputs: ["attention_mask", "second"],
        outputs: ["positions"],
        attributes: { exclusive: { int: 1 } },
      },
      { op: "Gather", inputs: ["cosines", "positions"], outputs: ["turned"] },
      {
        op: "ReduceMean",
        inputs: ["turned", "axes"],
        outputs: ["sentence_embedding"],
        attributes: { keepdims: { int: 0 } },
      },
    ];
    const inputs = ["input_ids", "attention_mask"].map(
      (name) => ({ name, dtype: "int64", shape: ["batch", "tokens"] }) as const,
    );
    const outputs = [{ name: "sentence_embedding", dtype: "float32", shape: ["batch", 4] }] as const;
    writeFileSync(onnx(), modelProto({ nodes, inputs, outputs, initializers: [table, second, axes] }));
    const model = { ...(await read()), maxTokens: 4096, pooling: "none" } as const;
    const embedder = await startEmbedder({ model, provider: "cpu", threads: 1, tokenizers: 1 });
    assert.deepEqual([...(await embedder.embed(["a ".repeat(1400)])).directed], [1]);
    await assert.rejects(embedder.embed(["a ".repeat(3000)]), {
      exitCode: 5,
      message:
        /does not take \d{4} tokens, though its files say up to 4096: .*; lower --max-length to what it takes, at/s,
    });
    await embedder.close();
  });

  it("has an operator that does not exist", async () => {
    writeModel([{ op: "NoSuchOperator", inputs: ["attention_mask"], outputs: ["sentence_embedding"] }]);
    await assertUnavailable(/does not load on cpu: .*NoSuchOperator/s, { pooling: "none" });
  });
});
