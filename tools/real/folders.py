"""A GGUF file as folders in Hugging Face's layout, through transformers' own reading of the format."""

import json
import os
import shutil

# The bars of transformers' GGUF reader.
os.environ.setdefault("TQDM_DISABLE", "1")

import torch
from gguf import GGUFReader
from tokenizers import Tokenizer, pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer, logging

logging.set_verbosity_error()
logging.disable_progress_bar()

DTYPES = {"bf16": torch.bfloat16, "f32": torch.float32}


def write_folders(file, out, model):
    """Writes OUT/ID-bf16 and OUT/ID-f32 where they are not there yet. Returns the folders' names."""
    names = {name: f"{model['id']}-{name}" for name in DTYPES}
    # The last file that is written tells that a folder is whole.
    missing = [name for name, folder in names.items() if not (out / folder / "source.json").exists()]
    if missing:
        tokenizer = AutoTokenizer.from_pretrained(str(file.parent), gguf_file=file.name)
        network = AutoModelForCausalLM.from_pretrained(str(file.parent), gguf_file=file.name, dtype=torch.float32)
        pre = GGUFReader(str(file)).fields.get("tokenizer.ggml.pre")
        # The weights are plain now; saving refuses a configuration that says otherwise.
        network.hf_quantizer = None
        network.is_quantized = False
        if hasattr(network.config, "quantization_config"):
            del network.config.quantization_config
        for name in sorted(missing, reverse=True):
            folder = out / names[name]
            shutil.rmtree(folder, ignore_errors=True)
            network.to(DTYPES[name]).save_pretrained(str(folder), max_shard_size="100GB")
            tokenizer.save_pretrained(str(folder))
            mend_pre_tokenizer(folder, pre.contents() if pre else None)
            source = {"base": model["base"], "package": model["package"], "gguf": model["gguf"], "sha256": model["sha256"]}
            (folder / "source.json").write_text(json.dumps(source, indent=2) + "\n")
    return list(names.values())


def mend_pre_tokenizer(folder, pre):
    """SmolLM splits numbers into digits first; transformers does not know this name and reads GPT-2's splitting instead."""
    if pre != "smollm":
        return
    path = str(folder / "tokenizer.json")
    tokenizer = Tokenizer.from_file(path)
    digits = pre_tokenizers.Digits(individual_digits=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.save(path)
