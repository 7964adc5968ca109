import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * A plugin that makes esbuild put what is loaded together into few files. esbuild gives a file of its own to all modules that
 * the same entries reach, and every `import()` is an entry, so that a run read 117 files, each of which
 * Node has to find and link. An entry that another module loads late reaches what is there by then anyway: what both commands load when
 * they start, and, where it needs Arrow's tables itself, what a run loads. Here it says so.
 * @param {{ root: string, metafile: import("esbuild").Metafile, commands: string[], run: string }} options the checkout, the
 * metafile of a bundle without this plugin, the modules of the commands, and that of a run
 * @returns {import("esbuild").Plugin}
 */
export function gatherChunks({ root, metafile: { inputs }, commands, run }) {
  /** Modules that come with a module, itself among them. */
  const reached = (module, found = new Set()) => {
    if (found.has(module) || !(module in inputs)) return found;
    found.add(module);
    for (const { path, kind } of inputs[module].imports) if (kind !== "dynamic-import") reached(path, found);
    return found;
  };
  const own = (modules) => [...modules].filter((path) => path.startsWith("dist/src/"));
  const [first, ...others] = commands.map((command) => reached(command));
  const ofCommands = own(first).filter((path) => others.every((other) => other.has(path)));
  const ofRun = own(reached(run));
  const late = new Map();
  const all = new Set(Object.values(inputs).flatMap(({ imports }) => imports.filter(isDynamic).map(({ path }) => path)));
  for (const path of own(all)) {
    const modules = [...reached(path)];
    const isRun = modules.some((module) => module.includes("node_modules/apache-arrow/"));
    late.set(join(root, path), isRun ? [...new Set([...ofCommands, ...ofRun])] : ofCommands);
  }
  return {
    name: "gather-chunks",
    setup({ onLoad }) {
      onLoad({ filter: /[\\/]dist[\\/]src[\\/].*\.js$/ }, ({ path }) => {
        const there = late.get(path);
        if (there === undefined) return undefined;
        const imports = there.map((module) => `import ${JSON.stringify(join(root, module))};\n`);
        return { contents: `${readFileSync(path, "utf8")}\n${imports.join("")}`, loader: "js" };
      });
    },
  };
}

const isDynamic = ({ kind }) => kind === "dynamic-import";
