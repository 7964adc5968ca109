import { readdirSync, readFileSync } from "node:fs";
import { goldenFile } from "../io/golden.js";

/** The bytes of the reader tests' own files whose names match. */
export function goldenFiles(name: RegExp): Buffer[] {
  return readdirSync(goldenFile(""))
    .filter((file) => name.test(file))
    .map((file) => readFileSync(goldenFile(file)));
}
