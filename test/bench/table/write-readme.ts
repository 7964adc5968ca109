import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fillTemplate, readResults } from "./readme.js";
import { ROOT } from "./root.js";

/** `npm run bench:readme`: writes test/bench/README.md from its template and the results. */
const folder = join(ROOT, "test/bench");
const template = readFileSync(join(folder, "README.template.md"), "utf8");
writeFileSync(join(folder, "README.md"), fillTemplate(template, readResults(join(folder, "results"))));
