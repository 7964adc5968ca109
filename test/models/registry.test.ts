import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { readModelFolder } from "../../src/models/folder.js";
import { isRepository } from "../../src/models/hub/cache.js";
import { hubSettings } from "../../src/models/hub/settings.js";
import { onnxCandidates } from "../../src/models/onnx-files.js";
import { findKnownModel, KNOWN_MODELS } from "../../src/models/registry.js";
import { repositoryOf, resolveModel } from "../../src/models/resolve.js";

const root = mkdtempSync(join(tmpdir(), "registry-"));
after(() => rmSync(root, { recursive: true }));

function write(folder: string, files: Record<string, string>): string {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  }
  return folder;
}

test("the six v1.5 models and bge-m3 are known, each with a repository, sizes and a sourced threshold", () => {
  const sizes = { small: { zh: 512, en: 384 }, base: { zh: 768, en: 768 }, large: { zh: 1024, en: 1024 } };
  for (const [size, dims] of Object.entries(sizes)) {
    for (const [language, dim] of Object.entries(dims)) {
      const model = findKnownModel(`bge-${size}-${language}-v1.5`);
      assert.equal(model?.dim, dim);
      assert.equal(model?.maxTokens, 512);
    }
  }
  assert.equal(findKnownModel("BGE-M3")?.maxTokens, 8192);
  assert.equal(KNOWN_MODELS.length, 7);
  for (const { repository, original, threshold, megabytes, pooling } of KNOWN_MODELS) {
    assert.ok(isRepository(repository) && isRepository(original));
    assert.ok(threshold.value >= 0.8 && threshold.value <= 0.9 && threshold.source.length > 20);
    assert.ok(megabytes.fp32 > megabytes.fp16 && megabytes.fp16 > megabytes.int8);
    assert.equal(pooling, "cls");
  }
});

test("a model is known by its name and by both repositories", () => {
  const { name, repository, original } = KNOWN_MODELS[0];
  for (const alias of [name, repository, original]) assert.equal(findKnownModel(alias)?.name, name);
  assert.equal(findKnownModel("bge"), undefined);
});

test("every ONNX file that a download takes is one that a model folder is read by, with the same dtype", async () => {
  for (const [index, { dtype, path }] of onnxCandidates("auto").entries()) {
    const folder = write(join(root, `candidate${index}`), { "tokenizer.json": "{}", [path]: "onnx" });
    const spec = await readModelFolder({ name: "bge", folder, dtype: "auto" });
    assert.equal(spec.dtype, dtype);
    assert.equal(spec.onnxPath, join(folder, path));
  }
});

test("the pooling and the limit that a known model's files give are those of the registry", async () => {
  for (const { name, maxTokens, pooling } of KNOWN_MODELS) {
    const m3 = name === "bge-m3";
    const folder = write(join(root, name), {
      "tokenizer.json": "{}",
      "onnx/model.onnx": "onnx",
      "config.json": JSON.stringify(
        m3
          ? { model_type: "xlm-roberta", max_position_embeddings: 8194 }
          : { model_type: "bert", max_position_embeddings: 512 },
      ),
    });
    const spec = await resolveModel({ name: folder, dtype: "auto" });
    assert.deepEqual([spec.pooling, spec.maxTokens], [pooling, maxTokens]);
    assert.match(spec.thresholdSource, /card/);
  }
});

test("names of repositories are told from paths and from nonsense, each with its own words", () => {
  assert.equal(repositoryOf("bge-m3"), "Xenova/bge-m3");
  assert.equal(repositoryOf("Bge-Base-EN-v1.5"), "Xenova/bge-base-en-v1.5");
  assert.equal(repositoryOf("owner/any_Name.1-x"), "owner/any_Name.1-x");
  const paths = ["./bge", "../up", "/abs/olute", "~/models", "a/b/c", "C:\\models", "a\\b", "models/", "..", "a/../b"];
  for (const path of paths) assert.throws(() => repositoryOf(path), /looks like a path, and there is no such folder/);
  for (const name of ["bge", "a--b/c", "a/b--c", "-a/b", "a/b.", "a/b?c", "ä/b", "", "a/b\n"]) {
    assert.throws(() => repositoryOf(name), { exitCode: 5, message: /builtin, bge-small-zh-v1\.5/ });
  }
});

test("a folder wins over a name, and a file is refused", async () => {
  const folder = write(join(root, "wins"), { "tokenizer.json": "{}", "model.onnx": "onnx" });
  const back = process.cwd();
  process.chdir(root);
  try {
    write(join(root, "owner/name"), { "tokenizer.json": "{}", "model.onnx": "onnx" });
    assert.equal((await resolveModel({ name: "owner/name", dtype: "auto" })).folder, "owner/name");
    assert.equal((await resolveModel({ name: folder, dtype: "auto" })).folder, folder);
    await assert.rejects(resolveModel({ name: "wins/model.onnx", dtype: "auto" }), /is a file; expected the folder/);
  } finally {
    process.chdir(back);
  }
});

test("the variables of the hub's own tools decide where models come from and lie", () => {
  assert.equal(hubSettings({ HF_HOME: "/x" }).cache, "/x/hub");
  assert.equal(hubSettings({ XDG_CACHE_HOME: "/y" }).cache, "/y/huggingface/hub");
  assert.equal(hubSettings({ HF_HOME: "/x", HF_HUB_CACHE: "/z" }).cache, "/z");
  assert.match(hubSettings({ HF_HOME: "~/h" }).cache, /[^~]\/h\/hub$/);
  assert.equal(hubSettings({}).endpoint, "https://huggingface.co");
  assert.equal(hubSettings({ HF_ENDPOINT: "https://mirror.example/hf//" }).endpoint, "https://mirror.example/hf");
  assert.deepEqual(
    ["1", "true", "ON", "0", ""].map((value) => hubSettings({ HF_HUB_OFFLINE: value }).offline),
    [true, true, true, false, false],
  );
  assert.equal(hubSettings({ NO_PROXY: "x" }).proxy, undefined);
  assert.deepEqual(hubSettings({ HTTPS_PROXY: "http://p:1", no_proxy: "x" }).proxy, {
    http: undefined,
    https: "http://p:1",
    none: "x",
  });
  for (const wrong of ["mirror.example", "ftp://mirror.example", "https://mirror.example?x=1"]) {
    assert.throws(() => hubSettings({ HF_ENDPOINT: wrong }), /is not an address such as/);
  }
  assert.throws(
    () => hubSettings({ HF_ENDPOINT: "https://me:geheim@mirror.example" }),
    (error: Error) => !error.message.includes("geheim"),
  );
});

test("the token that hf auth login left is taken where HF_TOKEN is unset, unless that is turned off", () => {
  const home = write(join(root, "home"), { token: "hf_stored\n", elsewhere: "hf_elsewhere", empty: "\n" });
  const tokenOf = (env: Record<string, string>) => {
    const { token, tokenFile } = hubSettings({ HF_HOME: home, ...env });
    return [token, tokenFile];
  };
  assert.deepEqual(tokenOf({}), ["hf_stored", join(home, "token")]);
  assert.deepEqual(tokenOf({ HF_TOKEN_PATH: join(home, "elsewhere") }), ["hf_elsewhere", join(home, "elsewhere")]);
  assert.deepEqual(tokenOf({ HF_TOKEN: "hf_given" }), ["hf_given", undefined]);
  assert.deepEqual(tokenOf({ HUGGING_FACE_HUB_TOKEN: "hf_old\r\n" }), ["hf_old", undefined]);
  assert.deepEqual(tokenOf({ HF_TOKEN: "hf_given", HUGGING_FACE_HUB_TOKEN: "hf_old" }), ["hf_given", undefined]);
  assert.deepEqual(tokenOf({ HF_TOKEN: "", HUGGING_FACE_HUB_TOKEN: " " }), ["hf_stored", join(home, "token")]);
  assert.deepEqual(tokenOf({ HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" }), [undefined, undefined]);
  for (const name of ["empty", "absent"]) {
    assert.deepEqual(tokenOf({ HF_TOKEN_PATH: join(home, name) }), [undefined, undefined]);
  }
});
