/**
 * Maps an async iterable with up to `concurrency` calls in flight and yields results in input order. The source is pulled
 * only when there is room, so memory is bounded by `concurrency` items and results.
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
        // Handled when its turn comes; until then a rejection must not count as unhandled.
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
