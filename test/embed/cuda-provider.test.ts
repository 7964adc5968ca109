import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { cudaProvider, cudaProviderFailure, onnxruntimeFolder } from "../../src/embed/local/cuda-provider.js";
import { probeDevice } from "../../src/embed/local/probe-device.js";
import { readModelFolder } from "../../src/models/folder.js";
import { startEmbedder } from "../../src/workers/embedders.js";
import { tinyModel } from "../models/golden.js";

describe("the CUDA provider", () => {
  it("is looked for where the installer of onnxruntime-node puts it, beside the library itself", () => {
    assert.ok(cudaProvider().startsWith(onnxruntimeFolder()));
    assert.ok(existsSync(join(cudaProvider(), "../onnxruntime_binding.node")));
  });

  it("is said not to be installed where there is no such file", () => {
    assert.equal(
      cudaProviderFailure("/nowhere/libonnxruntime_providers_cuda.so"),
      "the CUDA provider is not installed",
    );
  });

  it("lacks nothing where its file can be loaded, though it is no addon", () => {
    assert.equal(cudaProviderFailure(join(cudaProvider(), "../onnxruntime_binding.node")), undefined);
  });

  it("is named as what a try of CUDA lacks", {
    skip: existsSync(cudaProvider()) && "it is installed here",
  }, async () => {
    const probe = await probeDevice("cuda");
    assert.ok("error" in probe);
    if (process.platform === "linux") assert.equal(probe.error, "the CUDA provider is not installed");
  });

  it("finds in the process's environment that fp32 is multiplied in full, unless the user says otherwise", async () => {
    const before = process.env.NVIDIA_TF32_OVERRIDE;
    const model = await readModelFolder({ name: "tiny-bert", folder: tinyModel("tiny-bert"), dtype: "fp32" });
    // Where there is no CUDA the session fails, after its worker has set what the libraries read as they load.
    const tryOut = () =>
      startEmbedder({ model, provider: "cuda", threads: 1, tokenizers: 1 }).then(
        (embedder) => embedder.close(),
        () => {},
      );
    try {
      for (const [given, expected] of [
        [undefined, "0"],
        ["1", "1"],
      ]) {
        if (given === undefined) delete process.env.NVIDIA_TF32_OVERRIDE;
        else process.env.NVIDIA_TF32_OVERRIDE = given;
        await tryOut();
        assert.equal(process.env.NVIDIA_TF32_OVERRIDE, expected);
      }
    } finally {
      if (before === undefined) delete process.env.NVIDIA_TF32_OVERRIDE;
      else process.env.NVIDIA_TF32_OVERRIDE = before;
    }
  });
});
