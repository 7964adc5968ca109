"""Self-join by FAISS. Pairs (i > j, score >= threshold - 1e-5) are written as int32 to --pairs, to be measured again by whoever
compares.
"""
import time

import faiss
import numpy as np

from join_peer import arguments, cpu, load, tell

args = arguments(["flat", "hnsw", "ivf"])
if args.threads:
    faiss.omp_set_num_threads(args.threads)
x, queries, offset = load(args)

start, start_cpu = time.perf_counter(), cpu()
if args.index == "flat":
    index = faiss.IndexFlatIP(args.dim)
    index.add(x)
elif args.index == "hnsw":
    index = faiss.IndexHNSWFlat(args.dim, 32, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = 80
    index.add(x)
else:
    lists = int(4 * len(x) ** 0.5)
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(args.dim), args.dim, lists, faiss.METRIC_INNER_PRODUCT)
    index.train(x[: 40 * lists])
    index.add(x)
built, built_cpu = time.perf_counter() - start, cpu() - start_cpu


def search(setting):
    begin, begin_cpu = time.perf_counter(), cpu()
    if args.index == "flat":
        limits, scores, ids = index.range_search(queries, args.threshold - 1e-5)
        rows = np.repeat(np.arange(len(queries)), np.diff(limits.astype(np.int64))) + offset
    else:
        if args.index == "hnsw":
            index.hnsw.efSearch = setting
        else:
            index.nprobe = setting
        scores, ids = index.search(queries, 10)
        rows = np.repeat(np.arange(len(queries)), 10) + offset
        near = (scores.ravel() >= args.threshold - 1e-5) & (ids.ravel() >= 0)
        rows, ids = rows[near], ids.ravel()[near]
    earlier = ids < rows
    pairs = np.stack([rows[earlier], ids[earlier]], 1).astype(np.int32)
    return pairs, time.perf_counter() - begin, cpu() - begin_cpu


for setting in [0] if args.index == "flat" else [1, 2, 4, 8, 16, 32, 64, 128]:
    pairs, seconds, seconds_cpu = search(setting)
    tell(
        index=args.index, setting=setting, pairs=len(pairs), queries=len(queries), build=built, search=seconds,
        buildCpu=built_cpu, searchCpu=seconds_cpu, version=faiss.__version__,
    )
if args.pairs:
    pairs.tofile(args.pairs)
