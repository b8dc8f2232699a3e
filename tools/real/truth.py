"""What transformers and PEFT compute with the models of `.models/`, for check.ts to compare with.

    python tools/real/truth.py OUT [ID…]

Into each folder go a golden case (case.json, expected.safetensors: transformers in float64, test/golden/README.md) and, for the
folder in f32, generation.json (40 greedy tokens). OUT/truth/ID.json has texts with their ids and conversations as the template
renders them. What is there already stays. A JSON line a model says how far PEFT's prompt tuning in float32 is from the case.
"""

import json
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "golden"))
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from awkward import conversations, texts
from peft import PromptTuningConfig, get_peft_model
from safetensors.torch import load_file
from torchCase import compact, greedy, open_model, write_case
from transformers import AutoTokenizer

torch.set_num_threads(os.cpu_count())

# As test/golden's own tolerances (tools/golden/case.ts).
MOST_LOSS, MOST_TRAJECTORY = 1e-4, 1e-3
TEXTS = 5000
PROMPT = "Answer with the mood:"
EXAMPLES = [
    ("The soup was cold and nobody came to our table.", " negative"),
    ("¡Qué bonito! 10/10 — we'd stay again, naïve or not.\n", " positive"),
    ("meh", " neither good nor bad, so leave it"),
]
STARTS = ["The parcel that I ordered in May is", "Once upon a time there was a", "def area(width, height):", "In 1969, people"]


def examples(tokenizer, count):
    """Token ids with labels on the answer; the middle one counts every token."""
    made = []
    for i, (text, answer) in enumerate(EXAMPLES[:count]):
        before, ids = tokenizer(text).input_ids, tokenizer(text + answer).input_ids
        learned = 0 if i == 1 else len(before)
        made.append({"inputIds": ids, "labels": [-100] * learned + ids[learned:]})
    return made


def start(folder, tokenizer):
    """The embeddings of words, as the network sees them, with a little noise."""
    model = open_model(str(folder), torch.float32, "F32")
    ids = tokenizer(PROMPT, add_special_tokens=False).input_ids
    vectors = model.get_input_embeddings()(torch.tensor(ids)).detach()
    noise = torch.randn(vectors.shape, generator=torch.Generator().manual_seed(1))
    return vectors + 0.1 * vectors.square().mean().sqrt() * noise


def write_generation(folder, tokenizer, tokens=40, margin=5e-3):
    """The first text whose continuations, bare and after the case's prompt, are clear at every step."""
    model = open_model(str(folder), torch.float32, "F32")
    prompt = load_file(str(folder / "expected.safetensors"))["prompt"]
    for text in STARTS:
        ids = tokenizer(text).input_ids
        bare, first = greedy(model, ids, None, tokens)
        prompted, second = greedy(model, ids, prompt, tokens)
        if min(first, second) >= margin:
            value = {"text": ids, "bare": bare, "prompted": prompted, "leastMargin": min(first, second)}
            (folder / "generation.json").write_text(compact(value))
            return
    raise SystemExit(f"{folder}: no text whose choices are all clear")


def peft_losses(folder, case, vectors):
    """The losses of PEFT's prompt tuning along the case's AdamW steps, in float32."""
    base = open_model(str(folder), torch.float32, case["dtype"])
    settings = PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=len(vectors))
    model = get_peft_model(base, settings)
    weight = model.prompt_encoder["default"].embedding.weight
    weight.data = vectors.clone()
    adamw = case["adamw"]
    optimizer = torch.optim.AdamW(
        [weight],
        lr=adamw["learningRate"],
        betas=(adamw["beta1"], adamw["beta2"]),
        eps=adamw["epsilon"],
        weight_decay=adamw["weightDecay"],
    )
    losses = []
    for step in range(adamw["steps"] + 1):
        parts = []
        for example in case["examples"]:
            logits = model(input_ids=torch.tensor([example["inputIds"]])).logits[0]
            # Row p + t - 1 predicts token t.
            wanted = [(t, label) for t, label in enumerate(example["labels"]) if label != -100]
            rows = logits[[len(vectors) + t - 1 for t, _ in wanted]]
            targets = torch.tensor([label for _, label in wanted])
            parts.append(torch.nn.functional.cross_entropy(rows, targets, reduction="none"))
        loss = torch.cat(parts).mean()
        losses.append(loss.item())
        if step < adamw["steps"]:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return losses


def write_texts(path, tokenizer):
    """Texts with their ids, and conversations as text where the model has a template."""
    backend = tokenizer.backend_tokenizer
    special = list(backend.get_added_tokens_decoder().values())
    made = texts(TEXTS, [token.content for token in special])
    ids = [tokenizer(text).input_ids for text in made]
    cases = []
    if tokenizer.chat_template:
        for each in conversations(TEXTS, made):
            rendered = tokenizer.apply_chat_template(
                each["messages"], tokenize=False, add_generation_prompt=each["start"]
            )
            cases.append({**each, "rendered": rendered})
    value = {
        "texts": [{"text": text, "ids": each, "back": backend.decode(each, False)} for text, each in zip(made, ids)],
        "conversations": cases,
    }
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def write_truth(model, out):
    single, half = out / f"{model}-f32", out / f"{model}-bf16"
    tokenizer = AutoTokenizer.from_pretrained(str(single))
    if not (out / "truth" / f"{model}.json").exists():
        write_texts(out / "truth" / f"{model}.json", tokenizer)
    # The folder in 16 bits is for the engine that a software GPU has to carry: few rows, few steps.
    for folder, count, steps, stored in ((single, 3, 10, "F32"), (half, 1, 2, "BF16")):
        if not (folder / "case.json").exists():
            words = f"{model}, {stored}, prompt tuning on {count} texts"
            vectors = start(single, tokenizer)
            rate = 0.05 * vectors.square().mean().sqrt().item()
            write_case(str(folder), "prompt", examples(tokenizer, count), vectors, rate, words, stored, steps)
    if not (single / "generation.json").exists():
        write_generation(single, tokenizer)
    if not (single / "peft.json").exists():
        case = json.loads((single / "case.json").read_text())
        losses = peft_losses(single, case, load_file(str(single / "expected.safetensors"))["prompt"])
        (single / "peft.json").write_text(json.dumps(losses))
    return compare_peft(single)


def compare_peft(folder):
    """How far PEFT is from the case."""
    adamw = json.loads((folder / "case.json").read_text())["adamw"]
    found = json.loads((folder / "peft.json").read_text())
    apart = [abs(a - b) for a, b in zip(found, [*adamw["losses"], adamw["finalLoss"]], strict=True)]
    ok = apart[0] <= MOST_LOSS and max(apart) <= MOST_TRAJECTORY
    return {"lossError": apart[0], "trajectoryError": max(apart), "ok": ok}


def main():
    out = Path(sys.argv[1])
    models = [model["id"] for model in json.loads((HERE / "models.json").read_text())]
    all_ok = True
    for model in sys.argv[2:] or models:
        if not (out / f"{model}-bf16" / "source.json").exists():
            continue
        found = write_truth(model, out)
        print(json.dumps({"model": model, "check": "PEFT against transformers", **found}), flush=True)
        all_ok = all_ok and found["ok"]
    sys.exit(0 if all_ok else 1)


if __name__ == "__main__":
    main()
