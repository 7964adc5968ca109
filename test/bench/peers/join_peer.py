"""What the peers of the join share: their arguments, the vectors, processor time, and how they tell of a run."""
import argparse
import json
import resource

import numpy as np


def arguments(indexes):
    """Rows x dim float32 in a file; the last --queries rows are searched for, all by default."""
    parser = argparse.ArgumentParser()
    parser.add_argument("vectors")
    parser.add_argument("--dim", type=int, required=True)
    parser.add_argument("--threshold", type=float, required=True)
    parser.add_argument("--queries", type=int, default=0)
    parser.add_argument("--pairs")
    parser.add_argument("--index", choices=indexes, default=indexes[0])
    parser.add_argument("--threads", type=int, default=0)
    return parser.parse_args()


def load(args):
    """All vectors, those that are searched for, and the row of the first of these."""
    x = np.fromfile(args.vectors, dtype=np.float32).reshape(-1, args.dim)
    queries = x[-args.queries:] if args.queries else x
    return x, queries, len(x) - len(queries)


def cpu():
    """Processor seconds of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def tell(**run):
    """Prints a run as one JSON line, with the peak memory in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({**run, "peak": peak}), flush=True)
