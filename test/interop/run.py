"""
All interop checks against real PEFT; prints a JSON line for each and at last "N passed, N failed". Exits 1 on a failure.

    python run.py [--downloads DIR --model DIR]

Without arguments: the golden adapters, files of the page's writers, files of PEFT read by the page's reader, and the
Python code of the model card; token ids of the page and of transformers.
With --downloads: also every check in that folder. `NAME.expect.json` there describes one:
    {"adapter": "FILE.zip or folder, beside it", "examples": [{"inputIds", "labels"}], "loss": nats per label token,
     "model": "folder, when not --model", "tolerance": 1e-3 unless given}
"""

import argparse
import io
import json
import re
import shutil
import subprocess
import sys
import tempfile
import traceback
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import torch
from adapters import adapter_folder, load_adapter, load_model, mean_loss, same_bits, stored_prompt
from load_prompt import check
from make_prompt import make
from safetensors import safe_open
from safetensors.torch import load_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
GOLDEN = ROOT / "test" / "golden"

# Keys that PEFT 0.21 writes and older releases, which do not know them, refuse.
YOUNG_KEYS = {"peft_version", "modules_to_save", "tokenizer_kwargs", "init_weights"}


def tsx(*arguments):
    """Runs the page's reader and writers."""
    command = ["npx", "tsx", str(HERE / "prompts.ts"), *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip()[-800:])


def golden_cases():
    """(folder, case, kind) of every golden case, prompt tuning and prefix tuning, but of GGUF files: PEFT's models are folders."""
    for folder in sorted(path for path in GOLDEN.iterdir() if (path / "config.json").exists()):
        for kind, stem in (("prompt", ""), ("prefix", "prefix_")):
            file = folder / f"{stem}case.json"
            if file.exists():
                yield folder, json.loads(file.read_text()), kind


def check_golden_adapter(name, case_name, tensor_name, final):
    """An adapter that an older PEFT saved gives the golden loss: this harness measures what it should."""
    folder = GOLDEN / "llama-bf16-gqa-tied"
    case = json.loads((folder / case_name).read_text())
    tensor = load_file(str(folder / tensor_name))[final]
    return check(folder / name, folder, case["examples"], case["adamw"]["finalLoss"], 1e-3, tensor)


def tensor_file(folder, kind):
    return folder / ("expected.safetensors" if kind == "prompt" else "prefix_expected.safetensors")


def write_all(temporary):
    """Zips of all golden prompts and prefixes, by the page's writer, in one go."""
    jobs = [
        {
            "output": str(temporary / f"{folder.name}-{name}.zip"),
            "file": str(tensor_file(folder, kind)),
            "tensor": kind,
            "kind": kind,
            "format": form,
            "model": str(folder),
        }
        for folder, _, kind in golden_cases()
        for name, form in forms(kind)
    ]
    file = temporary / "jobs.json"
    file.write_text(json.dumps(jobs))
    tsx("write", file)


def forms(kind):
    """(name, format) of what PEFT can be given: a prefix also as a cartridge."""
    return [("prompt", "peft")] if kind == "prompt" else [("prefix", "peft"), ("cartridge", "cartridge")]


def check_writer(folder, case, kind, name, temporary):
    """The page's zip loads in PEFT, bit for bit, and gives the golden loss."""
    output = temporary / f"{folder.name}-{name}.zip"
    result = check(output, folder, case["examples"], case["loss"], 1e-3, load_file(str(tensor_file(folder, kind)))[kind])
    with adapter_folder(output) as adapter:
        config = json.loads((adapter / "adapter_config.json").read_text())
        young = sorted(YOUNG_KEYS & set(config))
        header = int.from_bytes((adapter / "adapter_model.safetensors").read_bytes()[:8], "little")
        with safe_open(str(adapter / "adapter_model.safetensors"), "pt") as file:
            metadata = file.metadata()
    result.update(youngKeys=young, headerAligned=header % 8 == 0)
    result["ok"] = bool(result["ok"] and not young and header % 8 == 0 and metadata["format"] == "pt")
    return result


def check_reader(method, form, temporary):
    """What PEFT saved, read by the page and written again, is the same prompt bit for bit and in its loss."""
    folder = GOLDEN / "llama-bf16-gqa-tied"
    case = json.loads((folder / "case.json").read_text())
    made = temporary / f"made-{method}"
    tensor = make(folder, made, method, 7, 3, 0.2)
    output = temporary / f"made-{method}.{form}"
    files = [made / "adapter_config.json", made / "adapter_model.safetensors"]
    expected = mean_loss(load_adapter(load_model(folder), made), case["examples"])
    if form == "npy":
        # NumPy reads what the page writes; and from a file that knows no model at all, PEFT still gets a whole adapter.
        tsx("convert", "npy", output, *files)
        if not same_bits(torch.from_numpy(np.load(output, allow_pickle=False)), tensor):
            return {"ok": False, "error": "NumPy reads other values than the adapter has"}
        files = [output]
    zipped = temporary / f"{method}-by-{form}.zip"
    tsx("convert", "peft", zipped, *files)
    return check(zipped, folder, case["examples"], expected, 1e-6, tensor)


def check_card(zip_file, model):
    """The Python code of the model card runs as it stands, with the model's folder in place of its name."""
    with adapter_folder(zip_file) as folder:
        card = (folder / "README.md").read_text()
        code = re.search(r"```python\n(.*?)```", card, re.S).group(1)
        code = re.sub(r'^base = ".*"$', lambda _: f"base = {json.dumps(str(model))}", code, flags=re.M)
        code = re.sub(r', revision="[^"]*"', "", code)
        code = code.replace('adapter = "."', f"adapter = {json.dumps(str(folder))}")
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(compile(code, "README.md", "exec"), {})
    text = re.search(r'^text = "(.*)"$', code, re.M).group(1)
    return {"ok": printed.getvalue().startswith(text), "printed": printed.getvalue().strip()[:200]}


def check_golden_card(name, kind, temporary):
    """The card of a written zip runs on a golden model that has been given a tokenizer of bytes."""
    source = GOLDEN / name
    model = temporary / f"{name}-{kind}-with-tokenizer"
    model.mkdir()
    for file in ("config.json", "model.safetensors"):
        shutil.copy(source / file, model)
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={letter: i for i, letter in enumerate(letters)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(str(model))
    return check_card(temporary / f"{name}-{kind}.zip", model)


TEXTS = ["the parcel is late", "  two  spaces\n\nnaïve café 東京 😀", "<s>it's</s> <|end|> x ٣٤", "Hello"]


def check_tokenizer(folder, temporary, auto):
    """The page's token ids are those of the class that a prompt's card names, and with `auto` those of AutoTokenizer."""
    copy = temporary / f"{folder.name}-tokenizer"
    copy.mkdir()
    for file in folder.glob("*.json"):
        shutil.copy(file, copy)
    (copy / "texts.json").write_text(json.dumps(TEXTS))
    command = ["node", str(ROOT / "tools/read/read.mjs"), "tokenizer", str(copy)]
    read = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout)
    page = [case["ids"] for case in read["cases"]]
    classes = [PreTrainedTokenizerFast] + ([AutoTokenizer] if auto else [])
    theirs = {each.__name__: [each.from_pretrained(str(folder))(text).input_ids for text in TEXTS] for each in classes}
    wrong = [name for name, ids in theirs.items() if ids != page]
    return {"ok": read["error"] is None and not wrong, "differ": wrong}


def llama_folder(temporary):
    """A tokenizer that AutoTokenizer of transformers 5 rebuilds by the rules of its class."""
    folder = temporary / "llama-class"
    folder.mkdir()
    tokenizer = json.loads((HERE.parent / "fixtures/tokenizers/byteFallback.json").read_text())["tokenizer"]
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    config = {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    (folder / "config.json").write_text(json.dumps({"model_type": "llama"}))
    return folder


def check_download(file, model):
    """One check of the folder of downloads."""
    expected = json.loads(file.read_text())
    model = expected.get("model", model)
    if model is None:
        raise ValueError(f"{file.name} names no model and --model is not given")
    adapter = file.parent / expected["adapter"]
    return check(adapter, model, expected["examples"], expected["loss"], expected.get("tolerance", 1e-3))


def all_checks(options, temporary):
    """(name, function) of every check."""
    for name, case, tensors, final in (
        ("peft_adapter", "case.json", "expected.safetensors", "prompt_after"),
        ("peft_prefix_adapter", "prefix_case.json", "prefix_expected.safetensors", "prefix_after"),
    ):
        yield f"golden {name}", lambda a=(name, case, tensors, final): check_golden_adapter(*a)
    write_all(temporary)
    for folder, case, kind in golden_cases():
        for name, _ in forms(kind):
            yield f"writer {folder.name} {name}", lambda a=(folder, case, kind, name): check_writer(*a, temporary)
    for method, form in (
        ("prompt", "zip"),
        ("prefix", "zip"),
        ("ptuning", "zip"),
        ("cartridge", "zip"),
        ("prompt", "npy"),
    ):
        yield f"reader {method} {form}", lambda a=(method, form): check_reader(*a, temporary)
    # One loaded by another class, one with another attention than the default.
    for name, kind in (
        ("llama-bf16-gqa-tied", "prompt"),
        ("llama-bf16-gqa-tied", "prefix"),
        ("gemma2-bf16", "prompt"),
        ("qwen2vl-bf16", "prompt"),
    ):
        yield f"card {name} {kind}", lambda a=(name, kind): check_golden_card(*a, temporary)
    yield "tokenizer of a class", lambda: check_tokenizer(llama_folder(temporary), temporary, auto=False)
    if options.model and (Path(options.model) / "tokenizer.json").exists():
        yield "tokenizer", lambda: check_tokenizer(Path(options.model), temporary, auto=True)
    if options.downloads:
        folder = Path(options.downloads)
        expectations = sorted(folder.glob("*.expect.json"))
        if not expectations:
            raise SystemExit(f"Expected at least one NAME.expect.json in {folder}, found none.")
        for file in expectations:
            yield f"download {file.name}", lambda f=file: check_download(f, options.model)
        for file in sorted(folder.glob("*.zip")):
            if options.model and (Path(options.model) / "tokenizer.json").exists():
                yield f"card of {file.name}", lambda f=file: check_card(f, options.model)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--downloads", help="folder with what the page downloaded")
    parser.add_argument("--model", help="folder of the model the downloads belong to")
    options = parser.parse_args()
    passed = failed = 0
    with tempfile.TemporaryDirectory() as temporary:
        for name, run in all_checks(options, Path(temporary)):
            try:
                result = run()
            except Exception as error:
                traceback.print_exc()
                result = {"ok": False, "error": str(error)}
            print(json.dumps({"check": name, **result}), flush=True)
            if result["ok"]:
                passed += 1
            else:
                failed += 1
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
