import { openVectorStore } from "../../src/vectors/store.js";

/** Prints the smallest cosine and the largest difference between the vectors of two folders that bge-dedup wrote. */
const [a, b] = await Promise.all(
  process.argv.slice(2, 4).map((folder) => openVectorStore(`${folder}/embeddings.arrow`)),
);
const [rowsA, rowsB] = await Promise.all([a.rows(), b.rows()]);
if (a.count !== b.count || a.dim !== b.dim || rowsA.some((row, i) => row !== rowsB[i])) {
  throw new Error(`${a.count} × ${a.dim} vectors and ${b.count} × ${b.dim} are not of the same texts`);
}
const { count, dim } = a;
const positions = [...rowsA.keys()];
const [x, y] = [new Float32Array(count * dim), new Float32Array(count * dim)];
await a.gather(positions, x);
await b.gather(positions, y);
let smallest = 1;
let largest = 0;
for (let i = 0; i < count; i++) {
  let cosine = 0;
  for (let c = i * dim; c < (i + 1) * dim; c++) {
    cosine += x[c] * y[c];
    largest = Math.max(largest, Math.abs(x[c] - y[c]));
  }
  smallest = Math.min(smallest, cosine);
}
console.log(`${count} vectors of ${dim}: smallest cosine ${smallest}, largest difference ${largest}`);
