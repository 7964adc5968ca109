import { open, rename } from "node:fs/promises";

/**
 * Writes a small file atomically: after a crash or power failure the path has the old content or the new, never a part.
 * The text is synced to `path.new`, which is then renamed; `syncFolder` makes the rename itself durable.
 */
export async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(`${path}.new`, "w");
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
}

/** Makes renames in a folder durable. A system that cannot sync folders, such as Windows, is passed over silently. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r").catch(() => undefined);
  await folder?.sync().catch(() => {});
  await folder?.close();
}
