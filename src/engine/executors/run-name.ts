import { createHash } from "node:crypto";
import type { WorkOrder } from "../executor.js";

/** Name of a run in the lists of an engine: the same at each call with the folder, and another one for another folder. */
export function runName({ name, folder }: Pick<WorkOrder, "name" | "folder">): string {
  return `${name}-${createHash("sha256").update(folder).digest("hex").slice(0, 8)}`;
}
