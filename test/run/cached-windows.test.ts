import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { emptyRecords, KEY_WORDS } from "../../src/cache/record.js";
import { embedGroup, gatherWindows, type KnownWindow } from "../../src/run/embed/cached-windows.js";
import type { WindowEmbedder } from "../../src/run/embed/window-embedder.js";
import type { TextWindow } from "../../src/run/read/read-texts.js";
import type { LookedUp } from "../../src/workers/messages.js";
import type { VectorCache } from "../../src/workers/vector-cache.js";

const DIM = 3;
/** What the model gives for a text, of which some have no direction and some are refused. */
const modelOf = (text: string) => {
  const number = Number(text);
  return {
    vector: number % 5 === 4 ? [0, 0, 0] : [number, number + 0.5, -number],
    directed: number % 5 === 4 ? 0 : 1,
    truncated: number % 3 === 0 ? 1 : 0,
    tokens: number + 1,
    refused: number % 17 === 16,
  };
};

/** A model that remembers how many texts it was given at once. */
function fakeModel(countsEach: boolean): WindowEmbedder & { readonly given: number[] } {
  const given: number[] = [];
  return {
    dim: DIM,
    given,
    async embed({ texts }) {
      given.push(texts.length);
      const values = texts.map(modelOf);
      return {
        vectors: Float32Array.from(values.flatMap(({ vector, refused }) => (refused ? [0, 0, 0] : vector))),
        directed: Uint8Array.from(values, ({ directed, refused }) => (refused ? 0 : directed)),
        truncated: Uint8Array.from(values, ({ truncated }) => truncated),
        tokens: values.reduce((sum, { tokens }) => sum + tokens, 0),
        ...(countsEach ? { tokensOf: Uint32Array.from(values, ({ tokens }) => tokens) } : {}),
        paddedTokens: 0,
        refused: values.flatMap(({ refused }, index) => (refused ? [{ index, error: "refused" }] : [])),
      };
    },
    async close() {},
  };
}

/** A cache that has the texts of `has`; the key of a text is its number. */
function known(window: TextWindow, has: ReadonlySet<string>): LookedUp {
  const { texts } = window;
  const hits = texts.map((text) => has.has(text) && !modelOf(text).refused);
  const dim = hits.includes(true) ? DIM : 0;
  const records = emptyRecords(texts.length, dim);
  for (const [i, text] of texts.entries()) {
    if (!hits[i]) continue;
    const { vector, directed, truncated, tokens } = modelOf(text);
    records.vectors.set(vector, i * DIM);
    records.directed[i] = directed;
    records.truncated[i] = truncated;
    records.tokens[i] = tokens;
  }
  const keys = new Uint32Array(texts.length * KEY_WORDS);
  for (const [i, text] of texts.entries()) keys[KEY_WORDS * i] = Number(text);
  return { ...records, dim, found: Uint8Array.from(hits, Number), damaged: 0, keys };
}

function recorder() {
  const stored = new Map<number, number[]>();
  const cache: VectorCache = {
    counts: { hits: 0, misses: 0 },
    busy: 0,
    lookUp: () => assert.fail("not asked here"),
    async store(keys, { vectors }, dim) {
      for (let i = 0; i < keys.length / KEY_WORDS; i++) {
        stored.set(keys[KEY_WORDS * i], [...vectors.subarray(i * dim, (i + 1) * dim)]);
      }
    },
    async close() {},
  };
  return { stored, cache };
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

describe("windows that a cache knows in part", () => {
  it("come out in order with the vectors and counts of the model, whatever the cache has and wherever it is given up", async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 12 });
    const settings = fc.record({
      sizes,
      has: fc.uniqueArray(fc.integer({ min: 0, max: 150 })),
      stored: fc.integer({ min: 0, max: 4 }),
      off: fc.integer({ min: 0, max: 14 }),
      chars: fc.integer({ min: 0, max: 60 }),
      bytes: fc.integer({ min: 0, max: 400 }),
      countsEach: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(settings, async ({ sizes, has, stored, off, chars, bytes, countsEach }) => {
        const numbers = new Set(has.map(String));
        let next = 0;
        const windows = sizes.map((size): TextWindow => {
          const rows = Array.from({ length: size }, () => next++);
          return { rows, texts: rows.map(String) };
        });
        const asked = windows.map((window, w): KnownWindow => {
          if (w < stored) return { window, stored: true };
          return { window, stored: false, known: w < off ? known(window, numbers) : undefined };
        });
        const model = fakeModel(countsEach);
        const { stored: kept, cache } = recorder();
        const out = [];
        for await (const group of gatherWindows(each(asked), { chars, bytes })) {
          out.push(...(await embedGroup(group, async () => model, cache)));
        }
        assert.deepEqual(
          out.map(({ window }) => window),
          windows,
        );
        let tokens = 0;
        for (const [w, { window, embedded }] of out.entries()) {
          assert.equal(embedded === undefined, w < stored);
          if (embedded === undefined) continue;
          const values = window.texts.map(modelOf);
          const { vectors, directed, truncated, refused = [] } = embedded.vectors;
          assert.equal(embedded.dim, DIM);
          assert.deepEqual(
            [...vectors],
            values.flatMap(({ vector, refused }) => (refused ? [0, 0, 0] : vector)),
          );
          assert.deepEqual(
            [...directed],
            values.map(({ directed, refused }) => (refused ? 0 : directed)),
          );
          assert.deepEqual(
            [...truncated],
            values.map(({ truncated }) => truncated),
          );
          assert.deepEqual(
            refused.map(({ index }) => index),
            values.flatMap(({ refused }, i) => (refused ? [i] : [])),
          );
          tokens += embedded.vectors.tokens;
        }
        const expected = windows.slice(stored).flatMap(({ texts }) => texts.map(modelOf));
        assert.equal(
          tokens,
          expected.reduce((sum, { tokens }) => sum + tokens, 0),
        );
        for (const [number, vector] of kept) {
          const { vector: value, refused } = modelOf(String(number));
          assert.ok(!refused && !numbers.has(String(number)));
          assert.deepEqual(vector, value);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("give the model few full windows instead of many with a text or two", async () => {
    const windows = Array.from({ length: 40 }, (_, w): TextWindow => {
      const rows = Array.from({ length: 50 }, (_, i) => 50 * w + i);
      return { rows, texts: rows.map(String) };
    });
    const has = new Set(windows.flatMap(({ texts }) => texts.filter((_, i) => i !== 7)));
    const asked = windows.map((window) => ({ window, stored: false, known: known(window, has) }));
    const model = fakeModel(true);
    const { cache } = recorder();
    for await (const group of gatherWindows(each(asked), { chars: 200, bytes: 1e9 })) {
      await embedGroup(group, async () => model, cache);
    }
    assert.ok(model.given.length <= 4, `${model.given}`);
  });

  it("need no model if nothing is missing", async () => {
    const window = { rows: [1, 2], texts: ["1", "2"] };
    const group = [{ window, stored: false, known: known(window, new Set(["1", "2"])) }];
    const [{ embedded }] = await embedGroup(group, () => assert.fail("the model was started"), undefined);
    assert.deepEqual([...(embedded?.vectors.vectors ?? [])], [1, 1.5, -1, 2, 2.5, -2]);
  });
});
