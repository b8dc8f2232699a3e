"""
Loads a prompt with real PEFT and compares its loss with the one expected. Prints one JSON line, exits 1 on mismatch.

    python load_prompt.py --adapter ZIP_OR_DIR --model DIR --examples FILE.json --expect-loss 2.345 [--tolerance 1e-3]
"""

import argparse
import json
import sys

from adapters import adapter_folder, load_adapter, load_model, loaded_prompt, mean_loss, read_examples, same_bits, stored_prompt


def check(adapter, model, examples, expect_loss, tolerance, tensor=None):
    """
    The result as a dictionary. `ok` needs the loss within `tolerance` nats and PEFT's tensor equal, bit for bit,
    to the file's (and to `tensor`, when given).
    """
    with adapter_folder(adapter) as folder:
        peft_model = load_adapter(load_model(model, folder), folder)
        held = loaded_prompt(peft_model)
        tensor_equal = same_bits(held, stored_prompt(folder).float())
        if tensor is not None:
            tensor_equal = tensor_equal and same_bits(held, tensor)
        loss = mean_loss(peft_model, examples)
    error = abs(loss - expect_loss)
    return {
        "adapter": str(adapter),
        "shape": list(held.shape),
        "loss": loss,
        "expected": expect_loss,
        "lossError": error,
        "tensorEqual": tensor_equal,
        "ok": bool(error <= tolerance and tensor_equal),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--adapter", required=True, help="zip of the page, or an adapter's folder")
    parser.add_argument("--model", required=True, help="folder of the model in Hugging Face layout")
    parser.add_argument("--examples", required=True, help='JSON list of {"inputIds", "labels"}, labels unshifted, -100 = none')
    parser.add_argument("--expect-loss", type=float, required=True, help="nats per label token")
    parser.add_argument("--tolerance", type=float, default=1e-3)
    options = parser.parse_args()
    result = check(
        options.adapter, options.model, read_examples(options.examples), options.expect_loss, options.tolerance
    )
    print(json.dumps(result))
    sys.exit(0 if result["ok"] else 1)


if __name__ == "__main__":
    main()
