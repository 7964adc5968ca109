import type { Dtype } from "./spec.js";

/** Dtypes in the order in which `auto` takes them. */
const AUTO_ORDER: readonly Dtype[] = ["fp32", "fp16", "int8"];

/** Paths of ONNX files by dtype, in the order of the search. Hubs use all of these names. */
const ONNX_FILES: Readonly<Record<Dtype, readonly string[]>> = {
  fp32: ["onnx/model.onnx", "model.onnx"],
  fp16: ["onnx/model_fp16.onnx", "model_fp16.onnx"],
  int8: [
    "onnx/model_int8.onnx",
    "onnx/model_quantized.onnx",
    "onnx/model_qint8_avx512_vnni.onnx",
    "onnx/model_uint8.onnx",
    "model_int8.onnx",
    "model_quantized.onnx",
  ],
};

/** Paths at which a model folder or repository may hold the ONNX file of a dtype, best first. */
export function onnxCandidates(dtype: Dtype | "auto"): { dtype: Dtype; path: string }[] {
  const dtypes = dtype === "auto" ? AUTO_ORDER : [dtype];
  return dtypes.flatMap((each) => ONNX_FILES[each].map((path) => ({ dtype: each, path })));
}
