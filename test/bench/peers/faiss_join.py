"""Self-join by FAISS: reads rows x dim float32, searches the first --queries rows (all by default), prints one JSON line.

Pairs (i > j, score >= threshold - 1e-5) are written as int32 to --pairs, to be measured again by whoever compares.
"""
import argparse
import json
import resource
import time

import faiss
import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("vectors")
parser.add_argument("--dim", type=int, required=True)
parser.add_argument("--threshold", type=float, required=True)
parser.add_argument("--queries", type=int, default=0)
parser.add_argument("--pairs")
parser.add_argument("--index", choices=["flat", "hnsw", "ivf"], default="flat")
parser.add_argument("--threads", type=int, default=0)
args = parser.parse_args()
if args.threads:
    faiss.omp_set_num_threads(args.threads)
x = np.fromfile(args.vectors, dtype=np.float32).reshape(-1, args.dim)
queries = x[-args.queries:] if args.queries else x
offset = len(x) - len(queries)


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


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
    print(json.dumps({
        "index": args.index, "setting": setting, "pairs": len(pairs), "queries": len(queries),
        "build": built, "search": seconds, "buildCpu": built_cpu, "searchCpu": seconds_cpu, "version": faiss.__version__,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }), flush=True)
if args.pairs:
    pairs.tofile(args.pairs)
