import type { Executor, ExecutorName } from "../../engine/executor.js";

/** The engines. The code of each is loaded when it is named. */
const EXECUTORS: { readonly [Name in ExecutorName]: () => Promise<Executor> } = {
  local: async () => (await import("../../engine/executors/local.js")).local,
  slurm: async () => (await import("../../engine/executors/slurm.js")).slurm,
  ray: async () => (await import("../../engine/executors/ray.js")).ray,
  kubernetes: async () => (await import("../../engine/executors/kubernetes.js")).kubernetes,
};

/** Loads the engine of `--executor`. */
export function loadExecutor(name: ExecutorName): Promise<Executor> {
  return EXECUTORS[name]();
}
