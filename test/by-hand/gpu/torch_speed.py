"""Tokens per second of the same shape in PyTorch: transformers' BertModel with scaled_dot_product_attention, full batches of one
length, the vectors of [CLS] brought back. One JSON line for each element type and length.

    python3 test/by-hand/gpu/torch_speed.py SECONDS [tiny]
"""

import json
import sys
import time

import torch
from transformers import BertConfig, BertModel

SECONDS = float(sys.argv[1])
TINY = len(sys.argv) > 2
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
# Tokens of a batch, the best of which counts.
BATCHES = [8192] if TINY else [16384, 32768, 65536]

layers, hidden, heads = (3, 64, 4) if TINY else (24, 1024, 16)
config = BertConfig(vocab_size=21128, hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads,
                    intermediate_size=4 * hidden, max_position_embeddings=512, attn_implementation="sdpa")
torch.manual_seed(0)
original = BertModel(config, add_pooling_layer=False).eval()


def wait():
    if DEVICE == "cuda":
        torch.cuda.synchronize()


@torch.inference_mode()
def tokens_per_second(model, length, batch_tokens):
    rows = max(1, batch_tokens // length)
    ids = torch.randint(5, 20000, (rows, length))
    mask = torch.ones_like(ids)

    def run():
        out = model(input_ids=ids.to(DEVICE), attention_mask=mask.to(DEVICE)).last_hidden_state[:, 0]
        return torch.nn.functional.normalize(out.float(), dim=1).cpu()

    for _ in range(2):
        run()
    wait()
    started, runs = time.perf_counter(), 0
    while time.perf_counter() - started < SECONDS / len(BATCHES):
        run()
        runs += 1
    wait()
    return runs * rows * length / (time.perf_counter() - started)


for dtype, name in [(torch.float16, "fp16"), (torch.float32, "fp32")]:
    model = original.to(DEVICE, dtype)
    for length in [32, 128, 512]:
        rate, batch = max((tokens_per_second(model, length, batch), batch) for batch in BATCHES)
        print(json.dumps({"label": f"PyTorch {torch.__version__}", "device": DEVICE, "dtype": name, "length": length,
                          "tokens_per_second": round(rate), "batch_tokens": batch}), flush=True)
