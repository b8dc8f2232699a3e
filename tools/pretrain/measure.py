"""Measures the model on the sample datasets: bare, under ten instructions, and with a soft prompt.

    python measure.py             # measured.json and the model card's table

An example is `INPUT + newline`, then `TARGET`, then the end token, each tokenised on its own; an instruction is a line
of its own before the input; a soft prompt is a matrix before everything.

*Exact* is the share of validation rows whose greedy continuation is the target and the end token. It is read off one
forward pass over the right answer: greedy decoding gives the target if and only if every token of the target is the
likeliest one after those before it. *Accuracy* (class tasks) is the share of rows whose label is the likeliest of the
dataset's labels.
"""

import argparse
import json
import math
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch
from transformers import AutoTokenizer, LlamaForCausalLM, PreTrainedTokenizerFast

from datasets import DATASET_FOLDER, DATASETS, Dataset, Row, read_rows
from pretrain import END_ID, HERE, MODEL_FOLDER

MEASURED = HERE / "measured.json"
CARD = HERE / "model-card.md"
TABLE_PLACE = "<!-- measured -->"

# The studio's defaults.
VIRTUAL_TOKENS = 20
BATCH = 16
STEPS = 150
WARM_UP_STEPS = 10
RATE_TO_RMS = 0.2
EVALUATION_BATCH = 50
IGNORED = -100


@dataclass
class Model:
    """The frozen model and its tokenizer."""

    net: LlamaForCausalLM
    tokenizer: PreTrainedTokenizerFast

    @classmethod
    def load(cls, folder: Path) -> "Model":
        net = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
        net.requires_grad_(False)
        return cls(net.eval(), AutoTokenizer.from_pretrained(folder))

    def ids(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False)

    @property
    def table(self) -> torch.Tensor:
        """The embedding table, `[vocabulary, hidden]`."""
        return self.net.get_input_embeddings().weight

    def logits(self, inputs: torch.Tensor, prompt: torch.Tensor | None) -> torch.Tensor:
        """Logits of the text positions, `[rows, length, vocabulary]`, shifted so that position i predicts token i.

        The first token has no prediction without a prompt; nothing is ever asked of it then, as an input comes first.
        """
        embedded = self.table[inputs]
        if prompt is not None:
            embedded = torch.cat([prompt.expand(len(inputs), -1, -1), embedded], dim=1)
        logits = self.net(inputs_embeds=embedded, use_cache=False).logits
        text = logits[:, -inputs.shape[1] - 1:-1] if prompt is not None else logits[:, :-1]
        return text if prompt is not None else torch.nn.functional.pad(text, (0, 0, 1, 0))


def collate(model: Model, rows: list[Row], instruction: str | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and labels of rows, `[rows, length]`, padded on the right; only target and end token are labels."""
    before = model.ids(instruction + "\n") if instruction else []
    inputs, labels = [], []
    for text, target in rows:
        context, answer = before + model.ids(text + "\n"), model.ids(target) + [END_ID]
        inputs.append(context + answer)
        labels.append([IGNORED] * len(context) + answer)
    length = max(map(len, inputs))
    return (torch.tensor([ids + [END_ID] * (length - len(ids)) for ids in inputs]),
            torch.tensor([ids + [IGNORED] * (length - len(ids)) for ids in labels]))


@torch.no_grad()
def exact(model: Model, rows: list[Row], instruction: str | None = None, prompt: torch.Tensor | None = None) -> float:
    """Share of rows that greedy decoding gets right to the last character."""
    right = 0
    for start in range(0, len(rows), EVALUATION_BATCH):
        inputs, labels = collate(model, rows[start:start + EVALUATION_BATCH], instruction)
        hits = (model.logits(inputs, prompt).argmax(-1) == labels) | (labels == IGNORED)
        right += int(hits.all(dim=1).sum())
    return right / len(rows)


@torch.no_grad()
def accuracy(model: Model, rows: list[Row], instruction: str | None = None,
             prompt: torch.Tensor | None = None) -> float:
    """Share of rows whose label is the likeliest of all labels that occur in the rows."""
    names = sorted({target for _, target in rows})
    scores = []
    for name in names:
        parts = []
        for start in range(0, len(rows), EVALUATION_BATCH):
            asked = [(text, name) for text, _ in rows[start:start + EVALUATION_BATCH]]
            inputs, labels = collate(model, asked, instruction)
            losses = torch.nn.functional.cross_entropy(
                model.logits(inputs, prompt).transpose(1, 2), labels, ignore_index=IGNORED, reduction="none")
            parts.append(-losses.sum(dim=1))
        scores.append(torch.cat(parts))
    chosen = torch.stack(scores).argmax(dim=0)
    return sum(names[int(i)] == target for i, (_, target) in zip(chosen, rows)) / len(rows)


def initial_prompt(model: Model, text: str) -> torch.Tensor:
    """The embeddings of a text, repeated or cut to the number of virtual tokens."""
    ids = model.ids(text)
    ids = (ids * math.ceil(VIRTUAL_TOKENS / len(ids)))[:VIRTUAL_TOKENS]
    return model.table[torch.tensor(ids)].clone()


def train_prompt(model: Model, rows: list[Row], text: str, steps: int, seed: int = 0) -> torch.Tensor:
    """A soft prompt `[virtual tokens, hidden]`, trained with the studio's default settings."""
    prompt = initial_prompt(model, text).requires_grad_()
    rate = RATE_TO_RMS * model.table.square().mean().sqrt().item()
    optimizer = torch.optim.AdamW([prompt], lr=rate, weight_decay=0.0)
    rng = Random(seed)
    queue: list[Row] = []
    for step in range(steps):
        if len(queue) < BATCH:
            queue += rng.sample(rows, len(rows))
        chosen, queue = queue[:BATCH], queue[BATCH:]
        inputs, labels = collate(model, chosen)
        loss = torch.nn.functional.cross_entropy(
            model.logits(inputs, prompt).transpose(1, 2), labels, ignore_index=IGNORED)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([prompt], 1.0)
        warm = min(1.0, (step + 1) / WARM_UP_STEPS)
        optimizer.param_groups[0]["lr"] = rate * warm * 0.5 * (1 + math.cos(math.pi * step / steps))
        optimizer.step()
    return prompt.detach()


def measure(name: str, model_folder: Path, folder: Path, limit: int, steps: int) -> dict:
    """All numbers of one dataset, computed in one thread."""
    dataset = next(dataset for dataset in DATASETS if dataset.id == name)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = Model.load(model_folder)
    train = read_rows(folder / f"{dataset.id}.{dataset.format}")
    rows = read_rows(folder / f"{dataset.id}.validation.{dataset.format}")[:limit]

    def scores(**prompt) -> dict[str, float]:
        result = {"exact": exact(model, rows, **prompt)}
        if dataset.task == "class":
            result["accuracy"] = accuracy(model, rows, **prompt)
        return result

    prompt = train_prompt(model, train, dataset.description, steps)
    soft = scores(prompt=prompt)
    instructions = {text: scores(instruction=text) for text in dataset.instructions}
    best = max(instructions, key=lambda text: (instructions[text].get("accuracy", 0), instructions[text]["exact"]))
    print(dataset.id, f"soft prompt {soft}, best instruction {best!r} {instructions[best]}", flush=True)
    return {
        "task": dataset.task, "bare": scores(), "instructions": instructions, "best_instruction": best,
        "steps": steps, "soft_prompt": soft,
    }


def table(measured: dict) -> str:
    """The measured numbers as a Markdown table."""

    def cell(scores: dict[str, float]) -> str:
        numbers = [f"{scores['exact']:.1%}"] + ([f"{scores['accuracy']:.1%}"] if "accuracy" in scores else [])
        return " · ".join(numbers)

    lines = ["| dataset | bare | best of ten instructions | soft prompt | steps |", "| --- | --- | --- | --- | --- |"]
    for name, result in measured["datasets"].items():
        texts = result["instructions"].values()
        best = {key: max(scores[key] for scores in texts) for key in result["bare"]}
        lines.append(f"| {name} | {cell(result['bare'])} | {cell(best)} | {cell(result['soft_prompt'])} "
                     f"| {result['steps']} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=MODEL_FOLDER)
    parser.add_argument("--datasets", type=Path, default=DATASET_FOLDER)
    parser.add_argument("--only", nargs="*", help="ids of the datasets to measure; keeps the numbers of the others")
    parser.add_argument("--rows", type=int, default=200, help="validation rows")
    parser.add_argument("--steps", type=int, default=STEPS, help="training steps of a soft prompt")
    parser.add_argument("--workers", type=int, default=2, help="datasets measured at the same time")
    arguments = parser.parse_args()
    chosen = [dataset for dataset in DATASETS if arguments.only is None or dataset.id in arguments.only]
    with ProcessPoolExecutor(arguments.workers) as pool:
        jobs = {
            dataset.id: pool.submit(measure, dataset.id, arguments.model, arguments.datasets, arguments.rows,
                                    arguments.steps)
            for dataset in chosen
        }
        results = {name: job.result() for name, job in jobs.items()}
    if arguments.only and MEASURED.exists():
        results = json.loads(MEASURED.read_text(encoding="utf-8"))["datasets"] | results
    measured = {"datasets": {dataset.id: results[dataset.id] for dataset in DATASETS if dataset.id in results}}
    print(table(measured))
    MEASURED.write_text(json.dumps(measured, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    card = CARD.read_text(encoding="utf-8").replace(TABLE_PLACE, table(measured))
    (arguments.model / "README.md").write_text(card, encoding="utf-8")


if __name__ == "__main__":
    main()
