import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { deviceCure, deviceReason } from "../../src/embed/local/device-cure.js";

/** As onnxruntime 1.30's CUDA provider worded it with a driver that finds no card, shortened in the middle. */
const CUDA_CALL =
  "/onnxruntime_src/onnxruntime/core/providers/cuda/cuda_call.cc:146 std::conditional_t<THRW, void, Status> " +
  "onnxruntime::CudaCall(ERRTYPE, int) [with ERRTYPE = cudaError; bool THRW = true] CUDA failure 35: CUDA driver version is " +
  "insufficient for CUDA runtime version ; GPU=-1 ; hostname=vm ; file=/onnxruntime_src/cuda_execution_provider.cc ; line=352 ; " +
  "expr=cudaSetDevice(info_.device_id);";

/** As onnxruntime 1.30's WebGPU provider words it without a GPU, shortened in the middle. */
const WEBGPU_ASSERTION =
  "/onnxruntime_src/onnxruntime/core/providers/webgpu/webgpu_context.cc:136 onnxruntime::webgpu::WebGpuContext::Initialize() " +
  "adapter_result.status == wgpu::RequestAdapterStatus::Success was false. Failed to get a WebGPU adapter: No supported adapters\n";

describe("what is wrong with a device", () => {
  it("is told without the places in onnxruntime's source", () => {
    assert.equal(
      deviceReason(CUDA_CALL),
      "CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version",
    );
    assert.equal(deviceReason(WEBGPU_ASSERTION), "Failed to get a WebGPU adapter: No supported adapters");
    assert.equal(
      deviceReason("libcuda.so.1: cannot open shared object file"),
      "libcuda.so.1: cannot open shared object file",
    );
  });

  it("has a cure of its own for a driver that is too old, for none at all, and for a file that is lacking", () => {
    assert.match(deviceCure("cuda", deviceReason(CUDA_CALL)) ?? "", /driver is older .*: update it/);
    assert.match(
      deviceCure("cuda", "libcuda.so.1: cannot open shared object file") ?? "",
      /no NVIDIA device or driver/,
    );
    assert.match(deviceCure("cuda", "libcudnn.so.9: cannot open shared object file") ?? "", /that has libcudnn\.so\.9/);
    assert.equal(deviceCure("cpu", "anything"), undefined);
  });
});
