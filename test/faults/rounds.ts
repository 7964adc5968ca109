import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { dedup } from "../run/folders.js";
import { faultCorpus } from "./rows.js";

/** Resident memory of this process after rounds of the whole run through the API, in MiB. */
export interface Rounds {
  /** After the tenth round, when caches are warm. */
  readonly early: number;
  readonly late: number;
}

/** Runs bge-dedup `rounds` times in this process, each into a new folder. */
export async function runRounds(rounds: number, rows: number, log: (line: string) => void = () => {}): Promise<Rounds> {
  const folder = mkdtempSync(join(tmpdir(), "bge-rounds-"));
  const input = join(folder, "input.jsonl");
  writeFileSync(input, faultCorpus({ rows, seed: 1 }));
  let early = 0;
  let late = 0;
  try {
    for (let round = 1; round <= rounds; round++) {
      const out = join(folder, `out-${round}`);
      await dedup([input], out);
      rmSync(out, { recursive: true });
      globalThis.gc?.();
      late = process.memoryUsage.rss() / 2 ** 20;
      if (round === 10) early = late;
      if (round % 10 === 0) log(`${round} rounds: ${late.toFixed(0)} MiB resident`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return { early, late };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await runRounds(Number(process.argv[2] ?? 100), Number(process.argv[3] ?? 2000), (line) => console.log(line));
}
