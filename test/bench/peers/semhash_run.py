"""semhash over a JSONL file: from the file to the kept records in memory, prints one JSON line.

Its encoder is a static model, as its own default: the vectors of a model folder (tokenizer.json, onnx/model.onnx whose largest
initializer is the table), averaged over the tokens of a text.
"""
import argparse
import json
import resource
import time

import numpy as np
import onnx
from onnx import numpy_helper
from semhash import SemHash
from tokenizers import Tokenizer

parser = argparse.ArgumentParser()
parser.add_argument("input")
parser.add_argument("--model", required=True)
parser.add_argument("--threshold", type=float, default=0.9)
args = parser.parse_args()


class StaticEncoder:
    def __init__(self, folder):
        self.tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
        tables = [numpy_helper.to_array(t) for t in onnx.load(f"{folder}/onnx/model.onnx").graph.initializer]
        self.table = max(tables, key=lambda t: t.size).astype(np.float32)

    def encode(self, inputs, **_):
        encoded = self.tokenizer.encode_batch_fast(list(inputs), add_special_tokens=False)
        out = np.zeros((len(inputs), self.table.shape[1]), np.float32)
        for i, e in enumerate(encoded):
            if e.ids:
                out[i] = self.table[e.ids].mean(axis=0)
        return out


start = time.perf_counter()
encoder = StaticEncoder(args.model)
with open(args.input, encoding="utf8") as lines:
    records = [json.loads(line)["text"] for line in lines]
result = SemHash.from_records(records=records, model=encoder).self_deduplicate(threshold=args.threshold)
seconds = time.perf_counter() - start
usage = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({
    "rows": len(records), "kept": len(result.selected), "seconds": seconds, "cpu": usage.ru_utime + usage.ru_stime,
    "peak": usage.ru_maxrss * 1024,
}))
