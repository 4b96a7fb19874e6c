"""The core imports neither a leaf nor what a leaf needs."""

import subprocess
import sys

LEAVES = ("adapters", "bulk", "compat", "nn", "train", "distill", "convert", "serve", "sklearn")
CODE = f"""
import importlib, sys
from pathlib import Path
import distilbert

root = Path(distilbert.__file__).parent
files = [file.relative_to(root).with_suffix("") for file in root.rglob("*.py")]
core = [file for file in files if file.parts[0] not in {LEAVES} and not file.stem.startswith("__")]
for file in core:
    importlib.import_module(".".join(("distilbert", *file.parts)))
print(len(core))
print(*[name for name in sys.modules if name.startswith("distilbert.") and name.split(".")[1] in {LEAVES}])
print(*[name for name in ("torch", "transformers", "fastapi", "ray", "polars", "sklearn") if name in sys.modules])
"""


def test_the_core_imports_no_leaf_nor_torch() -> None:
    run = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    count, leaves, others = run.stdout.split("\n")[:3]
    assert int(count) > 15
    assert leaves == ""
    assert others == ""
