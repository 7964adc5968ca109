import { readFileSync } from "node:fs";

/** Reads a text of a package that is installed for development. Tests are run from the package's root. */
export function readPackageFile(path: string): string {
  return readFileSync(`node_modules/${path}`, "utf8").replace(/^\ufeff/, "");
}
