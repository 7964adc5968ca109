import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Writes the notices of the packages that are in a bundle, as their licences ask for.
 * @param {{ root: string, inputs: Record<string, unknown>, path: string }} options the checkout, the inputs that esbuild's metafile
 * lists, and the file to write
 */
export function writeNotices({ root, inputs, path }) {
  // The last folder named node_modules counts: a package may lie in that of another one.
  const folders = new Set(
    Object.keys(inputs).flatMap((input) => /^(.*\bnode_modules\/(?:@[^/]+\/)?[^/]+)/.exec(input)?.[1] ?? []),
  );
  const notices = new Map();
  for (const folder of [...folders].sort()) {
    const { name, version, license } = JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
    const file = readdirSync(join(root, folder)).find((each) => /^licen[cs]e(\.|$)/i.test(each));
    const text = file === undefined ? `Licence: ${license}` : readFileSync(join(root, folder, file), "utf8").trim();
    notices.set(text, [...new Set([...(notices.get(text) ?? []), `${name} ${version}`])]);
  }
  const listed = [...notices].map(([text, names]) => `${names.join(", ")}\n\n${text}\n`);
  writeFileSync(path, listed.join("\n----\n\n"));
}
