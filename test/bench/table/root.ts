import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Top of the checkout: what is not compiled (peers, results, the template of the README) lies there, not in `dist`. */
export const ROOT = (() => {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return folder;
})();

/** Versions of what every figure depends on. */
export function ownVersions(): Record<string, string> {
  return {
    "bge-dedup": versionOf("."),
    Node: process.versions.node,
    onnxruntime: versionOf("node_modules/onnxruntime-node"),
  };
}

/** Version in the package.json of a folder of the checkout. */
function versionOf(folder: string): string {
  return JSON.parse(readFileSync(join(ROOT, folder, "package.json"), "utf8")).version;
}
