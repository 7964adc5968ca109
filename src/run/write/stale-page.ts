import { open } from "node:fs/promises";
import { join } from "node:path";
import { REPORT } from "./output-names.js";

/** Markup by which a page of `report` is known. It stands in the first kilobyte of the page. */
export const PAGE_MARK = '<meta name="generator" content="bge-dedup">';

const HEAD_BYTES = 1024;

/**
 * The page of an earlier result in an output folder, which contradicts the next result and goes with the earlier one.
 * @returns its name, or nothing where there is no page, or a file of that name that `report` did not write
 */
export async function stalePage(out: string): Promise<string[]> {
  const file = await open(join(out, REPORT), "r").catch(() => undefined);
  if (file === undefined) return [];
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return buffer.toString("utf8", 0, bytesRead).includes(PAGE_MARK) ? [REPORT] : [];
  } catch {
    // A folder of that name.
    return [];
  } finally {
    await file.close();
  }
}
