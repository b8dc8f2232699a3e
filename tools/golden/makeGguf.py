"""Makes golden cases of quantised models: a GGUF file, and transformers' numbers with the weights that it dequantises (test/golden/README.md).

    python tools/golden/makeGguf.py

Needs gguf 0.19 besides what make.py needs; runs on the CPU. Everything comes from seeds.
"""

import os
import shutil
import sys
import tempfile

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Type
from safetensors.torch import save_file
from torchCase import write_case, write_generation
from transformers import AutoConfig, AutoModelForCausalLM

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
GOLDEN = os.path.join(ROOT, "test", "golden")
sys.path.insert(0, os.path.join(ROOT, "test", "fixtures", "gguf"))
from make import byte_level, finish, mended_config, permuted, sentence_piece  # noqa: E402

# Of the matrices in turn, so that those that engines join are of several types.
CASES = {
    "llama-gguf-q8_0-q5_1-q4_1": {
        "arch": "llama",
        "vocabulary": byte_level("smollm"),
        "kinds": [Type.Q8_0, Type.Q4_0, Type.Q4_0, Type.Q4_1, Type.Q5_0, Type.Q4_1, Type.Q4_1, Type.Q5_1],
        "hidden": 64, "heads": 4, "groups": 2, "size": 16, "width": 96, "layers": 2, "tied": False,
    },
    # As llama.cpp does, what has no rows of 256 elements is in an older type.
    "gemma3-gguf-q4_k-q5_k-q6_k": {
        "arch": "gemma3",
        "vocabulary": sentence_piece(gemma=True),
        "kinds": [Type.Q6_K, Type.Q4_K, Type.Q4_K, Type.Q6_K, Type.Q8_0, Type.Q5_K, Type.Q4_K, Type.Q5_K],
        "hidden": 256, "heads": 2, "groups": 1, "size": 64, "width": 256, "layers": 1, "tied": True,
    },
}  # fmt: skip

# Where in a block of a type its scales stand, what makes them give weights of about the size 1, and what makes their mean 0.
BLOCKS = {Type.Q4_K: ([0, 2], 1 / 200, 7.5), Type.Q5_K: ([0, 2], 1 / 400, 15.5), Type.Q6_K: ([208], 1 / 1350, 0)}


def blocks(kind, shape, scale, draw):
    """Weights of about that size as blocks: those that the gguf package does not make are of any bits."""
    if kind not in BLOCKS:
        return gguf.quantize((draw.standard_normal(shape) * scale).astype(np.float32), kind)
    places, unit, middle = BLOCKS[kind]
    per, size = gguf.GGML_QUANT_SIZES[kind]
    data = draw.integers(0, 256, (shape[0] * shape[1] // per, size), dtype=np.uint8)
    for at, factor in zip(places, (1, middle)):
        data[:, at : at + 2] = np.full((len(data), 1), scale * unit * factor, np.float16).view(np.uint8)
    return data.reshape(shape[0], -1)


def write_model(path, arch, vocabulary, kinds, hidden, heads, groups, size, width, layers, tied):
    tokens, write_tokenizer = vocabulary
    gemma = arch == "gemma3"
    draw = np.random.default_rng(5)
    writer = gguf.GGUFWriter(path, arch)
    writer.add_name(os.path.basename(os.path.dirname(path)))
    writer.add_block_count(layers)
    writer.add_context_length(128)
    writer.add_embedding_length(hidden)
    writer.add_feed_forward_length(width)
    writer.add_head_count(heads)
    writer.add_head_count_kv(groups)
    writer.add_key_length(size)
    writer.add_value_length(size)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(50000.0)
    if gemma:
        writer.add_sliding_window(16)
    write_tokenizer(writer)
    turn = 0

    def matrix(name, rows, columns, scale, permute=0):
        nonlocal turn
        kind = kinds[turn % len(kinds)]
        turn += 1
        data = blocks(kind, (rows, columns), scale, draw)
        # Of a quantised matrix whole rows change places.
        writer.add_tensor(name, permuted(data, permute) if permute else data, raw_dtype=kind)

    def norm(name, length):
        writer.add_tensor(name, (1 + 0.15 * draw.standard_normal(length)).astype(np.float32))

    matrix("token_embd.weight", len(tokens), hidden, 0.015 if gemma else 0.25)
    for i in range(layers):
        block = f"blk.{i}."
        for part, rows, columns, permute in (
            ("attn_q", heads * size, hidden, heads),
            ("attn_k", groups * size, hidden, groups),
            ("attn_v", groups * size, hidden, 0),
            ("attn_output", hidden, heads * size, 0),
            ("ffn_gate", width, hidden, 0),
            ("ffn_up", width, hidden, 0),
            ("ffn_down", hidden, width, 0),
        ):
            matrix(f"{block}{part}.weight", rows, columns, 1.3 / columns**0.5, permute if arch == "llama" else 0)
        for name in ("attn_norm", "ffn_norm", *(("post_attention_norm", "post_ffw_norm") if gemma else ())):
            norm(f"{block}{name}.weight", hidden)
        if gemma:
            norm(f"{block}attn_q_norm.weight", size)
            norm(f"{block}attn_k_norm.weight", size)
    norm("output_norm.weight", hidden)
    if not tied:
        matrix("output.weight", len(tokens), hidden, 1.3 / hidden**0.5)
    finish(writer)
    return len(tokens)


def examples(vocabulary, random):
    lengths = (13, 21, 9, 12)
    made = []
    for i, length in enumerate(lengths):
        ids = torch.randint(0, vocabulary, (length,), generator=random).tolist()
        wanted = [range(length), range(length // 2, length), range(2, length, 4), [length - 1]][i % 4]
        made.append({"inputIds": ids, "labels": [id_ if t in wanted else -100 for t, id_ in enumerate(ids)]})
    return made


def make_case(name, arch, size, **options):
    folder = os.path.join(GOLDEN, name)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    vocabulary = write_model(os.path.join(folder, "model.gguf"), arch, size=size, **options)
    random = torch.Generator().manual_seed(11)
    with tempfile.TemporaryDirectory() as wide:
        # As a folder of float32, which is read as every other case is.
        network = AutoModelForCausalLM.from_pretrained(folder, gguf_file="model.gguf", dtype=torch.float32)
        config = mended_config(AutoConfig.from_pretrained(folder, gguf_file="model.gguf").to_dict(), arch, size, False)
        type(network.config).from_dict({**config, "dtype": "float32"}).save_pretrained(wide)
        tied = ("lm_head.weight",) if options["tied"] else ()
        weights = {own: tensor.contiguous() for own, tensor in network.state_dict().items() if own not in tied}
        save_file(weights, os.path.join(wide, "model.safetensors"), metadata={"format": "pt"})
        start = torch.randn((6, options["hidden"]), generator=random) * 0.5
        about = "A quantised model. Prompt tuning: 6 virtual tokens. Reference: transformers' model in float64 from the weights that it dequantises."
        found = write_case(wide, "prompt", examples(vocabulary, random), start, 0.05, about, "F32")
        print(name, f"{found['loss']:.4f}", found["float32Difference"], flush=True)
        print(name, write_generation(wide, "F32"), flush=True)
        for file in ("case.json", "expected.safetensors", "generation.json"):
            shutil.copy(os.path.join(wide, file), folder)


if __name__ == "__main__":
    for case, choice in CASES.items():
        make_case(case, **choice)
