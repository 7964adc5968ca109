import { kmeans, selfJoin } from "bge-dedup";

const vectors = Float32Array.of(1, 0, 0, 1, 0.8, 0.6); // unit vectors, n × dim in one array
const { keptBy, similarity } = await selfJoin({ vectors, dim: 2, threshold: 0.75 });
console.log(keptBy.join(" "), similarity[2].toFixed(3)); // the third goes on account of the first
const { assignment } = await kmeans({ vectors, dim: 2, k: 2 });
console.log(assignment.join(" "));
