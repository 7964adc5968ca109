import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { parseEndpoint } from "../../src/embed/endpoint/address.js";
import { sharedOptions } from "../../src/run/flags/shared.js";

test("paths lie below the URL as given, and beside its /v1", () => {
  for (const text of ["http://host:30000/v1", "http://host:30000/v1/", "http://host:30000/v1/embeddings"]) {
    const address = parseEndpoint(text);
    assert.equal(address.shown, "http://host:30000/v1");
    assert.deepEqual(address.bases, ["http://host:30000/v1"]);
    assert.equal(address.at(address.bases[0], "embeddings").href, "http://host:30000/v1/embeddings");
    assert.equal(address.besides("health").href, "http://host:30000/health");
  }
  const proxied = parseEndpoint("https://gateway.example/team/v1?api-version=2");
  assert.equal(proxied.besides("health").href, "https://gateway.example/team/health?api-version=2");
  assert.equal(proxied.at(proxied.bases[0], "models").href, "https://gateway.example/team/v1/models?api-version=2");
});

test("without /v1 it is tried first", () => {
  assert.deepEqual(parseEndpoint("http://[::1]:7997").bases, ["http://[::1]:7997/v1", "http://[::1]:7997"]);
});

test("what is no URL of a server is refused without its secrets", () => {
  for (const text of ["host:30000", "ftp://host/v1", "", "http://", "//someone:hidden@host/v1?key=hidden"]) {
    assert.throws(
      () => parseEndpoint(text),
      (error: Error & { exitCode?: number }) => {
        assert.equal(error.exitCode, 2);
        assert.match(error.message, /expected one like http:\/\/host:30000\/v1/);
        assert.doesNotMatch(error.message, /hidden/);
        return true;
      },
    );
  }
  assert.throws(() => parseEndpoint("http://host/v1", "two words"), /BGE_API_KEY holds characters/);
});

test("a key goes as Bearer, a user of the URL as Basic, the key first", () => {
  assert.deepEqual(parseEndpoint("http://host/v1").headers(), {});
  assert.deepEqual(parseEndpoint("http://host/v1", " abc\n").headers(), { authorization: "Bearer abc" });
  const basic = `Basic ${Buffer.from("me:p@ss").toString("base64")}`;
  assert.deepEqual(parseEndpoint("http://me:p%40ss@host/v1").headers(), { authorization: basic });
  assert.deepEqual(parseEndpoint("http://me:pass@host/v1", "abc").headers(), { authorization: "Bearer abc" });
});

test("no way of writing an address out shows a secret", () => {
  const address = parseEndpoint("http://user1:pass%2Fword@host/v1?key=k%2By12&v=1", "bearer-key");
  const written = `${JSON.stringify(address)} ${inspect(address, { depth: 9 })} ${address.shown}`;
  assert.doesNotMatch(written, /user1|pass|word|k\\+y12|k%2By12|bearer/);
  assert.equal(
    address.redact("Bearer bearer-key, user1, pass/word, pass%2Fword, k+y12, k%2By12 and v=1"),
    "Bearer ***, ***, ***, ***, ***, *** and v=1",
  );
});

const flags = {
  textField: ["text"],
  device: "auto",
  dtype: "auto",
  long: "truncate",
  memory: "4GB",
  threads: "2",
  seed: "0",
  fresh: false,
} as unknown as Parameters<typeof sharedOptions>[0];

test("the options of a run hold the server without its secrets, and sixteen requests at once", () => {
  process.env.BGE_API_KEY = "bearer-key";
  try {
    const options = sharedOptions({ ...flags, endpoint: "http://u:hidden-pass@host:1/v1?k=hidden" }, ["-"], "out");
    assert.deepEqual(JSON.parse(JSON.stringify(options.endpoint)), { url: "http://host:1/v1", concurrency: 16 });
    assert.doesNotMatch(JSON.stringify(options) + inspect(options, { depth: 9 }), /hidden|bearer/);
    assert.deepEqual(options.endpoint?.address().headers(), { authorization: "Bearer bearer-key" });
  } finally {
    delete process.env.BGE_API_KEY;
  }
});

test("flags of a local model and of a server exclude each other", () => {
  const endpoint = "http://host/v1";
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ endpoint, model: "builtin" }, /--model and --endpoint exclude each other/],
    [{ endpoint, device: "cuda" }, /--device has no effect on a server/],
    [{ endpoint, dtype: "fp16" }, /--dtype has no effect/],
    [{ endpoint, maxLength: "64" }, /--max-length has no effect/],
    [{ endpoint, long: "mean" }, /--long has no effect/],
    [{ endpoint, batchTokens: "64" }, /--batch-tokens has no effect/],
    [{ endpoint, concurrency: "0" }, /concurrency/],
    [{ endpointModel: "m" }, /--endpoint-model needs --endpoint/],
    [{ concurrency: "4" }, /--concurrency needs --endpoint/],
  ];
  for (const [given, message] of wrong) {
    assert.throws(() => sharedOptions({ ...flags, ...given }, ["-"], "out"), { exitCode: 2, message });
  }
});
