// Bundles the two commands and the programs of their threads from dist/src into dist/src/bundle/commands, so that Node reads a few
// files in place of some 500: a run over a small file takes 0.6 s of processor time in place of 1.1 s, `--help` 0.2 s in place of
// 0.5 s. Called by `npm run build`, behind tsc. What a command needs only at times stays in chunks of its own. The library is not
// bundled: whoever imports it may bundle it.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { gatherChunks } from "./gather-chunks.mjs";
import { writeNotices } from "./notices.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
// As deep as the files that refer to dist/src/page by their own place.
const out = join(root, "dist/src/bundle/commands");
// All lie side by side, since a thread is started by the name of its program beside the file that starts it.
const entries = [
  "cli/dedup",
  "cli/cluster",
  "embed/local/probe-worker",
  "workers/builtin-worker",
  "workers/cache-worker",
  "workers/column-worker",
  "workers/row-worker",
  "workers/session-worker",
  "workers/tokenize-worker",
];

const options = {
  absWorkingDir: root,
  entryPoints: entries.map((path) => ({ in: `dist/src/${path}.js`, out: path.split("/").at(-1) })),
  outdir: out,
  bundle: true,
  splitting: true,
  platform: "node",
  format: "esm",
  target: "node20.19",
  minifyWhitespace: true,
  charset: "utf8",
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
  // These have files beside their code, or are loaded by their place in the file system.
  external: ["onnxruntime-node", "zstddec", "@zilliz/milvus2-sdk-node"],
  plugins: [{ name: "string-width", setup: replaceStringWidth }],
  // Packages of the older kind call `require`.
  banner: {
    js: 'import{createRequire as requireOf}from"node:module";const require=requireOf(import.meta.url);',
  },
};

const trial = await build({ ...options, write: false });
const gathered = gatherChunks({
  root,
  metafile: trial.metafile,
  commands: ["dist/src/cli/dedup.js", "dist/src/cli/cluster.js"],
  run: "dist/src/run/dedup.js",
});
const { metafile } = await build({ ...options, plugins: [...options.plugins, gathered] });

/**
 * yargs measures every word of a help page with `string-width`, whose expression of all emoji takes 0.1 s to compile. Our own
 * measure gives the same for texts without escape sequences.
 */
function replaceStringWidth({ onResolve, onLoad }) {
  onResolve({ filter: /^string-width$/ }, () => ({ path: "string-width", namespace: "own" }));
  onLoad({ filter: /.*/, namespace: "own" }, () => ({
    // As a function and not as a module's default, because cli-progress calls what `require` gives it.
    contents: 'module.exports = require("./dist/src/cli/text-width.js").columnsOf;',
    resolveDir: root,
  }));
}

writeNotices({ root, inputs: metafile.inputs, path: join(out, "licences.txt") });
