import { kmeans, selfJoin } from "bge-dedup";

// Unit vectors, n × dim in one array: here three, of which the last resembles the first.
const vectors = Float32Array.of(1, 0, 0, 0, 1, 0, 0.8, 0, 0.6);

const { keptBy, similarity } = await selfJoin({ vectors, dim: 3, threshold: 0.75 });
console.log(keptBy.join(" "), similarity[2].toFixed(3));

const { assignment, inertia } = await kmeans({ vectors, dim: 3, k: 2 });
console.log(assignment.join(" "), inertia.toFixed(3));
