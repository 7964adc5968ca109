import type { RejectsWriter } from "../../io/rejects.js";
import type { Reject, Source } from "../../io/source.js";
import type { Limit } from "../check/limit.js";
import { RejectsBrake } from "../check/rejects-brake.js";
import type { RowIndex } from "../read/read-texts.js";
import type { RefusedText } from "../work/work-state.js";

/**
 * Rejects every row whose text the server refuses to embed, copies and normalised copies of the text too: the second
 * pass leaves these rows out, and rejects.jsonl gets them behind those of the first pass, in their order. The sources
 * are read once more for the records as received. Without refused texts nothing is done.
 * @throws BrakeError if with these rows more records are rejected than `maxRejects` allows
 */
export async function rejectRefused(options: {
  refused: readonly RefusedText[];
  sources: readonly Source[];
  index: RowIndex;
  rejects: RejectsWriter;
  maxRejects?: Limit;
  note: (message: string) => void;
}): Promise<void> {
  const { refused, sources, index, rejects, maxRejects, note } = options;
  if (refused.length === 0) return;
  const { exact, firstRows } = index;
  const errorOfRow = new Map(refused.map(({ row, error }) => [row, error]));
  const errors = new Map<number, string>();
  for (let group = 0; group < exact.counts.groups; group++) {
    const error = errorOfRow.get(exact.firstRow(group));
    if (error !== undefined) errors.set(group, error);
  }
  const rows = exact.reject(new Set(errors.keys()));
  const brake = new RejectsBrake(maxRejects, rejects.count);
  let next = 0;
  let example = "";
  for (const [s, source] of sources.entries()) {
    const first = next;
    while (next < rows.length && rows[next].row < firstRows[s + 1]) next++;
    const records = rows.slice(first, next).map(({ row }) => row - firstRows[s]);
    if (records.length === 0) continue;
    let done = first;
    for await (const found of source.reread(records)) {
      const batch = found.map((raw): Reject => ({ ...raw, error: errors.get(rows[done++].group) as string }));
      index.rejected[s].add(0, batch);
      await rejects.write(source.name, batch);
      brake.add(source.name, batch);
      if (example === "") example = `line ${batch[0].line} of ${source.name}: ${batch[0].error}`;
    }
    if (done < next) throw new Error(`the input changed during the run: ${source.name} has lost records; start again`);
  }
  brake.end(exact.counts.rows);
  note(`${rows.length} rows are rejected, because the server refuses ${refused.length} texts. The first: ${example}`);
}
