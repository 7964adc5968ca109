import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

/** Top of the checkout: the nearest folder above this file that has the sources. */
const root = (() => {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "src", "errors.ts"))) {
    const above = dirname(folder);
    if (above === folder) throw new Error("no checkout above this test");
    folder = above;
  }
  return folder;
})();

/** A comment, so that names in prose are no imports. */
const COMMENT = /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm;
/** An import or export from somewhere, of values or of types alone. */
const STATEMENT = /(?:^|\n)(?:import|export)\s+(?:[^;"]*?\bfrom\s+)?"([^"]+)"/g;
const DYNAMIC = /\bimport\(\s*"([^"]+)"/g;

/** Text of each source file without its comments, by path from src. */
const sources = new Map<string, string>();
/** What each file imports, types included: files of ours as paths from src, the rest as packages. */
const imports = new Map<string, string[]>();
for (const entry of readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })) {
  if (!entry.endsWith(".ts")) continue;
  const path = join(root, "src", entry);
  const text = readFileSync(path, "utf8").replace(COMMENT, "");
  const found = [...text.matchAll(STATEMENT)].map(([, from]) => from);
  found.push(...[...text.matchAll(DYNAMIC)].map(([, name]) => name));
  const file = entry.replaceAll("\\", "/");
  sources.set(file, text);
  imports.set(
    file,
    found.map((name) => (name.startsWith(".") ? sourceOf(join(dirname(path), name)) : name)),
  );
}

/** The source of an imported module: AssemblyScript leaves `.js` out, and what a build makes has its types as a source. */
function sourceOf(path: string): string {
  const name = path.replace(/\.js$/, "");
  const source = existsSync(`${name}.d.ts`) ? `${name}.d.ts` : `${name}.ts`;
  return relative(join(root, "src"), source).replaceAll("\\", "/");
}

const folderOf = (file: string) => (file.includes("/") ? file.slice(0, file.indexOf("/")) : "");
const isNode = (name: string) => name.startsWith("node:") || builtinModules.includes(name);

/** Files of `folders` that import what `forbidden` says, as "file -> import". */
function offences(folders: readonly string[], forbidden: (name: string, file: string) => boolean): string[] {
  return [...imports]
    .filter(([file]) => folders.includes(folderOf(file)))
    .flatMap(([file, names]) => names.filter((name) => forbidden(name, file)).map((name) => `${file} -> ${name}`));
}

/** What only the command line may touch. */
const OUTSIDE = /process\.(argv|stdout|stderr|exit\b|exitCode)|console\./;

const ALL = [...new Set([...imports.keys()].map(folderOf))];

describe("imports point down", () => {
  it("every import of ours is a file that is there", () => {
    assert.ok(imports.size > 80);
    for (const [file, names] of imports) {
      for (const name of names.filter((other) => other.endsWith(".ts")))
        assert.ok(imports.has(name), `${file} -> ${name}`);
    }
  });

  it("kernels and pure code import nothing of Node and no package but k-means's seeds and the difference of texts", () => {
    const allowed = (name: string, file: string) =>
      (name === "ml-kmeans" && folderOf(file) === "cluster") || (name === "diff" && file === "text/difference.ts");
    const pure = ["kernels", "exact", "join", "proofs", "cluster", "text", "report", "metrics"];
    assert.deepEqual(
      offences(pure, (name, file) => isNode(name) || !(name.endsWith(".ts") || allowed(name, file))),
      [],
    );
  });

  it("the page in the browser imports nothing of Node", () => {
    assert.deepEqual(offences(["page"], isNode), []);
  });

  it("each folder uses only those below it", () => {
    const below: Readonly<Record<string, readonly string[]>> = {
      "": [],
      text: [],
      onnx: [],
      kernels: [],
      io: ["text"],
      vectors: ["io"],
      models: ["text", "onnx", "io"],
      exact: ["text"],
      join: ["onnx", "kernels", "vectors", "exact"],
      proofs: ["onnx", "vectors"],
      cluster: ["text", "onnx", "kernels", "vectors"],
      report: ["text", "onnx", "vectors", "exact", "join", "cluster"],
      metrics: [],
      page: ["text", "report"],
      cache: [],
      embed: ["onnx", "models"],
      workers: ["onnx", "vectors", "models", "join", "cluster", "cache", "embed"],
      run: [
        "text",
        "onnx",
        "io",
        "vectors",
        "models",
        "exact",
        "join",
        "proofs",
        "cluster",
        "report",
        "metrics",
        "cache",
        "workers",
        "embed",
      ],
      engine: [
        "text",
        "onnx",
        "io",
        "vectors",
        "models",
        "exact",
        "join",
        "cluster",
        "cache",
        "workers",
        "embed",
        "run",
      ],
      cli: ["text", "report", "metrics", "onnx", "models", "exact", "cache", "embed", "run", "engine"],
    };
    assert.deepEqual(ALL.filter((folder) => !(folder in below)).sort(), []);
    const wrong = offences(ALL, (name, file) => {
      // The library may use all, and files of no folder but the library serve all.
      if (file === "index.ts" || !name.endsWith(".ts") || folderOf(name) === folderOf(file)) return false;
      if (folderOf(name) === "" && name !== "index.ts") return false;
      return !(below[folderOf(file)] ?? []).includes(folderOf(name));
    });
    assert.deepEqual(wrong, []);
  });

  it("no two files import each other in a circle, types included", () => {
    const state = new Map<string, "open" | "done">();
    const visit = (file: string, path: readonly string[]) => {
      if (state.get(file) === "done") return;
      assert.notEqual(state.get(file), "open", [...path, file].join(" -> "));
      state.set(file, "open");
      for (const name of imports.get(file) ?? []) if (imports.has(name)) visit(name, [...path, file]);
      state.set(file, "done");
    };
    for (const file of imports.keys()) visit(file, []);
  });
});

describe("a newcomer finds a file", () => {
  it("in a folder of at most 22 files", () => {
    const counts = new Map<string, number>();
    for (const file of imports.keys()) counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1);
    assert.deepEqual(
      [...counts].filter(([, count]) => count > 22),
      [],
    );
  });

  it("where src/README.md says that it is", () => {
    const readme = readFileSync(join(root, "src/README.md"), "utf8");
    const named = [...readme.matchAll(/`([a-z]\w*\/[a-z][\w/-]*\.ts)`/g)].map(([, path]) => path);
    assert.ok(named.length > 30);
    assert.deepEqual(
      named.filter((path) => ![join(root, "src", path), join(root, path)].some(existsSync)),
      [],
    );
  });
});

describe("one dependency lives behind one place", () => {
  const places: readonly [name: string, place: RegExp][] = [
    ["hyparquet", /^io\/parquet\//],
    ["hyparquet-writer", /^io\/parquet\//],
    ["hysnappy", /^io\/parquet\/codecs/],
    ["tinyglobby", /^io\/find-files/],
    ["diff", /^text\/difference/],
    ["csv-parse", /^io\/csv\/csv/],
    ["apache-arrow", /^(io|vectors|run)\//],
    [
      "onnxruntime-node",
      /^(onnx\/ort-|embed\/local\/(session|load-session|feeds|probe-worker)|run\/embed\/device|cli\/commands\/try-model)/,
    ],
    ["@huggingface/tokenizers", /^models\/tokenizer/],
    ["@huggingface/hub", /^models\/hub\//],
    ["undici", /^network\.ts/],
    ["@zilliz/milvus2-sdk-node", /^io\/milvus\//],
    ["@redis/client", /^cache\/redis-client/],
    ["ml-kmeans", /^cluster\/seed/],
    ["yargs", /^cli\//],
    ["cli-progress", /^cli\/progress/],
    ["get-east-asian-width", /^cli\/text-width/],
    ["@observablehq/plot", /^page\/charts/],
    ["twgl.js", /^page\/points/],
  ];
  for (const [name, place] of places) {
    it(`${name} in ${place.source}`, () => {
      const wrong = offences(
        ALL,
        (other, file) => (other === name || other.startsWith(`${name}/`)) && !place.test(file),
      );
      assert.deepEqual(wrong, []);
    });
  }

  it("every package that is imported is a dependency, and none is there for nothing", () => {
    const { dependencies, devDependencies, peerDependencies } = JSON.parse(
      readFileSync(join(root, "package.json"), "utf8"),
    ) as {
      dependencies: object;
      devDependencies: object;
      peerDependencies: object;
    };
    // The packages of the page are bundled when the program is built, so nobody who installs it needs them.
    const unlisted = [...imports].flatMap(([file, names]) =>
      names.flatMap((name) => {
        if (name.endsWith(".ts") || isNode(name)) return [];
        const used = /^(@[^/]+\/[^/]+|[^/]+)/.exec(name)?.[0] ?? name;
        // A user installs a peer for the command that asks for it.
        const listed = folderOf(file) === "page" ? devDependencies : { ...dependencies, ...peerDependencies };
        return used in listed ? [] : [`${file} -> ${used}`];
      }),
    );
    assert.deepEqual(unlisted, []);
  });

  it("only the command line touches arguments, standard output and the exit code", () => {
    // A worker ends itself, and one that is a process of its own answers on its standard output.
    const wrong = [...sources].flatMap(([file, text]) =>
      folderOf(file) !== "cli" && !/(-worker|\/serve)\.ts$/.test(file) && OUTSIDE.test(text) ? [file] : [],
    );
    assert.deepEqual(wrong, []);
  });
});
