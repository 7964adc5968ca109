"""Self-join by usearch's HNSW, as faiss_join.py: rows x dim float32, its defaults but for float32 and a growing search list."""
import argparse
import json
import resource
import time

import numpy as np
import usearch
from usearch.index import Index

parser = argparse.ArgumentParser()
parser.add_argument("vectors")
parser.add_argument("--dim", type=int, required=True)
parser.add_argument("--threshold", type=float, required=True)
parser.add_argument("--queries", type=int, default=0)
parser.add_argument("--pairs")
parser.add_argument("--index", choices=["usearch"], default="usearch")
parser.add_argument("--threads", type=int, default=0)
args = parser.parse_args()
x = np.fromfile(args.vectors, dtype=np.float32).reshape(-1, args.dim)
queries = x[-args.queries:] if args.queries else x
offset = len(x) - len(queries)


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


start, start_cpu = time.perf_counter(), cpu()
index = Index(ndim=args.dim, metric="ip", dtype="f32")
index.add(np.arange(len(x)), x, threads=args.threads)
built, built_cpu = time.perf_counter() - start, cpu() - start_cpu
for setting in [16, 32, 64, 128, 256]:
    index.expansion_search = setting
    start, start_cpu = time.perf_counter(), cpu()
    matches = index.search(queries, 10, threads=args.threads)
    rows = np.repeat(np.arange(len(queries)), 10) + offset
    ids = matches.keys.ravel().astype(np.int64)
    near = (1 - matches.distances.ravel() >= args.threshold - 1e-5) & (ids < rows)
    pairs = np.stack([rows[near], ids[near]], 1).astype(np.int32)
    print(json.dumps({
        "index": args.index, "setting": setting, "pairs": len(pairs), "queries": len(queries), "build": built,
        "search": time.perf_counter() - start, "buildCpu": built_cpu, "searchCpu": cpu() - start_cpu,
        "version": usearch.__version__, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }), flush=True)
if args.pairs:
    pairs.tofile(args.pairs)
