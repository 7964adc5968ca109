import { spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";

/** A folder that is a disk of its own where this machine allows it. */
export interface SmallDisk {
  readonly folder: string;
  /** Why it is no disk of its own; absent where it is one. */
  readonly refused?: string;
  /** Takes all space that is left. */
  fill(): void;
  /** Gives the space back. */
  clear(): void;
}

/** Makes a disk in memory of so many megabytes, which goes after the tests of the file. */
export function smallDisk(megabytes: number): SmallDisk {
  const folder = mkdtempSync(join(tmpdir(), "bge-test-disk-"));
  const args = ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", folder];
  const { status, stderr } = spawnSync("mount", args, { encoding: "utf8" });
  const mounted = status === 0;
  after(() => {
    if (mounted) spawnSync("umount", ["--lazy", folder]);
    rmSync(folder, { recursive: true, force: true });
  });
  const ballast = join(folder, ".ballast");
  return {
    folder,
    refused: mounted ? undefined : `no disk in memory can be mounted here: ${stderr ?? "there is no mount"}`.trim(),
    fill() {
      const file = openSync(ballast, "w");
      try {
        for (;;) writeSync(file, Buffer.alloc(4096));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
      } finally {
        closeSync(file);
      }
    },
    clear: () => rmSync(ballast),
  };
}
