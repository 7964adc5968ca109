import { workerData } from "node:worker_threads";
import { UnavailableError } from "../../src/errors.js";
import { serve } from "../../src/workers/server.js";

/** What the tests ask of the worker. */
export type EchoRequest =
  | { readonly kind: "echo"; readonly bytes: Uint8Array; readonly wait?: number }
  | { readonly kind: "fail" | "unavailable" | "exit" | "crash" | "name" };

/** A worker for tests: gives back what it got, fails, ends or crashes on demand. */
serve<EchoRequest, Uint8Array | string>(
  async (request) => {
    switch (request.kind) {
      case "echo":
        if (request.wait !== undefined) await new Promise((resolve) => setTimeout(resolve, request.wait));
        return request.bytes;
      case "fail":
        throw new Error("it failed");
      case "unavailable":
        throw new UnavailableError("no device");
      case "exit":
        return process.exit(7);
      case "crash":
        setImmediate(() => {
          throw new RangeError("crashed");
        });
        return new Promise(() => {});
      case "name":
        return String((workerData as { name: string }).name);
    }
  },
  (result) => (typeof result === "string" ? [] : [result.buffer as ArrayBuffer]),
);
