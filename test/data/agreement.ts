/**
 * V-measure of a clustering against classes (Rosenberg and Hirschberg 2007), which equals the mutual information normalised
 * by the mean of both entropies (NMI).
 */
export function vMeasure(clusters: readonly unknown[], classes: readonly unknown[]): number {
  const n = clusters.length;
  const count = (keys: readonly unknown[]) => {
    const counts = new Map<unknown, number>();
    for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
    return counts;
  };
  const entropy = (counts: Map<unknown, number>) =>
    [...counts.values()].reduce((sum, c) => sum - (c / n) * Math.log(c / n), 0);
  const together = count(clusters.map((cluster, i) => `${cluster}\n${classes[i]}`));
  const [a, b] = [entropy(count(clusters)), entropy(count(classes))];
  return (2 * (a + b - entropy(together))) / (a + b);
}
