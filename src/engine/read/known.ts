import { resolve } from "node:path";
import type { KnownTexts } from "../../exact/exact.js";
import { readParts, writeColumns } from "../../io/arrow/number-table.js";
import { type Against, openAgainst, whileUnchanged } from "../../run/against/against.js";
import { prepareModel } from "../../run/embed/prepare-model.js";
import type { NumberFacts } from "../facts.js";
import type { TaskContext } from "../stage.js";
import { FILES } from "../task-files.js";
import type { BucketRaws } from "./bucket.js";
import type { Entries } from "./entries.js";
import type { NumberedTexts } from "./numbering.js";

/** What the references know of the texts of a run. */
export interface Known {
  /** Entry of each group among the references' texts; -1 for none. */
  readonly entry: Int32Array;
  readonly facts: Pick<NumberFacts, "known" | "against" | "references">;
}

/**
 * Opens the references, looks up all texts of the run, and writes known.arrow and references.arrow, see `number`.
 * @returns undefined where the run has no `--against`
 * @throws as `openAgainst` and `Against.readTexts`; UnavailableError where the model cannot be had
 */
export async function knownByReferences(context: TaskContext, texts: NumberedTexts): Promise<Known | undefined> {
  const { options, reporter, signal } = context;
  const against = await openAgainst(options, { reporter, signal });
  if (against === undefined) return undefined;
  try {
    return await whileUnchanged(against, async () => {
      // The tasks that embed tell of the model.
      const { model } = await prepareModel(options, { ...reporter, note: () => {} }, signal);
      const known = await lookUp(context, await against.readTexts(model), texts);
      const references = await writeReferences(context, against);
      await against.requireUnchanged();
      const facts = { known: known.counts, against: against.identity };
      return { entry: known.entry, facts: references === undefined ? facts : { ...facts, references } };
    });
  } finally {
    await against.close();
  }
}

/** Looks up the normal form of each group, and each distinct text of the groups that are known. */
async function lookUp(
  { path, signal }: TaskContext,
  known: KnownTexts,
  { shards, buckets, numbers }: NumberedTexts,
): Promise<{ readonly entry: Int32Array; readonly counts: NumberFacts["known"] }> {
  const begins = await beginningTexts(shards, buckets);
  const entry = new Int32Array(numbers.groups);
  const counts = { rows: 0, raws: 0, groups: 0 };
  const parts: { readonly equals: Uint8Array }[] = [];
  const [form, text] = [new Uint32Array(4), new Uint32Array(4)];
  for (const [shard, read] of shards.entries()) {
    const first = numbers.firstGroups[shard];
    const looked = new Uint8Array(numbers.firstGroups[shard + 1] - first);
    const equals = new Uint8Array(read.facts.raws);
    for await (const entries of readParts<Entries>(read.path(FILES.read.entries))) {
      signal?.throwIfAborted();
      const { group, raw, size, "form:4": forms, "text:4": received } = entries;
      for (let i = 0; i < raw.length; i++) {
        const number = numbers.ofShard[shard][group[i]];
        if (number >= first && looked[number - first] === 0) {
          looked[number - first] = 1;
          for (let word = 0; word < 4; word++) form[word] = forms[4 * i + word];
          entry[number] = known.find(form);
          if (entry[number] >= 0) counts.groups++;
        }
        if (entry[number] < 0) continue;
        for (let word = 0; word < 4; word++) text[word] = received[4 * i + word];
        equals[raw[i]] = Number(known.equals(entry[number], text));
        counts.rows += size[i];
        counts.raws += begins[shard][raw[i]];
      }
    }
    parts.push({ equals });
  }
  await writeColumns(path(FILES.number.known), ...parts);
  return { entry, counts };
}

/** For each distinct text of each shard 1 where no earlier shard has it. */
async function beginningTexts(
  shards: NumberedTexts["shards"],
  buckets: NumberedTexts["buckets"],
): Promise<readonly Uint8Array[]> {
  const begins = shards.map(({ facts }) => new Uint8Array(facts.raws));
  for (const bucket of buckets) {
    let shard = 0;
    for await (const part of readParts<BucketRaws>(bucket.path(FILES.exact.raws))) {
      for (const [i, raw] of part.raw.entries()) begins[shard][raw] = part.begins[i];
      shard++;
    }
  }
  return begins;
}

/** Writes the places of the references' vectors, and their signatures where a guard is active. */
async function writeReferences({ path }: TaskContext, against: Against): Promise<NumberFacts["references"]> {
  const { vectors, stores } = against;
  if (vectors === undefined) return undefined;
  const { order, signatures } = vectors;
  const position = Uint32Array.from(order);
  const signature = signatures && BigUint64Array.from(order, (at) => signatures[at]);
  await writeColumns(path(FILES.number.references), signature === undefined ? { position } : { position, signature });
  return { stores: stores.map((store) => resolve(store)), vectors: order.length };
}
