/**
 * Combines the vectors of a text's parts: their mean, weighted by tokens, scaled to length 1. A text of one part takes
 * the vector of that part unchanged. A text has no direction if its parts have none or cancel each other out.
 * @param vectors parts × dim, row-major, each of length 1 or zero; stays the caller's
 * @param offsets parts + 1 offsets of the token ids; their differences are the weights
 * @param firstPart n + 1 entries: text i has the parts `firstPart[i]..firstPart[i + 1]`
 * @returns new arrays: vectors, n × dim, and `directed`, 1 for each text that has a direction
 */
export function averageParts(
  vectors: Float32Array,
  dim: number,
  offsets: Int32Array,
  firstPart: Int32Array,
): { vectors: Float32Array; directed: Uint8Array } {
  const texts = firstPart.length - 1;
  const out = new Float32Array(texts * dim);
  const directed = new Uint8Array(texts);
  const sum = new Float64Array(dim);
  for (let i = 0; i < texts; i++) {
    const first = firstPart[i];
    const last = firstPart[i + 1];
    if (last - first === 1) {
      const vector = vectors.subarray(first * dim, last * dim);
      out.set(vector, i * dim);
      directed[i] = vector.some((value) => value !== 0) ? 1 : 0;
      continue;
    }
    sum.fill(0);
    for (let part = first; part < last; part++) {
      const weight = offsets[part + 1] - offsets[part];
      for (let d = 0; d < dim; d++) sum[d] += weight * vectors[part * dim + d];
    }
    let square = 0;
    for (let d = 0; d < dim; d++) square += sum[d] * sum[d];
    if (square === 0) continue;
    const scale = 1 / Math.sqrt(square);
    for (let d = 0; d < dim; d++) out[i * dim + d] = sum[d] * scale;
    directed[i] = 1;
  }
  return { vectors: out, directed };
}
