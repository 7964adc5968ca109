/** Values that are sorted or merged between two pauses: some 30 ms of comparisons. */
const RUN = 1 << 16;

/**
 * Sorts values as `Uint32Array.prototype.sort` does, in units between which `pause` is awaited: runs first, which are then merged in
 * pairs. Sorting 4 million positions by length in one call keeps the thread for 5 seconds, in which no signal is heard.
 * @param values used as room; not to be used afterwards
 * @param compare as for `sort`; never 0, so that the order does not depend on the runs
 * @param pause awaited after every `run` values; may throw to stop
 * @returns the sorted values, in `values` or in an array of the same length
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
