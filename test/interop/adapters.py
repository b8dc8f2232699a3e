"""What the interop checks share: adapters and models as PEFT and transformers load them, on the CPU in float32."""

import json
import os
import re
import tempfile
import zipfile
from contextlib import contextmanager
from pathlib import Path

# Everything is a local folder; a missing file must be an error, not a download.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import torch
import transformers
from peft import CartridgeConfig, PeftModel, PrefixTuningConfig
from safetensors.torch import load_file
from transformers.utils import logging

logging.disable_progress_bar()


@contextmanager
def adapter_folder(path):
    """The adapter's folder: `path` itself, or a temporary one that the zip `path` is unpacked into."""
    path = Path(path)
    if path.is_dir():
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
            if damaged:
                raise ValueError(f"{path}: {damaged} fails its checksum")
            archive.extractall(folder)
        yield Path(folder)


def load_model(folder, adapter=None):
    """The model of a local folder in float32, ready to be evaluated; loaded as the card of `adapter`'s folder says."""
    card = Path(adapter) / "README.md" if adapter else None
    text = card.read_text() if card and card.exists() else ""
    call = re.search(r"model = (AutoModel\w+)\.from_pretrained\((.*)\)", text)
    attention = re.search(r'attn_implementation="(\w+)"', call[2]) if call else None
    kind = getattr(transformers, call[1]) if call else transformers.AutoModelForCausalLM
    arguments = {"attn_implementation": attention[1]} if attention else {}
    return kind.from_pretrained(str(folder), dtype=torch.float32, **arguments).eval()


def load_adapter(model, folder):
    """The model with the adapter of `folder`, through PEFT's own loader."""
    return PeftModel.from_pretrained(model, str(folder)).eval()


def stored_prompt(folder):
    """The tensor as the file has it."""
    return load_file(str(Path(folder) / "adapter_model.safetensors"))["prompt_embeddings"]


def loaded_prompt(peft_model):
    """The tensor as PEFT holds it after loading."""
    return peft_model.prompt_encoder["default"].embedding.weight.detach()


def same_bits(a, b):
    """Whether two float32 tensors are equal bit for bit (-0 differs from 0)."""
    return (
        a.dtype == b.dtype == torch.float32
        and a.shape == b.shape
        and torch.equal(a.contiguous().view(torch.int32), b.contiguous().view(torch.int32))
    )


def read_examples(path):
    """Examples of a JSON file: a list, or an object with the list under "examples"."""
    content = json.loads(Path(path).read_text())
    return content["examples"] if isinstance(content, dict) else content


def mean_loss(peft_model, examples):
    """
    Mean negative log-likelihood in nats over all label tokens, one example at a time through PEFT's forward.
    Labels are not shifted. After virtual tokens a first token that is a label is predicted; after a prefix it is not,
    as there is no row before it.
    """
    is_prefix = isinstance(peft_model.peft_config["default"], (PrefixTuningConfig, CartridgeConfig))
    nats = 0.0
    count = 0
    for example in examples:
        labels = example["labels"]
        predicted = sum(label != -100 for label in (labels[1:] if is_prefix else labels))
        if predicted == 0:
            continue
        ids = torch.tensor([example["inputIds"]])
        with torch.no_grad():
            output = peft_model(
                input_ids=ids, attention_mask=torch.ones_like(ids), labels=torch.tensor([labels])
            )
        nats += output.loss.item() * predicted
        count += predicted
    if count == 0:
        raise ValueError("no label is predicted in any example")
    return nats / count
