import { readFileSync } from "node:fs";
import { join } from "node:path";
import { jobs } from "./job-files.js";
import { describeWeek } from "./week.js";

const faq = readFileSync(join(jobs, "..", "faq.jsonl"), "utf8")
  .trimEnd()
  .split("\n");

describeWeek({
  name: "a week of nights over the questions of the fixtures",
  texts: faq.map((line) => (JSON.parse(line) as { text: string }).text).filter((text) => text.trim() !== ""),
  size: { rows: 180, added: 20, changed: 15, deleted: 12, returned: 4 },
  threshold: 0.8,
  clusters: "assign",
  k: 6,
  megabytes: 24,
});
