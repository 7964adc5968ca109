"""Self-join by usearch's HNSW, as faiss_join.py: its defaults but for float32 and a growing search list."""
import time

import numpy as np
import usearch
from usearch.index import Index

from join_peer import arguments, cpu, load, tell

args = arguments(["usearch"])
x, queries, offset = load(args)

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
    tell(
        index=args.index, setting=setting, pairs=len(pairs), queries=len(queries), build=built,
        search=time.perf_counter() - start, buildCpu=built_cpu, searchCpu=cpu() - start_cpu, version=usearch.__version__,
    )
if args.pairs:
    pairs.tofile(args.pairs)
