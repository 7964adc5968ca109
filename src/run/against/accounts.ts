import { realpath } from "node:fs/promises";
import { relative } from "node:path";
import { InputError } from "../../errors.js";
import type { ReferenceRecord } from "../work/reference-record.js";
import { damagedReference, findRecorded, placesOf, type Reference } from "./reference.js";

/** A folder whose kept rows stand for removed ones, as `ReferenceRecord` describes it. */
export interface Account {
  readonly path: string;
  readonly folder: string;
  readonly given: boolean;
  readonly sha256?: string;
}

/**
 * The folders that hold the kept rows on whose account rows of a run may go: the references, numbered in their order, and
 * behind them folders that a reference names because it was made against them.
 */
export class Accounts {
  readonly #accounts: Account[];
  /** Number of a folder by reference and the path that the reference gives it. */
  readonly #numbers = new Map<Reference, Map<string, number>>();

  constructor(references: readonly Reference[]) {
    this.#accounts = references.map(({ path, folder, identity }) => ({ path, folder, given: true, sha256: identity }));
    const paths = new Set<string>();
    for (const [i, account] of this.#accounts.entries()) {
      // Two folders may have been given one after the other under one name, as by a link that was turned meanwhile.
      if (paths.has(account.path)) this.#accounts[i] = { ...account, path: account.folder };
      paths.add(account.path);
    }
  }

  /** Path of each folder, unique, as `_kept_in` names it. */
  get paths(): string[] {
    return this.#accounts.map(({ path }) => path);
  }

  /**
   * Number of the folder that a reference calls `path`.
   * @throws InputError where the manifest of the reference does not know the path, or the folder holds another result
   * now, so that the reference's row numbers mean other rows
   */
  async numberOf(reference: Reference, path: string): Promise<number> {
    let numbers = this.#numbers.get(reference);
    if (numbers === undefined) {
      numbers = new Map();
      this.#numbers.set(reference, numbers);
    }
    let number = numbers.get(path);
    if (number === undefined) {
      number = await this.#find(reference, path);
      numbers.set(path, number);
    }
    return number;
  }

  async #find(reference: Reference, path: string): Promise<number> {
    const record = reference.manifest.references?.find((each) => each.path === path);
    if (record === undefined) {
      throw damagedReference(reference.path, `its removed rows name ${path}, which its manifest does not list`);
    }
    const places = placesOf(record, reference.folder);
    const known = this.#accounts.findIndex(
      ({ folder, sha256 }) => places.includes(folder) && sha256 === record.sha256 && sha256 !== undefined,
    );
    if (known >= 0) return known;
    const found = await findRecorded(record, reference.folder);
    if (found?.changed) {
      throw new InputError(
        `reference ${reference.path} was made against ${path} (${found.place}), which was written anew since, so that its ` +
          `removed rows name rows that are gone; run bge-dedup for ${reference.path} again, or leave it out`,
      );
    }
    const folder = found === undefined ? places[0] : await realpath(found.place);
    const same = this.#accounts.findIndex((account) => account.folder === folder);
    if (same >= 0) return same;
    const name = this.paths.includes(record.path) ? folder : record.path;
    this.#accounts.push({ path: name, folder, given: false, sha256: record.sha256 });
    return this.#accounts.length - 1;
  }

  /** All folders, by their numbers. */
  get all(): readonly Account[] {
    return this.#accounts;
  }
}

/**
 * What the manifest records of the folders: all that were given, and the others on whose account rows went.
 * @param out real path of the output folder
 * @param removed rows that went on account of each folder
 */
export function referenceRecords(
  accounts: readonly Account[],
  out: string,
  removed: readonly number[],
): ReferenceRecord[] {
  return accounts.map(({ path, folder, given, sha256 }, i) => ({
    path,
    from_out: relative(out, folder) || ".",
    folder,
    given,
    sha256,
    removed: removed[i] ?? 0,
  }));
}
