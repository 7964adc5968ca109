"""Makes model folders of the shapes of the bge-*-zh-v1.5 models and of bge-m3 with seeded random weights, for benchmarks.
Never committed.

    python test/make/bert-shapes.py OUT TOKENIZER_JSON small base large m3 large:6

NAME:LAYERS makes a model with fewer layers of the same width, where the whole one takes too long. TOKENIZER_JSON is
copied as it stands; its vocabulary has 21,128 entries in these models, in that of bge-m3 too, which has 250,002: looking up
a token costs the same in both. Each folder gets fp32 and int8 files. Random weights give the speed of the real ones but
no meaning.
"""

import json
import shutil
import sys
from pathlib import Path

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from transformers import BertConfig, BertModel, XLMRobertaConfig, XLMRobertaModel

SHAPES = {  # layers, hidden size, heads, tokens
    "small": (4, 512, 8, 512),
    "base": (12, 768, 12, 512),
    "large": (24, 1024, 16, 512),
    "m3": (24, 1024, 16, 8192),
}


class Exported(torch.nn.Module):
    """The model with its inputs by position, in the order of their names: newer versions of transformers take them by name only."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, *token_type_ids):
        types = {"token_type_ids": ids for ids in token_type_ids}
        return self.model(input_ids=input_ids, attention_mask=attention_mask, **types)[0]


def make(out, tokenizer, name):
    shape, _, fewer = name.partition(":")
    layers, hidden, heads, tokens = SHAPES[shape]
    torch.manual_seed(0)
    roberta = shape == "m3"  # XLM-R keeps two positions for padding and has no token types.
    config = (XLMRobertaConfig if roberta else BertConfig)(
        vocab_size=21128, hidden_size=hidden, num_hidden_layers=int(fewer or layers), num_attention_heads=heads,
        intermediate_size=4 * hidden, max_position_embeddings=tokens + 2 * roberta, attn_implementation="eager",
    )
    model = (XLMRobertaModel if roberta else BertModel)(config, add_pooling_layer=False).eval()
    folder = out / f"bge-{name.replace(':', '-')}-shape"
    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    names = ["input_ids", "attention_mask"] + ([] if roberta else ["token_type_ids"])
    axes = {0: "batch_size", 1: "sequence_length"}
    ids = torch.tensor([[5, 6, 7, 8], [5, 6, 7, 8]])
    path = folder / "onnx/model.onnx"
    torch.onnx.export(
        Exported(model), (ids, torch.ones_like(ids), torch.zeros_like(ids))[: len(names)], str(path), input_names=names,
        output_names=["last_hidden_state"], opset_version=14, dynamo=False,
        dynamic_axes={name: axes for name in [*names, "last_hidden_state"]},
    )
    quantize_dynamic(str(path), str(folder / "onnx/model_quantized.onnx"), per_channel=True, weight_type=QuantType.QInt8)
    shutil.copy(tokenizer, folder / "tokenizer.json")
    special = {f"{name}_token": f"[{name.upper()}]" for name in ["pad", "unk", "cls", "sep", "mask"]}
    tokenizer_config = {"tokenizer_class": "BertTokenizer", "model_max_length": tokens, **special}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer_config))
    (folder / "config.json").write_text(config.to_json_string())
    (folder / "1_Pooling").mkdir(exist_ok=True)
    pooling = {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
    (folder / "1_Pooling/config.json").write_text(json.dumps(pooling))


if __name__ == "__main__":
    for name in sys.argv[3:]:
        make(Path(sys.argv[1]), sys.argv[2], name)
