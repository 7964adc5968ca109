import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { SavedStart, SavedStarts } from "../../cluster/saved.js";
import { readColumns } from "../../io/arrow/number-table.js";
import type { CentroidColumns } from "./answers.js";
import { listNames, putColumns } from "./exchange.js";

/** Milliseconds between two states of a start: what a killed leader loses at most, beside an iteration. */
const EVERY = 5000;

/** What the name of a file says of the state in it. */
const STATES = { going: undefined, rest: true, limit: false } as const;

/** saved.FINGERPRINT.START.ITERATION.STATE.arrow */
const NAME = /^saved\.(\w+)\.(\d+)\.(\d+)\.(going|rest|limit)\.arrow$/;

/**
 * Saves starts in the folder of an exchange, a file for the latest state of each. Everything that tells states apart is
 * in the names of the files, so a state appears at once and whole.
 * @param options.fingerprint identity of the rows and settings; states of others are not found
 * @param options.every milliseconds between two states of a start that goes on (5,000)
 */
export function savedStarts(options: {
  readonly folder: string;
  readonly fingerprint: string;
  readonly every?: number;
}): SavedStarts {
  const { folder, fingerprint, every = EVERY } = options;
  let last = performance.now();

  /** The states of a start, by the names of their files, the latest first. */
  async function statesOf(start: number) {
    const found = (await listNames(folder)).flatMap((name) => {
      const [, of, number, iteration, state] = NAME.exec(name) ?? [];
      if (of !== fingerprint || Number(number) !== start) return [];
      return [{ name, iteration: Number(iteration), converged: STATES[state as keyof typeof STATES] }];
    });
    const rank = ({ iteration, converged }: (typeof found)[0]) => iteration + (converged === undefined ? 0 : 0.5);
    return found.sort((a, b) => rank(b) - rank(a));
  }

  return {
    async load(start) {
      for (const { name, iteration, converged } of await statesOf(start)) {
        const columns = await readColumns<CentroidColumns>(join(folder, name)).catch(() => undefined);
        if (columns !== undefined) return { start, iteration, centroids: columns.centroid, converged };
      }
      return undefined;
    },
    async save({ start, iteration, centroids, converged }: SavedStart) {
      if (converged === undefined && performance.now() - last < every) return;
      const state = Object.entries(STATES).find(([, value]) => value === converged)?.[0];
      const name = `saved.${fingerprint}.${start}.${iteration}.${state}.arrow`;
      await putColumns(folder, name, { centroid: centroids });
      for (const before of await statesOf(start)) {
        if (before.name !== name) await rm(join(folder, before.name), { force: true });
      }
      last = performance.now();
    },
  };
}
