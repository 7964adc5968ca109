"""Clusters of today from given centroids, or each row's nearest of them, by scikit-learn or FAISS; prints one JSON line.

`--peer sklearn`: KMeans(init=centroids) over the vectors of a folder, with its labels. `--peer assign-sklearn` and
`assign-faiss`: the nearest centroid of every row, timed with the reading of the file.
"""
import argparse
import json
import time

import numpy as np
import pyarrow as pa
from threadpoolctl import threadpool_limits

parser = argparse.ArgumentParser()
parser.add_argument("embeddings")
parser.add_argument("centroids")
parser.add_argument("--peer", choices=["sklearn", "assign-sklearn", "assign-faiss"], required=True)
parser.add_argument("--threads", type=int, required=True)
args = parser.parse_args()


def vectors(path, column):
    with pa.memory_map(path) as file:
        for batch in [pa.ipc.open_file(file).get_batch(i) for i in range(pa.ipc.open_file(file).num_record_batches)]:
            values = batch.column(column)
            yield values.flatten().to_numpy(zero_copy_only=True).reshape(len(values), -1)


start = np.concatenate(list(vectors(args.centroids, "centroid")))
with threadpool_limits(args.threads):
    if args.peer == "sklearn":
        from sklearn.cluster import KMeans

        x = np.concatenate(list(vectors(args.embeddings, "embedding")))
        found = KMeans(len(start), init=start, n_init=1, max_iter=50).fit(x)
        print(json.dumps({"labels": found.labels_.tolist(), "inertia": float(found.inertia_)}))
    else:
        began, began_cpu = time.perf_counter(), time.process_time()
        if args.peer == "assign-faiss":
            import faiss

            faiss.omp_set_num_threads(args.threads)
            index = faiss.IndexFlatL2(start.shape[1])
            index.add(np.ascontiguousarray(start))
            found = [index.search(np.ascontiguousarray(part), 1)[1][:, 0] for part in vectors(args.embeddings, "embedding")]
        else:
            from sklearn.metrics import pairwise_distances_argmin

            found = [pairwise_distances_argmin(part, start) for part in vectors(args.embeddings, "embedding")]
        seconds, cpu = time.perf_counter() - began, time.process_time() - began_cpu
        print(json.dumps({"seconds": seconds, "cpu": cpu, "sizes": np.bincount(np.concatenate(found), minlength=len(start)).tolist()}))
