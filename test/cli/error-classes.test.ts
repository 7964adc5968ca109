import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { verdictOf } from "../../src/cli/exit-code.js";
import * as errors from "../../src/errors.js";
import * as library from "../../src/index.js";
import { receivedError, sentError } from "../../src/workers/messages.js";
import { jobs } from "../jobs/job-files.js";
import { run } from "./command-line.js";

type Failure = new (message: string, options?: ErrorOptions) => Error & { readonly exitCode: number };

/** Every class of errors.ts. */
const classes = Object.values(errors as Record<string, unknown>).filter(
  (value): value is Failure => typeof value === "function" && value.prototype instanceof Error,
);

/** An error of the system, as Node.js throws it. */
const systemError = (code: string) => Object.assign(new Error(`${code}: it failed, open 'file'`), { code });

describe("the classes of errors", () => {
  it("stand for the exit codes 1 to 5, one each", () => {
    assert.deepEqual(
      classes.map((Class) => [Class.name, new Class("it failed").exitCode]),
      [
        ["BrakeError", 4],
        ["FailedRunError", 1],
        ["InputError", 3],
        ["UnavailableError", 5],
        ["UsageError", 2],
      ],
    );
  });

  it("are told by their own code and words", () => {
    for (const Class of classes) {
      const error = new Class("it failed");
      assert.deepEqual(verdictOf(error), { exitCode: error.exitCode, message: "it failed" });
    }
  });

  it("are part of the library", () => {
    for (const Class of classes) assert.equal((library as unknown as Record<string, unknown>)[Class.name], Class);
  });

  it("keep their class on the way from a worker", () => {
    for (const Class of classes) {
      const back = receivedError(structuredClone(sentError(new Class("it failed"))));
      assert.ok(back instanceof Class && back.message === "it failed", Class.name);
    }
  });

  it("are in the README and in the help of both commands, and no other exit code is", async () => {
    const codes = [0, ...classes.map((Class) => new Class("").exitCode), 130].sort((a, b) => a - b);
    const readme = readFileSync(join(dirname(dirname(jobs)), "README.md"), "utf8");
    const texts = [readme];
    for (const command of ["dedup", "cluster"] as const) texts.push((await run(command, ["--help"])).stdout);
    for (const text of texts) {
      const [, list] = /Exit codes: ([^.]*(?:interrupted|by a signal))/s.exec(text) ?? [];
      // In brackets are flags, in which there is no code.
      const named = [...(list ?? "").replaceAll(/\([^)]*\)/gs, "").matchAll(/\b\d+\b/g)].map(([code]) => Number(code));
      assert.deepEqual(
        named.filter((code) => code !== 143),
        codes,
        list,
      );
    }
  });
});

describe("an error of no class of ours", () => {
  it("is a failed run where it may pass: the disk is full, a server of files away", () => {
    for (const code of ["ENOSPC", "EDQUOT", "EIO", "ESTALE", "EAGAIN", "ENOMEM", "EBUSY"]) {
      assert.deepEqual(verdictOf(systemError(code)), { exitCode: 1, message: `${code}: it failed, open 'file'` });
    }
    const unread = new errors.InputError("cannot read a.jsonl: EIO", { cause: systemError("EIO") });
    assert.equal(verdictOf(unread).exitCode, 1);
    const wrapped = new errors.InputError("cannot read a.jsonl", {
      cause: new Error("part", { cause: systemError("EIO") }),
    });
    assert.equal(verdictOf(wrapped).exitCode, 1);
  });

  it("is none where nothing changes by itself: a missing file, a missing right, a link in a circle", () => {
    for (const code of ["ENOENT", "EACCES", "EPERM", "EROFS", "ENOTDIR", "EISDIR", "ELOOP", "ENAMETOOLONG", "EMFILE"]) {
      assert.equal(verdictOf(systemError(code)).exitCode, 3, code);
    }
    const unread = new errors.InputError("cannot read a.jsonl", { cause: systemError("EACCES") });
    assert.equal(verdictOf(unread).exitCode, 3);
    // Nobody repeats a run because a server did not answer; the contract gives that a code of its own.
    const away = new errors.UnavailableError("no answer", { cause: systemError("ETIMEDOUT") });
    assert.equal(verdictOf(away).exitCode, 5);
  });

  it("is a lack of memory, by whatever words", () => {
    const errors = [
      new RangeError("Array buffer allocation failed"),
      new Error("std::bad_alloc"),
      Object.assign(new Error("Worker terminated due to reaching memory limit"), { code: "ERR_WORKER_OUT_OF_MEMORY" }),
    ];
    for (const error of errors) {
      const { exitCode, message } = verdictOf(error);
      assert.equal(exitCode, 1);
      assert.match(message, /^not enough memory \(.*\): lower --memory/);
    }
  });

  it("is a library that is not installed here", () => {
    for (const code of ["ERR_DLOPEN_FAILED", "ERR_MODULE_NOT_FOUND", "MODULE_NOT_FOUND"]) {
      const { exitCode, message } = verdictOf(Object.assign(new Error("libonnxruntime.so.1: not found"), { code }));
      assert.equal(exitCode, 5);
      assert.match(message, /^a part of bge-dedup does not load: libonnxruntime.*; install bge-dedup again/);
    }
  });

  it("is a defect otherwise, which does not pass, from a worker too", () => {
    for (const error of [
      new TypeError("x is no function"),
      new RangeError("invalid length"),
      new Error("3 rows, not 4"),
    ]) {
      const kind = error.constructor === Error ? "" : `${error.constructor.name}: `;
      for (const thrown of [error, receivedError(structuredClone(sentError(error)))]) {
        const { exitCode, message } = verdictOf(thrown);
        assert.equal(exitCode, 3);
        assert.ok(message.startsWith(`a defect of bge-dedup: ${kind}${error.message}; report it`), message);
      }
    }
    for (const thrown of ["words", 5, null, undefined]) assert.equal(verdictOf(thrown).exitCode, 3, String(thrown));
  });
});
