"""Repeats everything: tokenizer, pretraining, export, sample datasets, measurement, model card.

    python tools/pretrain/run.py

The pretraining goes on from the last checkpoint in `build/`; remove that folder to start afresh.
"""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent

COMMANDS = (
    ("pretrain.py", "tokenizer"),
    ("pretrain.py", "train"),
    ("pretrain.py", "export"),
    ("datasets.py",),
    ("measure.py",),
    ("datasets.py", "--measured", str(HERE / "measured.json")),  # the index names the best instruction
)


def main() -> None:
    for script, *arguments in COMMANDS:
        print(">", script, *arguments, flush=True)
        subprocess.run([sys.executable, str(HERE / script), *arguments], check=True)


if __name__ == "__main__":
    main()
