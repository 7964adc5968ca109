import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const files = (() => {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const found = join(folder, "test", "io", "files");
    try {
      readdirSync(found);
      return found;
    } catch {}
    if (dirname(folder) === folder) throw new Error("no test/io/files above this file");
    folder = dirname(folder);
  }
})();

/** The bytes of the reader tests' own files whose names match. */
export function goldenFiles(name: RegExp): Buffer[] {
  return readdirSync(files)
    .filter((file) => name.test(file))
    .map((file) => readFileSync(join(files, file)));
}
