import { existsSync } from "node:fs";
import { resolve } from "node:path";

/**
 * Folder (absolute; the suite is run from the root of the checkout) of the data that lies beside the checkout and is not part of it.
 * @throws Error where it is missing: this suite is for those who have the data, and says so
 */
export function sharedData(folder: string): string {
  const path = resolve("../shared/data", folder);
  if (!existsSync(path))
    throw new Error(`${path} is missing; npm run test:data needs the data folder beside the checkout`);
  return path;
}
