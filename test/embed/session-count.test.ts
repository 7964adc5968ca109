import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sessionCount } from "../../src/embed/local/session-count.js";

const memory = 4 * 2 ** 30;
const small = { dtype: "int8", weightBytes: 24e6 } as const;

describe("sessions side by side", () => {
  it("are as many as threads for an int8 model on a processor", () => {
    assert.equal(sessionCount({ model: small, provider: "cpu", threads: 2, memory }), 2);
    assert.equal(sessionCount({ model: small, provider: "cpu", threads: 16, memory }), 16);
  });

  it("are one for other models and devices", () => {
    assert.equal(sessionCount({ model: { ...small, dtype: "fp32" }, provider: "cpu", threads: 8, memory }), 1);
    assert.equal(sessionCount({ model: small, provider: "webgpu", threads: 8, memory }), 1);
  });

  it("hold the model in a quarter of the memory, but always one", () => {
    const large = { dtype: "int8", weightBytes: 337e6 } as const;
    assert.equal(sessionCount({ model: large, provider: "cpu", threads: 16, memory }), 3);
    assert.equal(sessionCount({ model: large, provider: "cpu", threads: 16, memory: 1e9 }), 1);
  });
});
