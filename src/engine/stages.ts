import type { Stage } from "./stage.js";

/** The stages of a run of bge-dedup, in their order. */
export const STAGES: readonly Stage[] = [];
