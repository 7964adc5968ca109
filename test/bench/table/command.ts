import { isAbsolute, relative, sep } from "node:path";
import { ROOT } from "./root.js";

/** Words that stand for a path of this machine. */
const STAND_INS: Readonly<Record<string, string>> = { "--python": "PYTHON", "--folder": "FOLDER" };

/** An absolute path as one from the top of the checkout; a word where it lies elsewhere. */
function withoutMachine(path: string, root: string): string {
  const below = relative(root, path).split(sep).join("/");
  // The evaluation data lies in `shared` beside the checkout.
  return !below.startsWith("../") || below.startsWith("../shared/")
    ? below
    : (path.split(sep).at(-1) as string).toUpperCase();
}

/**
 * The command line that repeats a run from the top of a checkout: paths of this machine become relative, or a word for what
 * belongs there.
 * @param args of the process from the script on
 */
export function repeatable(args: readonly string[], root = ROOT): string {
  const words = args.map((word, i) => {
    const shown = STAND_INS[args[i - 1]] ?? (isAbsolute(word) ? withoutMachine(word, root) : word);
    return /[\s*?;|&'"$]/.test(shown) ? `'${shown}'` : shown;
  });
  return ["node", ...words].join(" ");
}
