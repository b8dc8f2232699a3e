"""Makes golden cases: tiny random models in Hugging Face layout with transformers' numbers for them (test/golden/README.md).

    python tools/golden/make.py                       every case of CASES, into test/golden
    python tools/golden/make.py opt-f16 phi-f16       only these
    python tools/golden/make.py --generation          generation.json for every folder of test/golden
    python tools/golden/make.py --check FOLDER…       numbers of folders again, and how far they are from the files
    python tools/golden/make.py --random-config OUT --seed 1 --count 3 [--family opt]
                                                      configurations drawn at random, for trying engines on what they have not seen

Needs torch, transformers 5.18 and safetensors; runs on the CPU. Everything comes from seeds.
"""

import argparse
import json
import os
import shutil

import torch
from configs import CASES, FAMILIES, random_config
from safetensors.torch import load_file, save_file
from torchCase import DTYPES, Case, auto_class, open_model, wide, write_case, write_generation
from transformers import AutoConfig

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "test", "golden")
RATES = {"prompt": 0.05, "prefix": 0.03}


def random_weights(shapes, random, config):
    """Weights of a size that makes every part of the model matter."""
    norm_offset = 1 if config.model_type.startswith("gemma") else 0
    unscaled = config.model_type == "gpt_neo" or not getattr(config, "scale_attn_weights", True)
    weights = {}
    for name, shape in sorted(shapes.items()):
        noise = torch.randn(shape, generator=random, dtype=torch.float64)
        if len(shape) == 1:
            is_norm = name.endswith("weight")
            weights[name] = noise * 0.15 + (1 - norm_offset if is_norm else 0)
        elif "embed" in name or ".wte." in name or ".wpe." in name or name.startswith(("wte", "wpe")):
            positions = "pos" in name or "wpe" in name
            weights[name] = noise * (0.1 if positions or norm_offset else 0.25)
        else:
            # Scores that nothing scales would make attention all or nothing.
            sharp = unscaled and any(part in name for part in ("q_proj", "k_proj", "c_attn"))
            weights[name] = noise * (0.6 if sharp else 1.3) / max(shape[1:].numel(), 1) ** 0.5
    return weights


def write_model(folder, config, stored, random, rename=None, shards=1):
    """config.json as given, and random weights under the names transformers gives them, or those of `rename`."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
        json.dump({**config, "torch_dtype": str(DTYPES[stored]).split(".")[1]}, file, indent=2)
        file.write("\n")
    read = AutoConfig.from_pretrained(folder)
    model = auto_class(read).from_config(read)
    tied = set(model.all_tied_weights_keys) if model.all_tied_weights_keys else set()
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items() if name not in tied}
    weights = random_weights(shapes, random, model.config.get_text_config())
    tensors = {(rename or str)(name): t.to(DTYPES[stored]).contiguous() for name, t in weights.items()}
    if shards == 1:
        save_file(tensors, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
        return
    names = list(tensors)
    index = {}
    for shard in range(shards):
        file = f"model-{shard + 1:05d}-of-{shards:05d}.safetensors"
        part = names[shard::shards]
        save_file({name: tensors[name] for name in part}, os.path.join(folder, file), metadata={"format": "pt"})
        index.update(dict.fromkeys(part, file))
    total = sum(t.numel() * t.element_size() for t in tensors.values())
    with open(os.path.join(folder, "model.safetensors.index.json"), "w", encoding="utf-8") as file:
        json.dump({"metadata": {"total_size": total}, "weight_map": dict(sorted(index.items()))}, file, indent=1)
        file.write("\n")


def make_examples(vocabulary, lengths, random):
    """Labelled: everything, the second half, a few here and there, the last token only."""
    examples = []
    for i, length in enumerate(lengths):
        ids = torch.randint(0, vocabulary, (length,), generator=random).tolist()
        wanted = [
            range(length),
            range(length // 2, length),
            [t for t in range(length) if t % 4 in (2, 3)],
            [length - 1],
        ][i % 4]
        examples.append({"inputIds": ids, "labels": [id_ if t in wanted else -100 for t, id_ in enumerate(ids)]})
    return examples


def make_case(folder, config, stored, description, seed, prompt=6, prefix=0, lengths=(13, 21, 9, 12), steps=20, **options):
    random = torch.Generator().manual_seed(seed)
    write_model(folder, config, stored, random, **options)
    text = AutoConfig.from_pretrained(folder).get_text_config()
    examples = make_examples(text.vocab_size, lengths, random)
    start = torch.randn((prompt, text.hidden_size), generator=random) * 0.5
    how = "Reference: transformers' model in float64 from the stored weights."
    about = f"{description} Prompt tuning (PEFT PROMPT_TUNING, CAUSAL_LM): {prompt} virtual tokens. {how}"
    found = [write_case(folder, "prompt", examples, start, RATES["prompt"], about, stored, steps)]
    if prefix:
        heads = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
        size = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
        width = text.num_hidden_layers * 2 * heads * size
        start = torch.randn((prefix, width), generator=random) * 0.5
        about = f"Prefix tuning (PEFT PREFIX_TUNING, CAUSAL_LM, no projection): {prefix} virtual tokens. {how}"
        found.append(write_case(folder, "prefix", examples, start, RATES["prefix"], about, stored, steps))
    return found


def stored_type(folder):
    config = AutoConfig.from_pretrained(folder)
    names = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}
    return names[config.dtype or config.get_text_config().dtype or torch.float32]


def check(folder):
    """The numbers of a folder again; prints how far they are from those in its files."""
    for kind, before in (("prompt", ""), ("prefix", "prefix_")):
        path = os.path.join(folder, f"{before}case.json")
        if not os.path.exists(path):
            continue
        with open(path, encoding="utf-8") as file:
            case = json.load(file)
        expected = load_file(os.path.join(folder, f"{before}expected.safetensors"))
        model = open_model(folder, torch.float64, case["dtype"])
        with wide():
            found = Case(model, case["examples"], torch.float64).run(expected[kind], kind, case["adamw"])
        curve = [*case["adamw"]["losses"], case["adamw"]["finalLoss"]]
        apart = {
            "loss": abs(found["loss"] - case["loss"]),
            "logits": (found["logits"] - expected["logits"]).abs().max().item(),
            "gradient": (found["grad"] - expected[f"{kind}_grad"]).abs().max().item(),
            "losses": max(abs(a - b) for a, b in zip(found["losses"], curve)),
            "after": (found["after"] - expected[f"{kind}_after"]).abs().max().item(),
        }
        print(f"{os.path.basename(folder)} {kind}", {name: f"{value:.1e}" for name, value in apart.items()}, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--generation", action="store_true")
    parser.add_argument("--random-config", metavar="OUT")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--family", choices=sorted(FAMILIES))
    args = parser.parse_args()
    if args.check:
        for folder in args.cases:
            check(folder)
    elif args.random_config:
        for family in [args.family] if args.family else sorted(FAMILIES):
            for seed in range(args.seed, args.seed + args.count):
                folder = os.path.join(args.random_config, f"{family}-{seed}")
                case = random_config(family, seed)
                for found in make_case(folder, seed=seed, **case):
                    print(os.path.basename(folder), f"{found['loss']:.4f}", found["float32Difference"], flush=True)
                write_generation(folder, case["stored"], seed, tokens=12)
    elif args.generation:
        for name in args.cases or sorted(os.listdir(GOLDEN)):
            folder = os.path.join(GOLDEN, name)
            if os.path.isdir(folder):
                print(name, write_generation(folder, stored_type(folder)), flush=True)
    else:
        for name in args.cases or CASES:
            for found in make_case(os.path.join(GOLDEN, name), **CASES[name]):
                print(name, f"{found['loss']:.4f}", found["float32Difference"], flush=True)
            print(name, write_generation(os.path.join(GOLDEN, name), CASES[name]["stored"]), flush=True)


main()
