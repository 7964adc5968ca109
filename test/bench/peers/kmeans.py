"""k-means by FAISS or scikit-learn from given starting centroids; prints one JSON line.

Reads rows x dim float32; the inertia is that of the centroids it ends with, measured in float64 over all rows.
"""
import argparse
import json
import resource
import time

import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("vectors")
parser.add_argument("--peer", choices=["faiss", "sklearn"], required=True)
parser.add_argument("--dim", type=int, required=True)
parser.add_argument("--start", required=True)
parser.add_argument("--iterations", type=int, required=True)
parser.add_argument("--threads", type=int, required=True)
args = parser.parse_args()
x = np.fromfile(args.vectors, dtype=np.float32).reshape(-1, args.dim)
start = np.fromfile(args.start, dtype=np.float32).reshape(-1, args.dim)
k = len(start)


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if args.peer == "faiss":
    import faiss

    faiss.omp_set_num_threads(args.threads)
    # By default FAISS takes 256 rows for each cluster only; here every row counts.
    kmeans = faiss.Kmeans(
        args.dim, k, niter=args.iterations, max_points_per_centroid=len(x), min_points_per_centroid=1
    )
    began, began_cpu = time.perf_counter(), cpu()
    kmeans.train(x, init_centroids=start)
    seconds, used = time.perf_counter() - began, cpu() - began_cpu
    centroids, iterations, version = kmeans.centroids, args.iterations, f"faiss {faiss.__version__}"
else:
    import sklearn
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    with threadpool_limits(args.threads):
        kmeans = KMeans(k, init=start, n_init=1, max_iter=args.iterations, tol=0, algorithm="lloyd")
        began, began_cpu = time.perf_counter(), cpu()
        kmeans.fit(x)
        seconds, used = time.perf_counter() - began, cpu() - began_cpu
    centroids, iterations, version = kmeans.cluster_centers_, kmeans.n_iter_, f"scikit-learn {sklearn.__version__}"

peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
inertia = 0.0
wide = centroids.astype(np.float64)
squares = (wide**2).sum(1)
for first in range(0, len(x), 4096):
    rows = x[first : first + 4096].astype(np.float64)
    inertia += (((rows**2).sum(1)) + (squares - 2 * rows @ wide.T).min(1)).sum()
print(
    json.dumps(
        {
            "version": version,
            "iterations": int(iterations),
            "seconds": seconds,
            "cpu": used,
            "inertia": inertia,
            "peakMb": peak,
        }
    )
)
