/**
 * Runs of consecutive rows: row i of run r is `starts[r] + i`, for i < `counts[r]`. The rows 7 8 9 3 4 are two runs,
 * with starts 7 3 and counts 3 2. Every column type copies a whole run at once, and the rows of a list become runs of
 * its items without an index for each item.
 */
export interface Runs {
  /** First row of each run; may be longer than `length`. */
  readonly starts: Uint32Array;
  /** Rows in each run; may be longer than `length`. */
  readonly counts: Uint32Array;
  /** Number of runs in use. */
  readonly length: number;
  /** Rows in all runs together. */
  readonly rows: number;
}

/** One run: `count` rows from `start` on. */
export function oneRun(start: number, count: number): Runs {
  return { starts: Uint32Array.of(start), counts: Uint32Array.of(count), length: 1, rows: count };
}

/** The runs of the given rows, in the given order. Rows may repeat and go backwards, each time in a new run. */
export function runsOf(rows: Uint32Array): Runs {
  const starts = new Uint32Array(rows.length);
  const counts = new Uint32Array(rows.length);
  let length = 0;
  let next = -1;
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i];
    if (row === next) {
      counts[length - 1]++;
    } else {
      starts[length] = row;
      counts[length] = 1;
      length++;
    }
    next = row + 1;
  }
  return { starts, counts, length, rows: rows.length };
}

/**
 * The runs of the items of lists, strings or maps in the given rows. Row i holds the items `offsets[i]` to `offsets[i +
 * 1]` - 1, as in Arrow's List, LargeList and Map. Adjacent runs become one, and empty ones none.
 */
export function itemRuns(offsets: Int32Array | BigInt64Array, runs: Runs): Runs {
  const { starts, counts, length } = runs;
  const itemStarts = new Uint32Array(length);
  const itemCounts = new Uint32Array(length);
  let used = 0;
  let rows = 0;
  let next = -1;
  for (let r = 0; r < length; r++) {
    const start = Number(offsets[starts[r]]);
    const count = Number(offsets[starts[r] + counts[r]]) - start;
    if (count === 0) continue;
    rows += count;
    if (start === next) {
      itemCounts[used - 1] += count;
    } else {
      itemStarts[used] = start;
      itemCounts[used] = count;
      used++;
    }
    next = start + count;
  }
  return { starts: itemStarts, counts: itemCounts, length: used, rows };
}

/** The runs of items where every row has `width` items, as in a FixedSizeList. */
export function scaledRuns(runs: Runs, width: number): Runs {
  const { length } = runs;
  return {
    starts: runs.starts.subarray(0, length).map((start) => start * width),
    counts: runs.counts.subarray(0, length).map((count) => count * width),
    length,
    rows: runs.rows * width,
  };
}
