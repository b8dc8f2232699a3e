"""Trains cells of a study with PEFT: one JSON message a line on stdin, one answer a line on stdout.

Messages: {"kind": "open", "folder": ...} answers with versions; {"kind": "sample", "training": rows, "validation": rows,
"test": rows}, rows being [[ids, labels], ...] with -100 where a token does not count, answers {}; {"kind": "cell", ...}
answers {"outcomes": [...]}, one a seed. Batches, rates and validations are the caller's, so that both sides see the same rows
in the same order. A cell with "keep", folders one a seed, has the tested prompt saved there as PEFT saves it. "chunk" is how many
rows of a validation are run at a time. Without test rows nothing is tested. Requirements: tools/real/requirements.txt.
"""

import copy
import json
import math
import platform
import sys
import time
import warnings

import peft
import torch
import transformers
from peft import PrefixTuningConfig, PromptEncoderConfig, PromptTuningConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

# Rows of a validation that are run at a time, where the cell says nothing of it.
CHUNK = 50


def main() -> None:
    transformers.logging.set_verbosity_error()
    warnings.filterwarnings("ignore")
    opened: dict = {}
    sample: dict = {}
    for line in sys.stdin:
        message = json.loads(line)
        if message["kind"] == "open":
            opened = open_model(message["folder"])
            answer = {"versions": versions()}
        elif message["kind"] == "sample":
            sample = message
            answer = {}
        else:
            outcomes = [train(opened, sample, message, i) for i in range(len(message["seeds"]))]
            answer = {"outcomes": outcomes}
        print(json.dumps(answer), flush=True)


def versions() -> dict:
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "peft": peft.__version__,
        "threads": str(torch.get_num_threads()),
    }


def open_model(folder: str) -> dict:
    base = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    base.config.use_cache = False
    return {"folder": folder, "base": base, "tokenizer": AutoTokenizer.from_pretrained(folder)}


def configuration(opened: dict, cell: dict):
    shared = {"task_type": "CAUSAL_LM", "num_virtual_tokens": cell["virtualTokens"]}
    if cell["method"] == "prefix":
        return PrefixTuningConfig(**shared)
    if cell["method"] == "encoder":
        return PromptEncoderConfig(**shared, encoder_hidden_size=cell["encoderWidth"])
    text = cell["text"]
    if text is None:
        return PromptTuningConfig(**shared)
    # As the guide has it: as many virtual tokens as the text has.
    shared["num_virtual_tokens"] = len(opened["tokenizer"](text)["input_ids"])
    return PromptTuningConfig(
        **shared,
        prompt_tuning_init="TEXT",
        prompt_tuning_init_text=text,
        tokenizer_name_or_path=opened["folder"],
    )


def prompted(opened: dict, cell: dict, at: int):
    torch.manual_seed(cell["seeds"][at])
    model = get_peft_model(copy.deepcopy(opened["base"]), configuration(opened, cell))
    if cell["starts"] is not None:
        weight = model.prompt_encoder["default"].embedding.weight
        with torch.no_grad():
            weight.copy_(torch.tensor(cell["starts"][at]).reshape(weight.shape))
    return model


def train(opened: dict, sample: dict, cell: dict, at: int) -> dict:
    began = time.perf_counter()
    model = prompted(opened, cell, at)
    model.train()
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=cell["rate"], weight_decay=cell["weightDecay"])
    validation = sample["validation"][: cell["validationRows"]]
    chunk = cell.get("chunk", CHUNK)
    curve, best, kept, note, since, nearly = [], None, None, None, 0, 0
    step_seconds = 0.0
    steps = 0
    for step in range(cell["steps"] + 1):
        if step % cell["validateEvery"] == 0 or step == cell["steps"]:
            score = scored(model, validation, chunk)
            curve.append([step, digits(score["loss"])])
            since += 1
            if best is None or score["loss"] < best["loss"]:
                best, since = {"step": step, **score}, 0
                kept = [p.detach().clone() for p in parameters]
            # A run ends as the app ends it: no better for so long, or right on nearly all rows twice in a row.
            nearly = nearly + 1 if score["exact"] >= 0.99 else 0
            if since >= cell["patience"] or nearly == 2:
                break
        if step == cell["steps"]:
            break
        start = time.perf_counter()
        for group in optimizer.param_groups:
            group["lr"] = cell["rates"][step]
        optimizer.zero_grad()
        loss = model(**padded([sample["training"][i] for i in cell["orders"][at][step]])).loss
        loss.backward()
        if cell["clipNorm"] > 0:
            torch.nn.utils.clip_grad_norm_(parameters, cell["clipNorm"])
        optimizer.step()
        step_seconds += time.perf_counter() - start
        steps = step + 1
        if not math.isfinite(loss.item()):
            note = f"its loss is no number at step {steps}"
            break
    seconds = time.perf_counter() - began
    with torch.no_grad():
        for parameter, values in zip(parameters, kept, strict=True):
            parameter.copy_(values)
    tested = scored(model, sample["test"], chunk) if sample["test"] else None
    if "keep" in cell:
        model.save_pretrained(cell["keep"][at])
    return {
        "seed": cell["seeds"][at],
        "curve": curve,
        "best": {"step": best["step"], "loss": digits(best["loss"]), "exact": digits(best["exact"])},
        "test": tested and {"loss": digits(tested["loss"]), "exact": digits(tested["exact"])},
        "steps": steps,
        "laneSteps": steps,
        "stepSeconds": digits(step_seconds),
        "seconds": digits(seconds),
        **({"note": note} if note else {}),
    }


def padded(rows: list) -> dict:
    """Padding stands on the right, where nothing sees it."""
    longest = max(len(ids) for ids, _ in rows)
    ids = torch.zeros(len(rows), longest, dtype=torch.long)
    labels = torch.full((len(rows), longest), -100)
    mask = torch.zeros(len(rows), longest, dtype=torch.long)
    for i, (row_ids, row_labels) in enumerate(rows):
        ids[i, : len(row_ids)] = torch.tensor(row_ids)
        labels[i, : len(row_labels)] = torch.tensor(row_labels)
        mask[i, : len(row_ids)] = 1
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


@torch.no_grad()
def scored(model, rows: list, chunk: int) -> dict:
    """Mean nats per label token, and the part of the rows whose every label token is the likeliest."""
    model.eval()
    nats, count, exact = 0.0, 0, 0
    for start in range(0, len(rows), chunk):
        batch = padded(rows[start : start + chunk])
        labels = batch["labels"]
        logits = model(**batch).logits
        # Before the text stand the virtual tokens, where they have rows of their own.
        logits = logits[:, logits.shape[1] - labels.shape[1] :][:, :-1]
        wanted = labels[:, 1:]
        counted = wanted != -100
        losses = torch.nn.functional.cross_entropy(
            logits.transpose(1, 2), wanted, ignore_index=-100, reduction="none"
        )
        nats += losses[counted].sum().item()
        count += int(counted.sum())
        exact += int(((logits.argmax(-1) == wanted) | ~counted).all(1).sum())
    model.train()
    return {"loss": nats / count, "exact": exact / len(rows)}


def digits(value: float) -> float:
    return float(f"{value:.6g}")


if __name__ == "__main__":
    main()
