import { InputError, UnavailableError } from "../../src/errors.js";
import { moving } from "../../src/workers/messages.js";
import { serve } from "../../src/workers/serve.js";

/** What the tests ask of the worker. */
export interface Echo {
  readonly startup: { readonly name: string; readonly broken?: boolean };
  readonly calls: {
    /** Gives back the bytes after `wait` milliseconds. */
    echo(request: { readonly bytes: Uint8Array; readonly wait?: number }): Uint8Array;
    /** Tells the numbers below `count`, one by one, each in a buffer of its own; returns the count. */
    countUp(count: number, tell: (part: Uint8Array) => void): number;
    fail(kind: "plain" | "unavailable" | "input"): void;
    exit(): void;
    crash(): void;
    name(): string;
  };
}

/** A worker for tests: gives back what it got, fails, ends or crashes on demand. */
serve<Echo>(async ({ name, broken }) => {
  if (broken) throw new UnavailableError("it does not start");
  return {
    async echo({ bytes, wait }) {
      if (wait !== undefined) await new Promise((resolve) => setTimeout(resolve, wait));
      return moving(bytes, bytes);
    },
    async countUp(count, tell) {
      for (let i = 0; i < count; i++) {
        const part = Uint8Array.of(i);
        tell(moving(part, part));
        if (part.byteLength !== 0) throw new Error("the buffer of a part was copied");
        await new Promise((resolve) => setImmediate(resolve));
      }
      return count;
    },
    async fail(kind) {
      if (kind === "plain") throw new RangeError("it failed");
      throw kind === "input" ? new InputError("no input") : new UnavailableError("no device");
    },
    exit: async () => process.exit(7),
    crash() {
      setImmediate(() => {
        throw new RangeError("crashed");
      });
      return new Promise(() => {});
    },
    name: async () => name,
  };
});
