"""Makes the tiny models under test/models and the vectors that Hugging Face transformers gives for them.

    pip install torch transformers onnx onnxruntime onnxscript tokenizers
    python test/make/tiny-bert.py test/models

Both have seeded random weights, spread wide so that attention and order matter, and the folder layout of hubs:

- tiny-bert: a BERT as the BGE v1.5 models are, WordPiece over a vocabulary made here; fp32, fp16 and int8 files, and
  the fp32 model once more with its weights in a file of their own (onnx-external)
- tiny-xlmr: an XLM-RoBERTa as bge-m3 is: Unigram tokenizer, no token_type_ids, positions counted from 2

golden.json of each holds texts, the ids that the tokenizer gives, and unit vectors of CLS and mean pooling in float32,
one text at a time, so without padding.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.float16 import convert_float_to_float16
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, XLMRobertaConfig, XLMRobertaModel

HAN = "如何重置登录密码怎样修改收货地址为什么订单还没有发货退款需要多久到账天上海北京不是我的好大小多少公司新闻今明年月日元人民市场"
PIECES = ["how", "do", "i", "reset", "my", "pass", "##word", "the", "order", "refund", "late", "##ly", "ship", "##ping", "is", "not"]
PUNCTUATION = ".,!?-'()/:;%，。！？：；（）"

TEXTS = [
    "如何重置登录密码？",
    "怎样重置登录密码",
    "我的订单为什么还没有发货，需要多久？",
    "How do I reset my password?",
    "The refund is late, not shipping.",
    "北京 market 2024年 is 新 新闻!",
    "a",
    "好",
    "退款100元，3天到账；order no. 12345-678",
    "。",
    "如何修改收货地址？" * 3 + "the order ships lately",
    "今天上海天气不好" * 12,
    "How do I reset my password? " * 20,
    "订单" * 140 + " late refund " * 20,
    "如何重置登录密码？怎样修改收货地址？" * 60,
    "我的好公司" * 9 + "password" * 3,
]


def export(model, path, with_types):
    """As optimum does: last_hidden_state, batch and sequence free."""
    names = ["input_ids", "attention_mask"] + (["token_type_ids"] if with_types else [])
    ids = torch.tensor([[5, 6, 7, 8], [5, 6, 7, 8]])
    inputs = (ids, torch.ones_like(ids)) + ((torch.zeros_like(ids),) if with_types else ())
    axes = {0: "batch_size", 1: "sequence_length"}
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        model, inputs, str(path), input_names=names, output_names=["last_hidden_state"],
        dynamic_axes={name: axes for name in [*names, "last_hidden_state"]}, opset_version=14, dynamo=False,
    )


def variants(folder):
    fp32 = folder / "onnx/model.onnx"
    half = convert_float_to_float16(onnx.load(str(fp32)), keep_io_types=True)
    onnx.save(half, str(folder / "onnx/model_fp16.onnx"))
    quantize_dynamic(str(fp32), str(folder / "onnx/model_int8.onnx"), per_channel=True, weight_type=QuantType.QInt8)


def save_external(folder, out):
    """The same model, each weight over 1 KiB in model.onnx_data, as exporters do beyond 2 GB."""
    (out / "onnx").mkdir(parents=True, exist_ok=True)
    for file in [out / "onnx/model.onnx", out / "onnx/model.onnx_data"]:
        file.unlink(missing_ok=True)
    onnx.save(
        onnx.load(str(folder / "onnx/model.onnx")), str(out / "onnx/model.onnx"), save_as_external_data=True,
        all_tensors_to_one_file=True, location="model.onnx_data", size_threshold=1024,
    )


def write_folder(folder, model, tokenizer, pooling_cls=True):
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    (folder / "config.json").write_text(model.config.to_json_string())
    (folder / "1_Pooling").mkdir(exist_ok=True)
    pooling = {
        "word_embedding_dimension": model.config.hidden_size,
        "pooling_mode_cls_token": pooling_cls,
        "pooling_mode_mean_tokens": not pooling_cls,
    }
    (folder / "1_Pooling/config.json").write_text(json.dumps(pooling, indent=2) + "\n")


def golden(folder, model, tokenizer):
    rows = []
    tokenizer.enable_truncation(512)
    for text in TEXTS:
        ids = tokenizer.encode(text).ids
        with torch.no_grad():
            hidden = model(torch.tensor([ids])).last_hidden_state[0].double().numpy()
        unit = lambda v: [float(np.float32(x)) for x in v / np.linalg.norm(v)]
        rows.append({"text": text, "ids": ids, "cls": unit(hidden[0]), "mean": unit(hidden.mean(axis=0))})
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (folder / "golden.json").write_text(f"[\n{lines}\n]\n")


def tiny_bert(out):
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)] + list("0123456789")
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys(HAN), *PUNCTUATION]
    vocab += dict.fromkeys([*letters, *(f"##{c}" for c in letters), *PIECES])
    ids = {token: i for i, token in enumerate(dict.fromkeys(vocab))}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])],
    )
    tokenizer.decoder = decoders.WordPiece()
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(ids), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=512, initializer_range=0.25, attn_implementation="eager",
    )
    model = BertModel(config, add_pooling_layer=False).eval()
    folder = out / "tiny-bert"
    write_folder(folder, model, tokenizer)
    export(model, folder / "onnx/model.onnx", with_types=True)
    variants(folder)
    save_external(folder, out / "tiny-external")
    golden(folder, model, tokenizer)


def tiny_xlmr(out):
    words = ["▁how", "▁do", "▁my", "▁reset", "▁pass", "word", "▁the", "▁order", "▁refund", "▁is", "▁not", "密码", "订单", "登录", "收货", "地址", "▁", "s"]
    single = [*dict.fromkeys(HAN), *"abcdefghijklmnopqrstuvwxyz0123456789", *PUNCTUATION]
    special = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    scored = [(piece, -3.0 - 0.01 * i) for i, piece in enumerate(words)]
    scored += [(piece, -8.0 - 0.01 * i) for i, piece in enumerate(dict.fromkeys(single)) if piece not in words]
    vocab = [*special, *scored, ("<mask>", 0.0)]
    tokenizer = Tokenizer(models.Unigram(vocab, unk_id=3))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.decoder = decoders.Metaspace()
    torch.manual_seed(2)
    config = XLMRobertaConfig(
        vocab_size=len(vocab), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=514, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2,
        initializer_range=0.25, attn_implementation="eager",
    )
    model = XLMRobertaModel(config, add_pooling_layer=False).eval()
    folder = out / "tiny-xlmr"
    write_folder(folder, model, tokenizer)
    export(model, folder / "onnx/model.onnx", with_types=False)
    golden(folder, model, tokenizer)


if __name__ == "__main__":
    root = Path(sys.argv[1])
    tiny_bert(root)
    tiny_xlmr(root)
