"""Search of new vectors in those of references by FAISS. Both lie in stores that bge-dedup wrote. Pairs (new row, reference,
score >= threshold - 1e-5) are written as int32 to --pairs, to be measured again by whoever compares.
"""
import argparse
import time

import faiss
import numpy as np
import pyarrow as pa

from join_peer import cpu, tell

parser = argparse.ArgumentParser()
parser.add_argument("references")
parser.add_argument("new")
parser.add_argument("--threshold", type=float, required=True)
parser.add_argument("--queries", type=int, required=True, help="the first so many new vectors are searched for")
parser.add_argument("--threads", type=int, required=True)
parser.add_argument("--pairs", required=True)
args = parser.parse_args()
faiss.omp_set_num_threads(args.threads)


def batches(path):
    """The vectors of a store, batch after batch, n x dim float32."""
    with pa.memory_map(path) as file:
        reader = pa.ipc.open_file(file)
        for i in range(reader.num_record_batches):
            column = reader.get_batch(i).column(1)
            yield column.flatten().to_numpy().reshape(len(column), -1)


queries = np.concatenate(list(batches(args.new)))[: args.queries]
start, start_cpu = time.perf_counter(), cpu()
index = faiss.IndexFlatIP(queries.shape[1])
for batch in batches(args.references):
    index.add(batch)
built, built_cpu = time.perf_counter() - start, cpu() - start_cpu
start, start_cpu = time.perf_counter(), cpu()
limits, scores, ids = index.range_search(queries, args.threshold - 1e-5)
searched, searched_cpu = time.perf_counter() - start, cpu() - start_cpu
rows = np.repeat(np.arange(len(queries)), np.diff(limits.astype(np.int64)))
np.stack([rows, ids], 1).astype(np.int32).tofile(args.pairs)
tell(
    index="flat", setting=0, pairs=len(rows), queries=len(queries), build=built, search=searched, buildCpu=built_cpu,
    searchCpu=searched_cpu, version=faiss.__version__,
)
