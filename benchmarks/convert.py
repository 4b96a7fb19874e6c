"""Conversion of DistilBERT-base from `.bin`: seconds, and the most memory that the process ever held.

Each conversion is a process of its own. The peers are what people do today: PyTorch's loader and the
safetensors library, and Transformers' own loading and saving.

    python benchmarks/convert.py [--rounds 5] [--save FILE.json]      (Linux)
"""

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from common import base_checkpoint, machine, options, save, table
from distilbert.convert import convert

_MEASURED = """
import json, sys, time
source, out = sys.argv[1:]
started = time.perf_counter()
{imports}
imported = time.perf_counter()
{work}
seconds = time.perf_counter() - imported
status = open("/proc/self/status").read()
memory = 1024 * int(status.split("VmHWM:")[1].split()[0])
print(json.dumps({{"import": imported - started, "seconds": seconds, "memory": memory}}))
"""
_TORCH = "weights = torch.load(f'{source}/pytorch_model.bin', weights_only=True, mmap=True)"
_CANDIDATES = {
    "distilbert convert": ("from distilbert.convert import convert", "convert(source, out)"),
    "… --to bin": ("from distilbert.convert import convert", "convert(source, out, to='bin')"),
    "… --to ot": ("from distilbert.convert import convert", "convert(source, out, to='ot')"),
    "… --to npz": ("from distilbert.convert import convert", "convert(source, out, to='npz')"),
    "… --dtype bfloat16": ("from distilbert.convert import convert", "convert(source, out, dtype='bfloat16')"),
    "torch.load, save_file": (
        "import os, torch; from safetensors.torch import save_file",
        f"{_TORCH}; os.mkdir(out); save_file(weights, f'{{out}}/model.safetensors')",
    ),
    "Transformers": (
        "from transformers import DistilBertForSequenceClassification as Model",
        "Model.from_pretrained(source).save_pretrained(out)",
    ),
}
_SAME = ("distilbert convert", "torch.load, save_file", "Transformers")  # must write the same numbers


def main() -> None:
    parser = options(__doc__, 5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        convert(base_checkpoint(folder / "base"), folder / "bin", to="bin")
        size = (folder / "bin" / "pytorch_model.bin").stat().st_size
        expected = load_file(folder / "base" / "model.safetensors")
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in _CANDIDATES}
        for _ in range(args.rounds):
            for name, (imports, work) in _CANDIDATES.items():
                out = folder / "out"
                program = _MEASURED.format(imports=imports, work=work)
                command = [sys.executable, "-c", program, folder / "bin", out]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                runs[name].append(json.loads(done.stdout.splitlines()[-1]))
                if name in _SAME:
                    found = load_file(out / "model.safetensors")
                    assert all(np.array_equal(found[key], array) for key, array in expected.items()), name
                shutil.rmtree(out)
    figures = {
        name: {key: statistics.median(run[key] for run in measured) for key in measured[0]} | {"of_weights": 0.0}
        for name, measured in runs.items()
    }
    for measured in figures.values():
        measured["of_weights"] = measured["memory"] / size
    rows = {
        name: [
            f"{measured['import']:.2f}",
            f"{measured['seconds']:.2f}",
            f"{measured['memory'] / 1e6:.0f} MB",
            f"{measured['of_weights']:.2f}x",
        ]
        for name, measured in figures.items()
    }
    title = f"From .bin, {size / 1e6:.0f} MB of weights"
    print(table(title, rows, ["importing, s", "converting, s", "peak memory", "of the weights"]))
    save(args.save, {"machine": machine(), "bytes": size, "figures": figures})


if __name__ == "__main__":
    main()
