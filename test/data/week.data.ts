import { readFileSync } from "node:fs";
import { join } from "node:path";
import { bankQuestions } from "../bench/corpora.js";
import { describeWeek } from "../jobs/week.js";
import { sharedData } from "./shared.js";

const titles = readFileSync(join(sharedData("zh-tnews"), "train.tsv"), "utf8")
  .trimEnd()
  .split("\n");

describeWeek({
  name: "a week of nights over 20,000 news titles, repeated ones included, and 10,000 questions to a bank",
  texts: [
    ...titles.slice(0, 20_000).map((line) => line.split("\t")[0]),
    ...bankQuestions(join(sharedData("en-banking77"), "..")),
  ],
  size: { rows: 6000, added: 500, changed: 400, deleted: 300, returned: 100 },
  threshold: 0.8,
  clusters: "fit",
  k: 20,
  megabytes: 256,
});
