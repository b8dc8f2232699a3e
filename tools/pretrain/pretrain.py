"""Trains the embedded model from nothing: tokenizer, pretraining, export.

    python pretrain.py tokenizer        # build/tokenizer
    python pretrain.py train            # build/checkpoint.pt, saved every few minutes, resumed when there is one
    python pretrain.py export           # public/models/studio-2.6m

The batch of a step is a function of the seed and the step's number, so a run that was interrupted goes on as if it had
not been.
"""

import argparse
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch
import torch.distributed
import torch.multiprocessing
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

import corpus

HERE = Path(__file__).resolve().parent
MODEL_FOLDER = HERE.parent.parent / "public" / "models" / "studio-2.6m"
END = "<|endoftext|>"
END_ID = 0

SEED = 7
VOCABULARY = 1536
CONTEXT = 512
TOKENS_A_STEP = 2048
# Row lengths of successive steps. Most are short, as the studio's examples are (and short rows are faster); one step in
# eight is as long as the context, so that all positions are learned.
ROW_LENGTHS = (64, 128, 64, 128, 64, 128, 64, CONTEXT)
WARM_UP_STEPS = 100
DECAY_STEPS = 500  # at the end of a stage, in which the rate falls to zero
WEIGHT_DECAY = 0.05
CONTEXT_WEIGHT = 0.3  # of a token that is no answer; most of the text before an answer is chance and only adds noise
REPORT_EVERY = 20


@dataclass(frozen=True)
class Stage:
    """A part of the pretraining, with its own rise and fall of the learning rate."""

    steps: int
    peak_rate: float
    lessons: float  # share of lessons in looking up, see corpus.lesson_document


# After 9,000 steps the question skill still picks the value it answers with by chance; the lessons bring it.
STAGES = (Stage(9000, 2.5e-3, 0.0), Stage(900, 1.5e-3, 0.5))
STEPS = 9850  # the last 50, at a tenth of the rate or less, are left out


def stage_of(step: int) -> tuple[Stage, int]:
    """The stage that a step belongs to, and the step's number within it."""
    for stage in STAGES:
        if step < stage.steps:
            return stage, step
        step -= stage.steps
    raise ValueError("The stages have fewer steps.")


def model_config() -> LlamaConfig:
    """The architecture: 2.6 M parameters, tied embeddings, grouped-query attention."""
    return LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=192, intermediate_size=480, num_hidden_layers=6, num_attention_heads=6,
        num_key_value_heads=3, max_position_embeddings=CONTEXT, tie_word_embeddings=True, rms_norm_eps=1e-5,
        bos_token_id=END_ID, eos_token_id=END_ID, pad_token_id=END_ID,
    )


# --- Tokenizer -------------------------------------------------------------------------------------------------------

def train_tokenizer(folder: Path, documents: int = 60_000) -> None:
    """A byte-level BPE tokenizer from the corpus; it adds no token of its own to a text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=[END], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    stream = corpus.documents(SEED)
    tokenizer.train_from_iterator((corpus.unmarked(next(stream)) for _ in range(documents)), trainer)
    folder.mkdir(parents=True, exist_ok=True)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=END, pad_token=END, model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    ).save_pretrained(folder)


# --- Training --------------------------------------------------------------------------------------------------------

def encode(tokenizer: Tokenizer, document: str) -> list[tuple[int, float]]:
    """The tokens of a document with their weights in the loss."""
    tokens = []
    for index, part in enumerate(document.split(corpus.MARK)):
        weight = 1.0 if index % 2 else CONTEXT_WEIGHT
        tokens += [(token, weight) for token in tokenizer.encode(part).ids]
    return tokens + [(END_ID, 1.0)]


def batch(tokenizer: Tokenizer, step: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The token ids of a step and their weights, `[rows, length]`.

    Every row starts with the start of a document, as the studio's inputs do. A document that is cut at the end of a
    row starts the next one.
    """
    length = ROW_LENGTHS[step % len(ROW_LENGTHS)]
    stream = corpus.documents(Random(f"{SEED} {step}").getrandbits(48), stage_of(step)[0].lessons)
    rows: list[list[tuple[int, float]]] = []
    row: list[tuple[int, float]] = []
    while len(rows) < TOKENS_A_STEP // length:
        document = encode(tokenizer, next(stream))
        row = row + document
        if len(row) >= length:
            rows.append(row[:length])
            row = document if length < len(row) and len(document) < length else []
    packed = torch.tensor(rows)
    return packed[..., 0].long(), packed[..., 1]


def learning_rate(step: int) -> float:
    """Warm-up, a plateau, and a straight line to zero, in each stage."""
    stage, step = stage_of(step)
    return stage.peak_rate * min(1.0, (step + 1) / WARM_UP_STEPS, (stage.steps - step) / DECAY_STEPS)


def train(worker: int, work: Path, steps: int, workers: int, save_every: int) -> None:
    """Runs the pretraining, from the checkpoint in `work` where there is one, as one of several processes.

    Each process takes its share of a batch's rows and all add up their gradients. One thread a process and one meeting
    a step: on a machine that does other things too, threads that meet after every operation mostly wait.
    """
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    torch.distributed.init_process_group("gloo", rank=worker, world_size=workers)
    tokenizer = Tokenizer.from_file(str(work / "tokenizer" / "tokenizer.json"))
    model = LlamaForCausalLM(model_config())
    parameters = list(model.parameters())
    decayed = [p for p in parameters if p.dim() > 1]
    others = [p for p in parameters if p.dim() <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": WEIGHT_DECAY}, {"params": others, "weight_decay": 0.0}],
        lr=learning_rate(0), betas=(0.9, 0.95), fused=True)

    checkpoint = work / "checkpoint.pt"
    first = 0
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location="cpu")
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        first = saved["step"]

    started = time.time()
    total = 0.0
    for step in range(first, steps):
        ids, weights = batch(tokenizer, step)
        weights = weights / weights[:, 1:].sum()
        ids, weights = ids[worker::workers], weights[worker::workers]
        logits = model(input_ids=ids, use_cache=False).logits
        losses = torch.nn.functional.cross_entropy(
            logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten(), reduction="none")
        loss = (losses * weights[:, 1:].flatten()).sum()
        loss.backward()
        gradient = torch.nn.utils.parameters_to_vector([p.grad for p in parameters])
        torch.distributed.all_reduce(gradient)
        torch.nn.utils.vector_to_parameters(gradient, [p.grad for p in parameters])
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

        total += workers * loss.item()  # this process' part of the batch stands for the whole
        done = step + 1
        if worker == 0 and done % REPORT_EVERY == 0:
            speed = (done - first) * TOKENS_A_STEP / (time.time() - started)
            print(f"step {done}/{steps}  loss {total / REPORT_EVERY:.3f}  {speed:,.0f} tokens/s", flush=True)
            total = 0.0
        if worker == 0 and (done % save_every == 0 or done == steps):
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": done}
            torch.save(state, checkpoint.with_suffix(".new"))
            checkpoint.with_suffix(".new").replace(checkpoint)


# --- Export ----------------------------------------------------------------------------------------------------------

def export(work: Path, folder: Path) -> None:
    """Writes the checkpoint as a Hugging Face model folder in half precision."""
    model = LlamaForCausalLM(model_config())
    model.load_state_dict(torch.load(work / "checkpoint.pt", map_location="cpu")["model"])
    model.half().save_pretrained(folder)
    PreTrainedTokenizerFast.from_pretrained(work / "tokenizer").save_pretrained(folder)
    use_common_names(folder)


def use_common_names(folder: Path) -> None:
    """Rewrites the settings with the names that every version of transformers, and every other reader, knows."""
    config = json.loads((folder / "config.json").read_text())
    config["torch_dtype"] = config.pop("dtype", "float16")
    config["rope_theta"] = config.pop("rope_parameters", {}).get("rope_theta", 10000.0)
    tokenizer = json.loads((folder / "tokenizer_config.json").read_text())
    kept = ("clean_up_tokenization_spaces", "eos_token", "model_max_length", "pad_token")
    tokenizer = {name: tokenizer[name] for name in kept} | {
        # Said outright, so that nobody looks for a chat_template.jinja.
        "chat_template": None, "tokenizer_class": "PreTrainedTokenizerFast"}
    generation = {
        "bos_token_id": END_ID, "eos_token_id": END_ID, "pad_token_id": END_ID, "do_sample": False,
        "max_new_tokens": 48}
    files = {"config.json": config, "tokenizer_config.json": tokenizer, "generation_config.json": generation}
    for name, settings in files.items():
        (folder / name).write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n")
    (folder / "model.safetensors").chmod(0o644)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["tokenizer", "train", "export"])
    parser.add_argument("--work", type=Path, default=HERE / "build", help="folder for the tokenizer and checkpoints")
    parser.add_argument("--steps", type=int, default=STEPS,
                        help=f"where to stop, in steps of {TOKENS_A_STEP} tokens; a later call goes on from there")
    parser.add_argument("--workers", type=int, default=2, help="training processes of one thread each")
    parser.add_argument("--save-every", type=int, default=100, help="steps between checkpoints")
    parser.add_argument("--out", type=Path, default=MODEL_FOLDER, help="folder of the exported model")
    arguments = parser.parse_args()
    if arguments.command == "tokenizer":
        train_tokenizer(arguments.work / "tokenizer")
    elif arguments.command == "train":
        os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
        os.environ.setdefault("MASTER_PORT", "29517")
        torch.multiprocessing.spawn(
            train, (arguments.work, arguments.steps, arguments.workers, arguments.save_every), arguments.workers)
    else:
        export(arguments.work, arguments.out)


if __name__ == "__main__":
    main()
