import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fs, { mkdirSync, readdirSync, readFileSync, statSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { describe, it, mock } from "node:test";
import fc from "fast-check";
import { openEmbeddedStore } from "../../src/cache/embedded.js";
import { CacheFolderError } from "../../src/cache/layout.js";
import { keysOf } from "../../src/cache/record.js";
import { folderStats, pruneFolder } from "../../src/cache/upkeep.js";
import { testFolder } from "../run/folders.js";
import { recall, remember, SPACE, someTexts } from "./texts.js";

const DIM = 24;
const folder = testFolder();
let folders = 0;
const newFolder = () => join(folder, `cache-${folders++}`);

const open = (place: string, options: { space?: string; maxBytes?: number } = {}) =>
  openEmbeddedStore({
    folder: place,
    space: SPACE,
    maxBytes: 2 ** 40,
    model: { name: "m", device: "cpu" },
    ...options,
  });

/** Stores texts as one run does. */
async function filled(place: string, ...runs: readonly (readonly string[])[]): Promise<void> {
  for (const texts of runs) {
    const store = open(place);
    await remember(store, texts, DIM);
    await store.close();
  }
}

/** Which texts a run finds. */
async function found(place: string, texts: readonly string[]): Promise<boolean[]> {
  const store = open(place);
  try {
    return await recall(store, texts, DIM);
  } finally {
    await store.close();
  }
}

/** Paths of the files of the space whose name ends so. */
const files = (place: string, ending: string) =>
  readdirSync(join(place, SPACE))
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => join(place, SPACE, name));

const all = (count: number, value: boolean) => new Array<boolean>(count).fill(value);

describe("keys of texts", () => {
  it("are SHA-256 over the space, a zero byte and the text, and tell lone surrogates apart", () => {
    const texts = ["", "a", "如何重置密码", "🙂", "\ud800", "\ud801", "\ufffd"];
    let end = 0;
    const keys = Buffer.from(
      keysOf(
        SPACE,
        texts.join(""),
        Uint32Array.from(texts, (text) => (end += text.length)),
      ).buffer,
    );
    const each = texts.map((_, i) => keys.subarray(20 * i, 20 * (i + 1)).toString("hex"));
    for (const [i, text] of texts.slice(0, 4).entries()) {
      assert.equal(each[i], createHash("sha256").update(`${SPACE}\0${text}`).digest("hex").slice(0, 40), text);
    }
    assert.equal(new Set(each).size, texts.length);
  });
});

describe("the store in a folder", () => {
  it("gives back to the bit what runs have stored, whatever the order and the batches of the look-ups", async () => {
    const place = newFolder();
    const [a, b] = [someTexts("a", 500), someTexts("b", 300)];
    await filled(place, a, b);
    const store = open(place);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...a, ...b, ...someTexts("new", 50)), { maxLength: 200 }),
        async (texts) => {
          const known = await recall(store, texts, DIM);
          assert.deepEqual(
            known,
            texts.map((text) => !text.startsWith("new")),
          );
        },
      ),
      { numRuns: 60 },
    );
    assert.deepEqual(await recall(store, [...b, ...a].reverse(), DIM), all(800, true));
    await store.close();
  });

  it("knows nothing of another model's vectors", async () => {
    const place = newFolder();
    await filled(place, ["one"]);
    const other = open(place, { space: "f".repeat(32) });
    assert.equal(other.dim, undefined);
    assert.deepEqual(await recall(other, ["one"], DIM), [false]);
    await other.close();
  });

  it("reads records that are larger than one read", async () => {
    const place = newFolder();
    const dim = 65_536;
    const texts = ["x", "y", "z"];
    const store = open(place);
    await remember(store, texts, dim);
    await store.close();
    const again = open(place);
    assert.deepEqual(await recall(again, texts, dim), all(3, true));
    await again.close();
  });

  it("serves many runs at once, each of which stores what it likes", async () => {
    const place = newFolder();
    const stores = Array.from({ length: 4 }, () => open(place));
    for (let round = 0; round < 5; round++) {
      for (const [i, store] of stores.entries()) await remember(store, someTexts(`${i % 2} ${round}`, 20), DIM);
    }
    for (const store of stores) await store.close();
    for (const i of [0, 1])
      for (let round = 0; round < 5; round++) {
        assert.deepEqual(await found(place, someTexts(`${i} ${round}`, 20)), all(20, true));
      }
  });
});

describe("damage is a miss", () => {
  const texts = someTexts("text", 40);

  it("wherever a byte of the vectors or the index flips; the vector is stored again and then found", async () => {
    const place = newFolder();
    await filled(place, texts);
    for (const ending of [".vectors", ".index"]) {
      const [path] = files(place, ending);
      const good = readFileSync(path);
      const entry = good.length / texts.length;
      const flip = async (at: number, bits: number) => {
        const bad = Buffer.from(good);
        bad[at] ^= bits;
        writeFileSync(path, bad);
        const known = await found(place, texts);
        const hit = Math.floor(at / entry);
        // An index that leads to the right record all the same does no harm, for the record says whose it is.
        const expected = texts.map((_, i) => i !== hit || (ending === ".index" && known[i]));
        assert.deepEqual(known, expected, `${ending} ${at}`);
      };
      const bytes = fc.integer({ min: 0, max: good.length - 1 });
      await fc.assert(fc.asyncProperty(bytes, fc.integer({ min: 1, max: 255 }), flip), { numRuns: 100 });
      writeFileSync(path, good);
    }
    const [path] = files(place, ".vectors");
    const bad = readFileSync(path);
    bad[100] ^= 1;
    writeFileSync(path, bad);
    await filled(place, texts.slice(0, 1));
    assert.deepEqual(await found(place, texts), all(40, true));
  });

  it("where a file is cut off anywhere, as by a writer that was killed", async () => {
    const place = newFolder();
    await filled(place, texts);
    const [vectors] = files(place, ".vectors");
    const [index] = files(place, ".index");
    const [record, entry] = [statSync(vectors).size / texts.length, statSync(index).size / texts.length];
    for (const [bytes, path, size] of [
      [record * 30 + 5, vectors, record],
      [entry * 20 + 7, index, entry],
      [1, index, entry],
      [0, vectors, record],
    ] as const) {
      truncateSync(path, bytes);
      const known = await found(place, texts);
      assert.deepEqual(
        known,
        texts.map((_, i) => i < Math.floor(bytes / size)),
      );
    }
    await filled(place, texts);
    assert.deepEqual(await found(place, texts), all(40, true));
  });

  it("where the model's description is lost, until the next run has stored something", async () => {
    const place = newFolder();
    await filled(place, texts);
    writeFileSync(join(place, SPACE, "model.json"), "{");
    assert.deepEqual(await found(place, texts), all(40, false));
    await filled(place, ["new"]);
    assert.deepEqual(await found(place, [...texts, "new"]), all(41, true));
  });
});

describe("a folder that cannot serve", () => {
  it("is refused in words, and left as it is", () => {
    const [file, foreign, later] = [newFolder(), newFolder(), newFolder()];
    writeFileSync(file, "x");
    mkdirSync(foreign);
    writeFileSync(join(foreign, "letter.txt"), "x");
    mkdirSync(later);
    writeFileSync(join(later, "cache.json"), '{"program":"bge-dedup","format":2}');
    assert.throws(() => open(file), { message: /is a file/ });
    assert.throws(() => open(foreign), { message: /no cache of this program/ });
    assert.throws(() => open(later), { message: /later version/ });
    for (const each of [foreign, later]) assert.equal(readdirSync(each).length, 1);
    assert.throws(() => pruneFolder(foreign, 0), CacheFolderError);
  });

  it("keeps what it has if the disk is full in the middle of a write", async () => {
    const place = newFolder();
    const store = open(place);
    await remember(store, someTexts("before", 10), DIM);
    let left = 700;
    const real = fs.writeSync;
    const full = mock.method(
      fs,
      "writeSync",
      (fd: number, bytes: Uint8Array, offset: number, length: number, at: number) => {
        const some = Math.min(left, length);
        if (some === 0) throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
        left -= some;
        return real(fd, bytes, offset, some, at);
      },
    );
    syncBuiltinESMExports();
    try {
      await assert.rejects(remember(store, someTexts("beyond", 10), DIM), { code: "ENOSPC" });
    } finally {
      full.mock.restore();
      syncBuiltinESMExports();
    }
    await store.close();
    assert.deepEqual(await found(place, [...someTexts("before", 10), ...someTexts("beyond", 10)]), [
      ...all(10, true),
      ...all(10, false),
    ]);
  });

  it("stores nothing more on a disk that is nearly full", async () => {
    const store = open(newFolder());
    const none = mock.method(fs, "statfsSync", () => ({ bavail: 10, blocks: 1e6, bsize: 4096 }));
    syncBuiltinESMExports();
    try {
      await assert.rejects(remember(store, ["a"], DIM), /0 MB of the disk are free/);
    } finally {
      none.mock.restore();
      syncBuiltinESMExports();
    }
    await store.close();
  });
});

describe("the size of a folder", () => {
  /** Runs on a day. */
  async function onDay<T>(day: number, work: () => Promise<T>): Promise<T> {
    mock.timers.enable({ apis: ["Date"], now: day * 86_400_000 });
    try {
      return await work();
    } finally {
      mock.timers.reset();
    }
  }
  const DAY = 20_000;

  it("is kept by removing what was used longest ago, to the record", async () => {
    const place = newFolder();
    const [a, b, c] = ["a", "b", "c"].map((name) => someTexts(name, 30));
    await onDay(DAY, () => filled(place, a));
    await onDay(DAY + 1, () => filled(place, b));
    await onDay(DAY + 2, () => filled(place, c));
    // Half of the oldest is used again.
    await onDay(DAY + 3, () => found(place, a.slice(0, 15)));
    assert.deepEqual(
      folderStats(place).models.map(({ oldest, newest }) => [oldest, newest]),
      [["2024-10-04", "2024-10-07"]],
    );
    const record = 32 + 4 * DIM + 12;
    assert.deepEqual(folderStats(place), { ...folderStats(place), entries: 90, bytes: 90 * record });
    const after = await onDay(DAY + 3, async () => {
      pruneFolder(place, 60 * record + 1);
      return folderStats(place);
    });
    assert.deepEqual([after.entries, after.bytes], [60, 60 * record]);
    const known = await found(place, [...a, ...b, ...c]);
    assert.deepEqual(known.slice(0, 15), all(15, true));
    assert.deepEqual(known.slice(15, 30), all(15, false));
    assert.equal(known.slice(30, 60).filter(Boolean).length, 15);
    assert.deepEqual(known.slice(60), all(30, true));
    pruneFolder(place, 0);
    assert.equal(folderStats(place).bytes, 0);
    assert.deepEqual(await found(place, a), all(30, false));
  });

  it("is kept by every run that stores something", async () => {
    const place = newFolder();
    const record = 32 + 4 * DIM + 12;
    for (let night = 0; night < 6; night++) {
      await onDay(DAY + night, async () => {
        const store = open(place, { maxBytes: 100 * record });
        await remember(store, someTexts(`night ${night}`, 40), DIM);
        await store.close();
      });
      assert.ok(folderStats(place).bytes <= 100 * record);
    }
    assert.deepEqual(await found(place, someTexts("night 5", 40)), all(40, true));
    assert.deepEqual(await found(place, someTexts("night 0", 40)), all(40, false));
  });

  it("does not take away what an open run reads", async () => {
    const place = newFolder();
    const texts = someTexts("a", 30);
    await filled(place, texts);
    const store = open(place);
    pruneFolder(place, 0);
    assert.deepEqual(await recall(store, texts, DIM), all(30, true));
    await store.close();
    assert.equal(folderStats(place).entries, 0);
  });

  it("stays one of few files after many runs", async () => {
    const place = newFolder();
    for (let run = 0; run < 70; run++) {
      await filled(place, someTexts(`run ${run}`, 2));
      // A segment that nobody has written to for hours.
      for (const path of files(place, ".vectors")) utimesSync(path, 1e9, 1e9);
    }
    assert.ok(files(place, ".index").length < 67, `${files(place, ".index").length} files`);
    for (let run = 0; run < 70; run++) assert.deepEqual(await found(place, someTexts(`run ${run}`, 2)), all(2, true));
  });
});
