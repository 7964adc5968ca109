// Compiles the kernels of src/kernels/wasm from AssemblyScript to WebAssembly, and writes dist/src/kernels/binary.js with the bytes in
// base64, so that the kernels load from any folder and go into bundles. Called by `npm run build`, behind tsc and before the bundles.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const root = fileURLToPath(new URL("../../", import.meta.url));
const out = join(root, "dist/src/kernels");

let binary = new Uint8Array(0);
const { error, stderr } = await asc.main(
  [
    "src/kernels/wasm/index.ts",
    ...["--baseDir", root, "--outFile", "kernels.wasm"],
    // Kernels read and write where the caller tells them: no heap, no collector, no assertions, nothing imported.
    ...["--optimizeLevel", "3", "--runtime", "stub", "--noAssert", "--use", "abort=", "--enable", "simd"],
  ],
  {
    writeFile(_name, contents) {
      binary = contents;
    },
  },
);
if (error) throw new Error(`the kernels do not compile: ${error.message}\n${stderr.toString()}`);

mkdirSync(out, { recursive: true });
const text = Buffer.from(binary).toString("base64");
writeFileSync(join(out, "binary.js"), `export const binary =\n  "${text}";\n`);
