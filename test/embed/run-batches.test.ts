import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { runBatches } from "../../src/embed/local/run-batches.js";
import { TokenBudget } from "../../src/embed/local/token-budget.js";
import { UnavailableError } from "../../src/errors.js";

/** Runs texts of the given lengths on a device that fails as `fail` says; a text's vector is its number. */
async function runOn(
  lengths: readonly number[],
  options: {
    budget: TokenBudget;
    runTokens?: number;
    fail?: (tokens: number) => string | undefined;
    maxRows?: number;
  },
) {
  const { budget, runTokens = 0, fail = () => undefined, maxRows = Number.POSITIVE_INFINITY } = options;
  const offsets = new Int32Array(lengths.length + 1);
  for (const [i, tokens] of lengths.entries()) offsets[i + 1] = offsets[i] + tokens;
  const notes: string[] = [];
  const sizes: number[] = [];
  const taken = new Map<number, number>();
  const paddedTokens = await runBatches({
    offsets,
    lengthOf: (tokens) => tokens,
    runTokens,
    budget,
    maxRows: () => maxRows,
    async run({ members, length }) {
      const message = fail(members.length * length);
      if (message !== undefined) throw new Error(message);
      sizes.push(members.length * length);
      return Float32Array.from(members);
    },
    take({ members }, vectors) {
      for (const [i, member] of members.entries()) {
        assert.ok(!taken.has(member));
        taken.set(member, vectors[i]);
      }
    },
    note: (message) => notes.push(message),
  });
  return { notes, sizes, taken, paddedTokens };
}

describe("batches", () => {
  it("keep to the budget, unless one text is more, and take each text once", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
        fc.integer({ min: 1, max: 100 }),
        async (lengths, tokens) => {
          const { sizes, taken, paddedTokens } = await runOn(lengths, { budget: new TokenBudget({ tokens }) });
          for (const size of sizes) assert.ok(size <= tokens || lengths.includes(size));
          assert.deepEqual(
            [...taken].sort(([a], [b]) => a - b),
            lengths.map((_, i) => [i, i]),
          );
          assert.equal(
            paddedTokens,
            lengths.reduce((sum, length) => sum + length, 0),
          );
        },
      ),
    );
  });

  it("of several lengths keep to the budget too, and cost no more than one length each", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 50 }),
        async (lengths, tokens, runTokens) => {
          const apart = await runOn(lengths, { budget: new TokenBudget({ tokens }) });
          const joined = await runOn(lengths, { budget: new TokenBudget({ tokens }), runTokens });
          for (const size of joined.sizes) assert.ok(size <= tokens || lengths.includes(size));
          assert.deepEqual(
            [...joined.taken].sort(([a], [b]) => a - b),
            lengths.map((_, i) => [i, i]),
          );
          const cost = ({ paddedTokens, sizes }: typeof joined) => paddedTokens + runTokens * sizes.length;
          assert.ok(cost(joined) <= cost(apart));
        },
      ),
    );
  });

  it("hold no more texts than they may", async () => {
    const { sizes } = await runOn([5, 5, 5], { budget: new TokenBudget({ tokens: 100 }), maxRows: 1 });
    assert.deepEqual(sizes, [5, 5, 5]);
  });
});

describe("a device that runs out of memory", () => {
  const lengths = Array.from({ length: 64 }, () => 10);
  const fail = (tokens: number) => (tokens > 100 ? "CUDA error: out of memory" : undefined);

  it("is given halves until they fit, says so, and every text still comes out", async () => {
    const budget = new TokenBudget({ tokens: 640 });
    const { sizes, taken, notes } = await runOn(lengths, { budget, fail });
    assert.equal(taken.size, 64);
    assert.ok(sizes.every((size) => size === 80 || size <= 100));
    assert.equal(notes.length, 3);
    assert.match(notes[0], /ran out of memory at 640 tokens .* going on with 320/);
    // The next window does not try again what failed.
    assert.deepEqual((await runOn(lengths, { budget, fail })).notes, []);
  });

  it("has not the memory for one text: an error that says what to do", async () => {
    await assert.rejects(runOn([200], { budget: new TokenBudget({ tokens: 640 }), fail }), (error: Error) => {
      assert.ok(error instanceof UnavailableError);
      assert.match(error.message, /one text of 200 tokens.*lower --max-length, or use --device cpu/);
      return true;
    });
  });

  it("is known by the words of every library that a device has", async () => {
    const messages = [
      "Failed to allocate memory for requested buffer of size 17179869184",
      "CUDA failure 2: out of memory ; GPU=0 ; hostname=h",
      "CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0 ; hostname=h",
      "std::bad_alloc",
      "WebGPU validation failed. [Invalid Buffer (unlabeled)] is invalid due to a previous error.\n - While validating entries[2]",
      "Buffer size (4294967296) exceeds the max buffer size limit (2147483648).",
      "Binding size (4294967296) of [Buffer] is larger than the maximum storage buffer binding size (2147483644).",
    ];
    for (const message of messages) {
      const fail = (tokens: number) => (tokens > 20 ? message : undefined);
      const { taken } = await runOn([10, 10, 10, 10], { budget: new TokenBudget({ tokens: 40 }), fail });
      assert.equal(taken.size, 4, message);
    }
    const fail = () => "WebGPU validation failed. [Invalid ShaderModule] is invalid due to a previous error.";
    await assert.rejects(runOn([10, 10], { budget: new TokenBudget({ tokens: 40 }), fail }), /ShaderModule/);
  });

  it("is not confused with one that fails otherwise", async () => {
    const budget = new TokenBudget({ tokens: 640 });
    await assert.rejects(runOn(lengths, { budget, fail: () => "shape mismatch" }), /^Error: shape mismatch$/);
  });
});

describe("a budget of time", () => {
  it("shrinks to what a slow model does in it, and grows again up to what was wanted", () => {
    const budget = new TokenBudget({ tokens: 1000, milliseconds: 500 });
    for (let i = 0; i < 20; i++) budget.measured(budget.tokens, budget.tokens * 2);
    assert.ok(Math.abs(budget.tokens - 250) <= 1, `${budget.tokens}`);
    for (let i = 0; i < 20; i++) budget.measured(budget.tokens, budget.tokens / 10);
    assert.ok(budget.tokens >= 999, `${budget.tokens}`);
  });

  it("does not shrink for a short run of few tokens", () => {
    const budget = new TokenBudget({ tokens: 1000, milliseconds: 500 });
    budget.measured(10, 50);
    assert.equal(budget.tokens, 1000);
  });
});
