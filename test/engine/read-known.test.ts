import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { readColumns } from "../../src/io/arrow/number-table.js";
import { openAgainst } from "../../src/run/against/against.js";
import { prepareModel } from "../../src/run/embed/prepare-model.js";
import { dedup, dedupOptions, silent, testFolder, writeJsonl } from "../run/folders.js";
import { requireSame } from "./same-reading.js";

const folder = testFolder();
let files = 0;
const file = (...texts: string[]) =>
  writeJsonl(
    join(folder, `${files++}.jsonl`),
    texts.map((text) => ({ text })),
  );

describe("texts that references have are known to the numbering as to one machine", () => {
  it("as received and after normalising, kept and removed ones, and their vectors are listed", async () => {
    const nights = [join(folder, "night-0"), join(folder, "night-1")];
    await dedup([file("The first text", "the ＦＩＲＳＴ text", "another one 1")], nights[0]);
    await dedup([file("a third thing", "A third thing", "unlike 2 all others")], nights[1], { against: [nights[0]] });
    const inputs = [
      file("new here", "the first text", "A third thing", "new here"),
      file("The first text", "a third thing", "a third thing", "new ＨＥＲＥ"),
      file("another one 1", "The first text", "unlike 2 all others"),
    ];
    const guards = { numbers: true, negation: false, names: false };
    const out = join(folder, "out");
    mkdirSync(out);
    const options = dedupOptions(inputs, out, { against: nights, guards });
    const against = await openAgainst(options, { reporter: silent });
    assert.ok(against !== undefined);
    const { model } = await prepareModel(options, silent);
    const known = await against.readTexts(model);
    const tasks = await requireSame(options, { shards: [1, 1, 1], buckets: 2, chunkTexts: 3 }, 4, known);
    assert.ok(tasks !== undefined);

    const { facts, path } = await tasks.get("number", 0);
    assert.deepEqual(facts.known, { rows: 8, raws: 6, groups: 4 });
    assert.equal(facts.against, against.identity);
    const { vectors } = against;
    assert.ok(vectors?.signatures !== undefined);
    assert.deepEqual(facts.references, { stores: nights.map((night) => join(night, "embeddings.arrow")), vectors: 4 });
    const listed = await readColumns<{ position: Uint32Array; signature: BigUint64Array }>(path("references.arrow"));
    assert.deepEqual([...listed.position], [...vectors.order]);
    assert.deepEqual(
      [...listed.signature],
      Array.from(vectors.order, (position) => vectors.signatures?.[position]),
    );
    await against.close();
  });

  it("a pattern without a match knows nothing", async () => {
    const out = join(folder, "first-night");
    const options = dedupOptions([file("a", "b"), file("a")], out, { against: [join(folder, "no-night-*")] });
    const against = await openAgainst(options, { reporter: silent });
    const known = await against?.readTexts((await prepareModel(options, silent)).model);
    const tasks = await requireSame(options, { shards: [1, 1], buckets: 1, chunkTexts: 3 }, 0, known);
    assert.equal((await tasks?.get("number", 0))?.facts.references, undefined);
    await against?.close();
  });
});
