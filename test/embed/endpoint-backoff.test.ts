import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { answerText, refusesSize, shorterLength } from "../../src/embed/endpoint/answer.js";
import { backoffMs, retryAfterMs } from "../../src/network.js";

test("waits double up to the longest, their upper half by chance", () => {
  const limits = { firstMs: 500, longestMs: 15_000 };
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6, 7, 40].map((failures) => backoffMs(failures, limits, 0)),
    [250, 500, 1000, 2000, 4000, 7500, 7500, 7500],
  );
  assert.equal(backoffMs(1, limits, 0.5), 375);
  assert.ok(backoffMs(9, limits, 0.999) < 15_000);
});

test("Retry-After is read as seconds or as a date, and as nothing where it is neither", () => {
  const now = Date.parse("2026-01-02T03:04:05Z");
  assert.equal(retryAfterMs("120", now), 120_000);
  assert.equal(retryAfterMs(" 0 ", now), 0);
  assert.equal(retryAfterMs("Fri, 02 Jan 2026 03:04:35 GMT", now), 30_000);
  assert.equal(retryAfterMs("Fri, 02 Jan 2026 03:00:00 GMT", now), 0);
  for (const header of [undefined, "", "soon", "-5", "2026"]) {
    assert.equal(retryAfterMs(header, now), header === "2026" ? 2_026_000 : undefined);
  }
});

test("what a server says is found in the shapes that servers have", () => {
  for (const body of [
    { error: { message: "too bad", type: "x" } },
    { object: "error", message: "too bad", code: 400 },
    { error: "too bad", error_type: "Validation" },
    { detail: "too bad" },
  ]) {
    assert.equal(answerText(Buffer.from(JSON.stringify(body))), "too bad");
  }
  assert.equal(answerText(Buffer.from("<h1>too\n bad</h1>")), "<h1>too bad</h1>");
  assert.equal(answerText(Buffer.from("null")), "null");
  assert.match(answerText(Buffer.from('{"detail":[{"msg":"at most 5 characters"}]}')), /at most 5 characters/);
  assert.equal(answerText(Buffer.from("x".repeat(9999))).length, 300);
});

test("a refusal of the size is told from others", () => {
  const answer = (status: number, message: string) => ({
    status,
    headers: {},
    body: Buffer.from(JSON.stringify({ message })),
  });
  assert.ok(refusesSize(answer(413, "")));
  assert.ok(refusesSize(answer(400, "The input (600 tokens) is longer than the model's context length (512 tokens).")));
  assert.ok(refusesSize(answer(422, "String should have at most 122880 characters")));
  assert.ok(!refusesSize(answer(400, "the model does not exist")));
  assert.ok(!refusesSize(answer(404, "too many")));
});

test("a text is cut in the ratio of the two counts that the server names, never in the middle of a character", () => {
  assert.equal(shorterLength("x".repeat(1000), "must have less than 512 tokens. Given: 1024"), 490);
  assert.equal(shorterLength("x".repeat(1000), "too long"), 750);
  assert.equal(shorterLength("x".repeat(1000), "request 123456789 is over 12 items"), 750);
  assert.equal(shorterLength("x", "too long"), 0);
  fc.assert(
    fc.property(fc.string({ unit: "binary", minLength: 1 }), fc.string(), (text, said) => {
      const length = shorterLength(text, said);
      assert.ok(length >= 0 && length < text.length);
      assert.doesNotMatch(text.slice(0, length), /\p{Surrogate}/u);
    }),
  );
});
