"""
Makes test/fixtures/prompts with real PEFT and NumPy, for the unit tests: small adapters of each method and dtype,
.npy files of each format version, and a pickle that must never be opened. Run again only to change them.

    python make_fixtures.py
"""

import json
import shutil
from pathlib import Path

import numpy as np
import torch
from make_prompt import make
from peft import LoraConfig, TaskType, get_peft_model
from adapters import load_model
from safetensors.torch import load_file, save_file

ROOT = Path(__file__).resolve().parent.parent.parent
MODEL = ROOT / "test" / "golden" / "llama-bf16-gqa-tied"
OUT = ROOT / "test" / "fixtures" / "prompts"


def adapters():
    """A folder for each method, and the prompt again in half precision."""
    for method in ("prompt", "prefix", "ptuning"):
        make(MODEL, OUT / method, method, 3, 5, 0.2)
    # One for the model that ships with the page.
    make(ROOT / "public" / "models" / "studio-2.6m", OUT / "studio", "prompt", 3, 5, 0.2)
    for name, dtype in (("prompt-f16", torch.float16), ("prompt-bf16", torch.bfloat16)):
        shutil.copytree(OUT / "prompt", OUT / name)
        file = OUT / name / "adapter_model.safetensors"
        tensor = load_file(str(file))["prompt_embeddings"].to(dtype)
        save_file({"prompt_embeddings": tensor}, str(file), metadata={"format": "pt"})
    lora = get_peft_model(load_model(MODEL), LoraConfig(task_type=TaskType.CAUSAL_LM, r=1, target_modules=["q_proj"]))
    lora.save_pretrained(str(OUT / "lora"))
    for readme in OUT.glob("*/README.md"):
        readme.unlink()
    # The folder the adapters were made from is no one's business.
    for file in OUT.glob("*/adapter_config.json"):
        config = json.loads(file.read_text())
        config["base_model_name_or_path"] = Path(config["base_model_name_or_path"]).name
        file.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def arrays():
    """The same 2 x 3 matrix in every way NumPy saves it that is read, and some that are refused."""
    matrix = np.array([[0.5, -1.25, 3.0], [0.1, -0.0, 65504.0]], dtype=np.float32)
    save = lambda name, array: np.save(OUT / f"{name}.npy", array, allow_pickle=name == "object")
    save("f4", matrix)
    save("f2", matrix.astype(np.float16))
    save("f8", matrix.astype(np.float64))
    save("big-endian", matrix.astype(">f4"))
    save("fortran", np.asfortranarray(matrix))
    save("int", matrix.astype(np.int32))
    save("cube", matrix[None])
    save("object", np.array([["a", {}]], dtype=object))
    for version in ((2, 0), (3, 0)):
        with open(OUT / f"version{version[0]}.npy", "wb") as file:
            np.lib.format.write_array(file, matrix, version=version, allow_pickle=False)


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    adapters()
    arrays()
    torch.save({"prompt_embeddings": torch.zeros(2, 3)}, OUT / "adapter_model.bin")
    torch.save({"prompt_embeddings": torch.zeros(2, 3)}, OUT / "old.pt", _use_new_zipfile_serialization=False)


if __name__ == "__main__":
    main()
