import { embed } from "./embed/embed.js";
import { order } from "./embed/order.js";
import { decide } from "./join/decide.js";
import { against, drop } from "./join/drop.js";
import { exact } from "./read/exact.js";
import { number } from "./read/number.js";
import { read } from "./read/read.js";
import type { Stage } from "./stage.js";
import { assemble } from "./write/assemble.js";
import { fates } from "./write/fates.js";
import { publish } from "./write/publish.js";
import { write } from "./write/write.js";

/** The stages of a run of bge-dedup, in their order. */
export const STAGES: readonly Stage[] = [
  read,
  exact,
  number,
  embed,
  order,
  against,
  decide,
  drop,
  fates,
  write,
  assemble,
  publish,
];
