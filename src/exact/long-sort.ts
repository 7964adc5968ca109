/** Values that are sorted or merged between two pauses: about 30 ms of comparisons. */
const RUN = 1 << 16;

/**
 * Merge sort that leaves its thread free now and then: it sorts runs, merges them in pairs, and awaits `pause` in
 * between. Sorting 4 million rows by length in one call would hold the thread for 5 seconds, in which no signal is
 * handled.
 * @param values sorted in place at first, then used as a buffer: not to be used afterwards
 * @param compare as for `sort`, but never 0 for different values, so that the order does not depend on the runs
 * @param pause awaited after at most `run` values; may throw to stop the sort
 * @returns the sorted values, in `values` or in another array of the same length
 */
export async function longSort(
  values: Uint32Array,
  compare: (a: number, b: number) => number,
  pause: () => Promise<void>,
  run = RUN,
): Promise<Uint32Array> {
  const { length } = values;
  for (let start = 0; start < length; start += run) {
    values.subarray(start, start + run).sort(compare);
    await pause();
  }
  let sorted = values;
  let room: Uint32Array = new Uint32Array(length > run ? length : 0);
  for (let width = run; width < length; width *= 2) {
    for (let start = 0; start < length; start += 2 * width) {
      const middle = Math.min(start + width, length);
      const end = Math.min(start + 2 * width, length);
      let a = start;
      let b = middle;
      for (let out = start; out < end; ) {
        for (const stop = Math.min(out + run, end); out < stop; out++) {
          const takeFirst = b === end || (a < middle && compare(sorted[a], sorted[b]) < 0);
          room[out] = sorted[takeFirst ? a++ : b++];
        }
        await pause();
      }
    }
    [sorted, room] = [room, sorted];
  }
  return sorted;
}
