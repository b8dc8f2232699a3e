"""Times PEFT's prompt tuning at a benchmark's shapes: reads a job as JSON from stdin, writes one line of JSON to stdout.

A job: {"folder": path or null, "config": {"type": ..., "arguments": {...}}, "tokenIds": [[...]], "labels": n,
"promptIds": [...], "steps": n, "warmup": n, "dtype": "float32" | "bfloat16" | null}. With --check it says only
whether everything needed is installed.
"""

import json
import platform
import statistics
import sys
import time


def main() -> int:
    try:
        import peft
        import torch
        import transformers
    except ImportError as error:
        print(
            f"{sys.executable} has no {error.name}: the comparison needs torch, transformers and peft"
            " (pip install torch transformers peft), or --python naming a Python that has them.",
            file=sys.stderr,
        )
        return 3
    versions = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "peft": peft.__version__,
    }
    if "--check" in sys.argv:
        print(json.dumps(versions))
        return 0
    transformers.logging.set_verbosity_error()
    print(json.dumps({"versions": versions, **measure(json.load(sys.stdin))}))
    return 0


def measure(job: dict) -> dict:
    import torch

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = getattr(torch, job["dtype"] or ("bfloat16" if device.type == "cuda" else "float32"))
    torch.manual_seed(1)
    model = prompted(job, device, dtype)
    vectors = [p for p in model.parameters() if p.requires_grad]
    assert len(vectors) == 1, "only the prompt is trained"
    optimizer = torch.optim.AdamW(vectors, lr=1e-3, weight_decay=0.0)

    ids = torch.tensor(job["tokenIds"], device=device)
    labels = ids.clone()
    labels[:, : ids.shape[1] - job["labels"]] = -100
    mask = torch.ones_like(ids)

    def now() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() * 1000

    gradient, whole, loss = [], [], None
    for step in range(job["warmup"] + job["steps"]):
        start = now()
        optimizer.zero_grad()
        out = model(input_ids=ids, attention_mask=mask, labels=labels).loss
        out.backward()
        middle = now()
        optimizer.step()
        end = now()
        if step == 0:
            loss = out.item()
        if step >= job["warmup"]:
            gradient.append(middle - start)
            whole.append(end - start)
        print(f"PEFT, step {step + 1} of {job['warmup'] + job['steps']}: {end - start:.1f} ms", file=sys.stderr)
    cuda = device.type == "cuda"
    return {
        "device": device.type,
        "deviceName": torch.cuda.get_device_name() if cuda else platform.processor() or platform.machine(),
        "threads": None if cuda else torch.get_num_threads(),
        "dtype": str(dtype).removeprefix("torch."),
        "attention": model.base_model.config._attn_implementation,
        "milliseconds": spread(gradient),
        "millisecondsWithAdamW": spread(whole),
        "steps": job["steps"],
        "warmup": job["warmup"],
        "loss": loss,
        "peakBytes": torch.cuda.max_memory_allocated() if cuda else None,
    }


def prompted(job: dict, device, dtype):
    """The model with a prompt of embeddings of the job's tokens, frozen but for it."""
    import torch
    from peft import PromptTuningConfig, TaskType, get_peft_model
    from transformers import AutoConfig, AutoModelForCausalLM

    if job["folder"]:
        base = AutoModelForCausalLM.from_pretrained(job["folder"], dtype=dtype)
    else:
        config = AutoConfig.for_model(job["config"]["type"], **job["config"]["arguments"])
        base = AutoModelForCausalLM.from_config(config, dtype=dtype)
    base.config.use_cache = False
    task = PromptTuningConfig(task_type=TaskType.CAUSAL_LM, num_virtual_tokens=len(job["promptIds"]))
    model = get_peft_model(base.to(device), task)
    with torch.no_grad():
        table = base.get_input_embeddings().weight
        start = table[torch.tensor(job["promptIds"], device=device)]
        prompt = next(p for p in model.parameters() if p.requires_grad)
        prompt.copy_(start)
    return model.train()


def spread(values: list[float]) -> dict:
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


if __name__ == "__main__":
    sys.exit(main())
