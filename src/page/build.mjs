// Bundles the page of `bge-dedup report` into dist/src/page: page.js, page.css, and licences.txt with the notices of the
// packages that are in the bundle. Called by `npm run build`; needs esbuild's package for the platform, no install script.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { writeNotices } from "../bundle/notices.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const out = join(root, "dist/src/page");
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: [
    { in: "src/page/main.ts", out: "page" },
    { in: "src/page/style.css", out: "page" },
  ],
  outdir: out,
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
});

const script = readFileSync(join(out, "page.js"), "utf8");
for (const end of ["</script", "<!--"]) {
  if (script.toLowerCase().includes(end))
    throw new Error(`the bundle contains ${end}, which would end the script early`);
}

writeNotices({ root, inputs: metafile.inputs, path: join(out, "licences.txt") });
