// Bundles the page of `bge-dedup report` into dist/src/page: page.js, page.css, and licences.txt with the notices of the
// packages that are in the bundle. Called by `npm run build`; needs esbuild's package for the platform, no install script.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

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

const packages = new Set(
  Object.keys(metafile.inputs).flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []),
);
const notices = new Map();
for (const name of [...packages].sort()) {
  const folder = join(root, "node_modules", name);
  const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((each) => /^licen[cs]e(\.|$)/i.test(each));
  const text = file === undefined ? `Licence: ${license}` : readFileSync(join(folder, file), "utf8").trim();
  notices.set(text, [...(notices.get(text) ?? []), `${name} ${version}`]);
}
const listed = [...notices].map(([text, names]) => `${names.join(", ")}\n\n${text}\n`);
writeFileSync(join(out, "licences.txt"), listed.join("\n----\n\n"));
