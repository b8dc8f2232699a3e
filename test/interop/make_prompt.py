"""
Makes an adapter with real PEFT for the page to import: seeded random vectors, saved by `save_pretrained`.

    python make_prompt.py --model DIR --output DIR [--method prompt|prefix|ptuning|cartridge] [--virtual-tokens 8] [--seed 1] [--scale 0.5]
"""

import argparse
import json

import torch
from adapters import load_model, stored_prompt
from peft import (
    CartridgeConfig,
    PrefixTuningConfig,
    PromptEncoderConfig,
    PromptTuningConfig,
    TaskType,
    get_peft_model,
)

CONFIGS = {
    "prompt": PromptTuningConfig,
    "prefix": PrefixTuningConfig,
    "ptuning": PromptEncoderConfig,
    "cartridge": CartridgeConfig,
}


def make(model, output, method, virtual_tokens, seed, scale):
    """Saves the adapter in the folder `output` and returns its tensor `[virtual_tokens, width]`."""
    torch.manual_seed(seed)
    config = CONFIGS[method](task_type=TaskType.CAUSAL_LM, num_virtual_tokens=virtual_tokens)
    peft_model = get_peft_model(load_model(model), config)
    encoder = peft_model.prompt_encoder["default"]
    weight = encoder.embedding.weight
    vectors = torch.randn(weight.shape, generator=torch.Generator().manual_seed(seed)) * scale
    if method == "cartridge":  # its rows lie in two tensors, the first of which is never trained
        encoder.load_prompt_embeddings(vectors)
    else:
        with torch.no_grad():
            weight.copy_(vectors)
    peft_model.save_pretrained(str(output))
    return stored_prompt(output)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--method", choices=CONFIGS, default="prompt")
    parser.add_argument("--virtual-tokens", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scale", type=float, default=0.5, help="standard deviation of the vectors")
    options = parser.parse_args()
    tensor = make(
        options.model, options.output, options.method, options.virtual_tokens, options.seed, options.scale
    )
    print(json.dumps({"adapter": options.output, "method": options.method, "shape": list(tensor.shape)}))


if __name__ == "__main__":
    main()
