"""The numbers of a golden case: what transformers computes for a soft prompt in a folder's model, in float64.

Transformers converts to float32 in places (norms, softmax, rotary tables). `wide` turns these conversions into float64,
so that nothing is rounded but the stored weights.
"""

import contextlib
import inspect
import json
import os

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText, GenerationConfig, logging
from transformers.cache_utils import DynamicCache

logging.set_verbosity_error()
logging.disable_progress_bar()
# The tensors are too small to share.
torch.set_num_threads(1)

ADAMW = {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weightDecay": 0.01}
DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


@contextlib.contextmanager
def wide():
    """Everything that asks for float32 by name gets float64."""
    single, half_wide, to_float = torch.float32, torch.float, torch.Tensor.float
    torch.set_default_dtype(torch.float64)
    torch.float32 = torch.float = torch.float64
    torch.Tensor.float = lambda self: self.double()
    try:
        yield
    finally:
        torch.float32, torch.float, torch.Tensor.float = single, half_wide, to_float
        torch.set_default_dtype(single)


def auto_class(config):
    """Gemma 3 is among the causal language models; others that see are not."""
    kinds = AutoModelForCausalLM, AutoModelForImageTextToText
    return next(kind for kind in kinds if type(config) in kind._model_mapping)


def open_model(folder, dtype, stored):
    """The model of a folder; `dtype` is what it computes in, `stored` the type of the file, for the embedding scale."""
    kind = auto_class(AutoConfig.from_pretrained(folder))
    model = kind.from_pretrained(folder, dtype=dtype, attn_implementation="eager").eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
        assert parameter.dtype == dtype, (parameter.dtype, dtype)
    for module in model.modules():
        if dtype == torch.float64 and hasattr(module, "compute_default_rope_parameters"):
            # The frequencies again, in this precision.
            with wide():
                again = type(module)(module.config)
            for name, buffer in again.named_buffers():
                setattr(module, name, buffer)
                assert buffer.dtype == dtype
        if hasattr(module, "embed_scale"):
            module.embed_scale = torch.tensor(module.scalar_embed_scale, dtype=DTYPES[stored]).to(dtype)
    return model


class Case:
    """A model with its examples: loss and logits for a prompt of virtual tokens, or for a prefix."""

    def __init__(self, model, examples, dtype):
        self.model, self.examples, self.dtype = model, examples, dtype
        self.text = model.config.get_text_config()

    def rows(self, prompt, kind, ids):
        """Logits `[rows, vocabulary]` of which row r predicts token r + first."""
        tokens = torch.tensor([ids])
        embedded = self.model.get_input_embeddings()(tokens)
        if kind == "prompt":
            inputs = torch.cat([prompt[None], embedded], 1)
            return self.model(inputs_embeds=inputs, use_cache=False).logits[0], 1 - len(prompt)
        return self.model(inputs_embeds=embedded, past_key_values=self.cache(prompt)).logits[0], 1

    def cache(self, prefix):
        """A prefix `[p, layers * 2 * heads * size]` as a cache, in PEFT's layout."""
        text = self.text
        layers = text.num_hidden_layers
        heads = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
        parts = prefix.view(len(prefix), layers * 2, heads, -1).permute(1, 2, 0, 3)
        cache = DynamicCache(config=self.model.config)
        for layer in range(layers):
            cache.update(parts[2 * layer][None], parts[2 * layer + 1][None], layer)
        return cache

    def losses(self, prompt, kind):
        """Per example the losses of its predicted tokens, and their logits."""
        losses, logits = [], []
        for example in self.examples:
            out, first = self.rows(prompt, kind, example["inputIds"])
            labels = [(t, label) for t, label in enumerate(example["labels"]) if label != -100 and t >= max(first, 0)]
            picked = out[[t - first for t, _ in labels]] if labels else out[:0]
            targets = torch.tensor([label for _, label in labels], dtype=torch.long)
            losses.append(torch.nn.functional.cross_entropy(picked, targets, reduction="none"))
            logits.append(picked)
        return losses, logits

    def run(self, start, kind, adamw):
        """Loss, logits and gradient at `start`, and a short AdamW run from there."""
        prompt = start.to(self.dtype).clone().requires_grad_(True)
        losses, logits = self.losses(prompt, kind)
        loss = torch.cat(losses).mean()
        (grad,) = torch.autograd.grad(loss, prompt)
        optimizer = torch.optim.AdamW(
            [prompt],
            lr=adamw["learningRate"],
            betas=(adamw["beta1"], adamw["beta2"]),
            eps=adamw["epsilon"],
            weight_decay=adamw["weightDecay"],
        )
        curve = []
        for _ in range(adamw["steps"] + 1):
            step = torch.cat(self.losses(prompt, kind)[0]).mean()
            curve.append(step.item())
            if len(curve) <= adamw["steps"]:
                optimizer.zero_grad()
                step.backward()
                optimizer.step()
        return {
            "loss": loss.item(),
            "counts": [len(each) for each in losses],
            "means": [each.mean().item() if len(each) else None for each in losses],
            "logits": torch.cat(logits).detach(),
            "grad": grad.detach(),
            "losses": curve,
            "after": prompt.detach(),
        }


def write_case(folder, kind, examples, start, rate, description, stored, steps=20):
    """Computes a case and writes its two files. Returns what was computed."""
    adamw = {"learningRate": rate, **ADAMW, "steps": steps}
    exact = Case(open_model(folder, torch.float64, stored), examples, torch.float64)
    with wide():
        found = exact.run(start, kind, adamw)
    single = Case(open_model(folder, torch.float32, stored), examples, torch.float32).run(start, kind, adamw)
    config = AutoConfig.from_pretrained(folder)
    text = config.get_text_config()
    size = {"promptLength": len(start)}
    if kind == "prefix":
        heads = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
        layers = text.num_hidden_layers
        size = {
            "prefixLength": len(start),
            "layers": layers,
            "keyValueHeads": heads,
            "headDim": start.shape[1] // (layers * 2 * heads),
        }

    def apart(name):
        return (found[name] - single[name].double()).abs().max().item()

    case = {
        "description": description,
        "modelType": config.model_type,
        "dtype": stored,
        **size,
        "examples": examples,
        "loss": found["loss"],
        "tokenCount": sum(found["counts"]),
        "exampleLoss": found["means"],
        "exampleTokenCount": found["counts"],
        "adamw": {**adamw, "losses": found["losses"][:-1], "finalLoss": found["losses"][-1]},
        "gradScale": {"maxAbs": found["grad"].abs().max().item(), "rms": found["grad"].square().mean().sqrt().item()},
        "float32Difference": {
            "loss": abs(found["loss"] - single["loss"]),
            "logits": apart("logits"),
            "grad": apart("grad"),
            "adamwLosses": max(abs(a - b) for a, b in zip(found["losses"], single["losses"])),
            "after": apart("after"),
        },
    }
    before = "prefix_" if kind == "prefix" else ""
    with open(os.path.join(folder, f"{before}case.json"), "w", encoding="utf-8") as file:
        file.write(compact(case))
    tensors = {kind: start, f"{kind}_grad": found["grad"], "logits": found["logits"], f"{kind}_after": found["after"]}
    save_file(
        {name: tensor.to(torch.float32).contiguous() for name, tensor in tensors.items()},
        os.path.join(folder, f"{before}expected.safetensors"),
    )
    return case


def compact(value):
    """JSON with two spaces, and every list of numbers on one line."""
    text = json.dumps(value, indent=2)
    out, depth = [], 0
    for line in text.split("\n"):
        opens = line.rstrip().endswith("[")
        closes = line.strip().startswith("]")
        if depth:
            out[-1] += line.strip() + (" " if line.endswith(",") else "")
            if closes:
                out[-1] = out[-1].rstrip()
                depth = 0
        else:
            out.append(line)
            if opens and any(f'"{name}": [' in line for name in LISTS):
                depth = 1
    return "\n".join(out) + "\n"


LISTS = ("inputIds", "labels", "exampleLoss", "exampleTokenCount", "losses", "text", "bare", "prompted")


def greedy(model, ids, prompt, tokens):
    """Transformers' greedy continuation, and the least distance between the first and the second choice of a step."""
    embed = model.get_input_embeddings()
    embedded = embed(torch.tensor(ids)) if prompt is None else torch.cat([prompt, embed(torch.tensor(ids))])
    with torch.no_grad():
        if "inputs_embeds" in inspect.signature(model.prepare_inputs_for_generation).parameters:
            config = GenerationConfig(do_sample=False, max_new_tokens=tokens, eos_token_id=None, pad_token_id=0)
            config.update(return_dict_in_generate=True, output_logits=True)
            inputs = {"input_ids": torch.tensor([ids])} if prompt is None else {"inputs_embeds": embedded[None]}
            made = model.generate(
                **inputs,
                attention_mask=torch.ones((1, len(ids) if prompt is None else len(embedded)), dtype=torch.long),
                generation_config=config,
            )
            found = made.sequences[0].tolist()[-tokens:]
            logits = torch.stack([each[0] for each in made.logits])
        else:
            # Models that also see generate from token ids alone; their forward pass takes embeddings.
            found, steps = [], []
            for _ in range(tokens):
                steps.append(model(inputs_embeds=embedded[None], use_cache=False).logits[0, -1])
                found.append(steps[-1].argmax().item())
                embedded = torch.cat([embedded, embed(torch.tensor(found[-1:]))])
            logits = torch.stack(steps)
    top = logits.topk(2).values
    assert len(found) == len(logits) == tokens, (len(found), tokens)
    return found, (top[:, 0] - top[:, 1]).min().item()


def write_generation(folder, stored, seed=0, tokens=40, margin=2e-3):
    """Greedy continuations of one text without a prompt and after the case's own; the text is the first whose every step is clear."""
    prompt = load_file(os.path.join(folder, "expected.safetensors"))["prompt"]
    model = open_model(folder, torch.float64, stored)
    with wide():
        text = model.config.get_text_config()
        room = min(tokens, text.max_position_embeddings - len(prompt) - 6)
        best = None
        for attempt in range(100):
            random = torch.Generator().manual_seed(seed + attempt)
            ids = torch.randint(3, text.vocab_size, (6,), generator=random).tolist()
            bare, first = greedy(model, ids, None, room)
            if first < margin:
                continue
            prompted, second = greedy(model, ids, prompt.double(), room)
            # A text that falls into a loop at once says little.
            variety = min(len(set(bare)), len(set(prompted)))
            if second >= margin and (best is None or variety > best[0]):
                best = (variety, ids, bare, prompted, min(first, second))
            if best and (best[0] >= 5 or attempt >= 12):
                break
        assert best, f"{folder}: no text whose choices are all clear"
    _, ids, bare, prompted, least = best
    value = {"text": ids, "bare": bare, "prompted": prompted, "leastMargin": least}
    with open(os.path.join(folder, "generation.json"), "w", encoding="utf-8") as file:
        file.write(compact(value))
    return best[0], least
