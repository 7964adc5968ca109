import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { EmbeddedWindow, TokenParts } from "../../src/embed/local/embedder.js";
import { joinVectors, splitWindow } from "../../src/embed/local/split-window.js";

/** Texts of some parts each, every part some tokens; token ids count up, so that a shift shows. */
function windowOf(texts: readonly (readonly number[])[], long: boolean): TokenParts {
  const parts = texts.flatMap((lengths) => (long ? lengths : [lengths[0]]));
  const offsets = new Int32Array(parts.length + 1);
  for (const [i, tokens] of parts.entries()) offsets[i + 1] = offsets[i] + tokens;
  const ids = Int32Array.from({ length: offsets[parts.length] }, (_, i) => i);
  if (!long) return { ids, offsets };
  const firstPart = new Int32Array(texts.length + 1);
  for (const [i, lengths] of texts.entries()) firstPart[i + 1] = firstPart[i] + lengths.length;
  return { ids, offsets, firstPart };
}

/** Stands for a model: the vector of a text is the sum, the number and the first of its token ids. */
function embed({ ids, offsets, firstPart }: TokenParts): EmbeddedWindow {
  const texts = (firstPart ?? offsets).length - 1;
  const vectors = new Float32Array(texts * 3);
  const directed = new Uint8Array(texts);
  for (let i = 0; i < texts; i++) {
    const [from, to] = firstPart === undefined ? [i, i + 1] : [firstPart[i], firstPart[i + 1]];
    const own = ids.subarray(offsets[from], offsets[to]);
    vectors.set([own.reduce((a, b) => a + b, 0), own.length, own[0] ?? -1], i * 3);
    directed[i] = own.length > 0 ? 1 : 0;
  }
  return { vectors, directed, tokens: ids.length, paddedTokens: ids.length + texts, notes: [`${texts} texts`] };
}

describe("a window shared among sessions", () => {
  const window = fc
    .tuple(
      fc.array(fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 4 }), { maxLength: 40 }),
      fc.boolean(),
    )
    .map(([texts, long]) => windowOf(texts, long));

  it("gives the vectors that it gives whole", () => {
    fc.assert(
      fc.property(window, fc.integer({ min: 1, max: 9 }), (whole, pieces) => {
        const split = splitWindow(whole, pieces);
        assert.ok(split.length >= 1 && split.length <= pieces);
        const { notes, ...joined } = joinVectors(split.map(embed));
        const { notes: _, ...expected } = embed(whole);
        assert.deepEqual(joined, expected);
        assert.equal(notes?.length, split.length);
      }),
    );
  });

  it("is cut into pieces that own their buffers, none longer than its share and one text", () => {
    fc.assert(
      fc.property(window, fc.integer({ min: 2, max: 9 }), (whole, pieces) => {
        const split = splitWindow(whole, pieces);
        if (split.length === 1) return;
        for (const { ids, offsets } of split) {
          assert.equal(ids.byteLength, ids.buffer.byteLength);
          assert.equal(offsets.byteLength, offsets.buffer.byteLength);
          assert.ok(ids.length <= whole.ids.length / pieces + 4 * 40);
        }
      }),
    );
  });
});
