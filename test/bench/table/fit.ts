/** The power of x as which y grows: the slope of the straight line that fits the logarithms best (least squares). */
export function fittedExponent(points: readonly (readonly [x: number, y: number])[]): number {
  const logs = points.map((point) => point.map(Math.log));
  const [meanX, meanY] = [0, 1].map((i) => logs.reduce((sum, log) => sum + log[i], 0) / logs.length);
  const slope = logs.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return slope / logs.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
}
