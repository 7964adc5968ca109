import { InputError } from "../../errors.js";
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
  const { refused, index, rejects, maxRejects, note } = options;
  if (refused.length === 0) return;
  const { exact } = index;
  const errorOfRow = new Map(refused.map(({ row, error }) => [row, error]));
  const errors = new Map<number, string>();
  for (let group = 0; group < exact.counts.groups; group++) {
    const error = errorOfRow.get(exact.firstRow(group));
    if (error !== undefined) errors.set(group, error);
  }
  const rows = exact.reject(new Set(errors.keys()));
  const brake = new RejectsBrake(maxRejects, rejects.count);
  let example = "";
  const onReject = (source: string, batch: readonly Reject[]) => {
    brake.add(source, batch);
    if (example === "") example = `line ${batch[0].line} of ${source}: ${batch[0].error}`;
  };
  const errorOf = ({ group }: { readonly group: number }) => errors.get(group) as string;
  await writeRefused({
    rows: rows.map((row) => ({ row: row.row, error: errorOf(row) })),
    inputs: options,
    rejects,
    onReject,
  });
  brake.end(exact.counts.rows);
  note(rejectedRowsNote(rows.length, refused.length, example));
}

/**
 * Says that rows are rejected because a server refuses their texts.
 * @param first the first of these rows, by source and line, and the reason
 */
export function rejectedRowsNote(rows: number, texts: number, first: string): string {
  return `${rows} rows are rejected, because the server refuses ${texts} texts. The first: ${first}`;
}

/** @throws InputError where a server has refused the last records that were left */
export function requireAccepted(rejected: number, records: number): void {
  if (rejected < records) return;
  throw new InputError(
    `all ${rejected} records were rejected, the last of them by the server; nothing was published, and earlier outputs stay as they are`,
  );
}

/**
 * Reads rows once more and appends them to the rejects; `inputs.index.rejected` knows them from then on.
 * @param options.rows numbers of accepted rows, ascending, each with the reason why it is rejected nevertheless
 * @param options.onReject called with each batch of rejects that is written, and the name of its source
 * @throws Error where a source has lost records since it was read
 */
export async function writeRefused(options: {
  readonly rows: readonly { readonly row: number; readonly error: string }[];
  readonly inputs: {
    readonly sources: readonly Source[];
    readonly index: Pick<RowIndex, "firstRows" | "rejected">;
  };
  readonly rejects: RejectsWriter;
  readonly onReject?: (source: string, batch: readonly Reject[]) => void;
}): Promise<void> {
  const { rows, inputs, rejects, onReject } = options;
  const { firstRows, rejected } = inputs.index;
  let next = 0;
  for (const [s, source] of inputs.sources.entries()) {
    const first = next;
    while (next < rows.length && rows[next].row < firstRows[s + 1]) next++;
    const records = rows.slice(first, next).map(({ row }) => row - firstRows[s]);
    if (records.length === 0) continue;
    let done = first;
    for await (const found of source.reread(records)) {
      const batch = found.map((raw): Reject => ({ ...raw, error: rows[done++].error }));
      rejected[s].add(0, batch);
      await rejects.write(source.name, batch);
      onReject?.(source.name, batch);
    }
    if (done < next) throw new Error(`the input changed during the run: ${source.name} has lost records; start again`);
  }
}
