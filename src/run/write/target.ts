import { existsSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { UsageError } from "../../errors.js";

/** Path beside a target at which it is written until it is whole. */
export const partOf = (target: string) => `${target}.part`;

/**
 * Makes sure that a file can be written, before the work for it begins. An existing target stays as it is.
 * @param flag name of the flag that named the target
 * @throws UsageError if its folder is missing or does not take a new file
 */
export async function requireWritable(target: string, flag: string): Promise<void> {
  const folder = dirname(resolve(target));
  if (!existsSync(folder)) throw new UsageError(`--${flag} ${target}: the folder ${folder} does not exist`);
  try {
    await (await open(partOf(target), "w")).close();
    await rm(partOf(target));
  } catch (cause) {
    throw new UsageError(
      `--${flag} ${target} cannot be written: ${(cause as Error).message}; choose a folder that you may write to`,
    );
  }
}

/**
 * Makes sure that a file which is about to be written is no input of the run whose result it shows.
 * @throws UsageError
 */
export function requireNoInput(target: string, flag: string, inputs: readonly { readonly name: string }[]): void {
  if (inputs.every(({ name }) => resolve(name) !== resolve(target))) return;
  throw new UsageError(`--${flag} ${target} is an input of that run and would be overwritten; choose another name`);
}
