/**
 * Maps an async iterable with up to `concurrency` calls in flight and yields the results in input order. The source is
 * pulled only when fewer calls are in flight, so memory is bounded by `concurrency` items and results. If a call
 * rejects, or if the caller stops early, the calls in flight are awaited and the source is closed.
 * @throws whatever `map` or the source throws, at the position of the item in the order
 */
export async function* orderedMap<T, R>(
  source: AsyncIterable<T>,
  map: (item: T) => Promise<R>,
  concurrency: number,
): AsyncGenerator<R> {
  const pending: Promise<R>[] = [];
  const iterator = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { done, value } = await iterator.next();
      if (!done) {
        const result = map(value);
        // A rejection is thrown when its turn comes; until then Node must not count it as unhandled.
        result.catch(() => {});
        pending.push(result);
      }
      while (pending.length >= concurrency || (done && pending.length > 0)) yield await (pending.shift() as Promise<R>);
      if (done) return;
    }
  } finally {
    await Promise.allSettled(pending);
    await iterator.return?.(undefined);
  }
}
