"""`distilbert bench`: one model on this machine, on the user's own text."""

import dataclasses
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from .batch import Batch, run_batched
from .engine.choice import choose, open_on_cpu
from .engine.cpus import available_cpus
from .engine.seam import Engine
from .errors import InputError, import_extra
from .fetching import fetch
from .files import written_whole
from .folder.checkpoint import Head
from .folder.opened import ModelFolder, open_folder
from .tasks.task import FIRST

__all__ = ["BenchReport", "Setting", "available_cpus", "bench", "plot"]

SENTENCES = Path(__file__).parent / "demo" / "sentences.txt"
BUDGETS = (256, 512, 1024, 2048, 4096)
_LATENCIES = 100

# run in a process of its own: what a program that starts, reads one text and ends would see
_COLD = """
import sys, time
started = time.perf_counter()
from distilbert.bench import one_text, peak_memory
one_text(sys.argv[1], sys.argv[2], sys.argv[3])
print(time.perf_counter() - started, peak_memory())
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Setting:
    """What one way of running the model gives.

    Attributes:
        texts_per_second, tokens_per_second: over all texts, tokenising included.
    """

    precision: str
    threads: int
    batch_tokens: int
    texts_per_second: float
    tokens_per_second: float


@dataclasses.dataclass(frozen=True, slots=True)
class BenchReport:
    """Throughput of every setting tried, and for each precision what one text costs.

    Attributes:
        settings: in the order tried; `best` is the fastest of each precision.
        latency: by precision, the milliseconds of one text at a time: its 50th, 95th and 99th percentile.
        cold_start: by precision, seconds from a started interpreter to the first result.
        peak_memory: by precision, MB of that process at its peak.
        engines: by precision, what ran it and why.
    """

    model: str
    texts: int
    tokens: int
    settings: tuple[Setting, ...]
    latency: dict[str, tuple[float, float, float]]
    cold_start: dict[str, float]
    peak_memory: dict[str, float]
    engines: dict[str, str]

    @property
    def best(self) -> dict[str, Setting]:
        """The fastest setting of each precision."""
        best: dict[str, Setting] = {}
        for setting in sorted(self.settings, key=lambda setting: -setting.texts_per_second):
            best.setdefault(setting.precision, setting)
        return best

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values, ready for `json.dumps`."""
        return dataclasses.asdict(self) | {"best": {name: dataclasses.asdict(s) for name, s in self.best.items()}}


def bench(
    model: str | Path,
    texts: Sequence[str] | None = None,
    *,
    revision: str | None = None,
    rounds: int = 3,
    progress: Callable[[str], None] = lambda _: None,
) -> BenchReport:
    """Measure `model` on `texts` (200 film-review sentences by default) with this machine's cores.

    Tried are float32 and int8 (int8 alone for a quantised folder), one thread and all, and several token
    budgets; each figure is the median of `rounds` runs that take turns. `progress` is told each step.
    Raises InputError where there is no text.
    """
    texts = SENTENCES.read_text(encoding="utf-8").splitlines() if texts is None else list(texts)
    if not texts:
        raise InputError("there is no text to measure on")
    folder = open_folder(fetch(model, revision))
    runner = _Runner(folder, texts)
    tokens = sum(map(len, runner.encode()))
    precisions = ["int8"] if folder.checkpoint.bits else ["float32", "int8"]
    tried = [
        (p, threads, budget) for p in precisions for threads in sorted({1, available_cpus()}) for budget in BUDGETS
    ]
    seconds: dict[tuple[str, int, int], list[float]] = {way: [] for way in tried}
    for turn in range(rounds):
        for way in tried:
            progress(f"round {turn + 1} of {rounds}: {way[0]}, {way[1]} threads, {way[2]} tokens a batch")
            seconds[way].append(runner.seconds(*way))
    settings = []
    for way in tried:
        median = float(np.median(seconds[way]))
        settings.append(Setting(*way, texts_per_second=len(texts) / median, tokens_per_second=tokens / median))
    latency, cold, memory = {}, {}, {}
    for precision in precisions:
        progress(f"one text at a time, {precision}")
        latency[precision] = runner.latency(precision)
        progress(f"cold start, {precision}")
        cold[precision], memory[precision] = _cold_start(folder.root, precision, texts[0])
    engines = {precision: str(choose(precision)) for precision in precisions}
    return BenchReport(str(model), len(texts), tokens, tuple(settings), latency, cold, memory, engines)


def one_text(folder: str, precision: str, text: str) -> None:
    """Open a model folder and run one text: what a cold start measures."""
    _Runner(open_folder(folder), [text]).latency(precision, 1)


def peak_memory() -> float:
    """MB that this process has held at most."""
    try:  # getrusage would count the peak of the process that started this one
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1024
    except OSError:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 1024**2 if sys.platform == "darwin" else peak / 1024


class _Runner:
    """Texts through tokenizer and engine; the head reads the first token (of a per-token head: all)."""

    def __init__(self, folder: ModelFolder, texts: Sequence[str]) -> None:
        self.checkpoint, self.tokenizer, self.longest = folder.checkpoint, folder.tokenizer, folder.longest
        self.texts = texts
        self.all_rows = self.checkpoint.head in (Head.NONE, Head.TOKEN_CLASSIFICATION, Head.QUESTION_ANSWERING)
        self.engine = cache(self._open)

    def encode(self) -> list[np.ndarray]:
        return [encoding.ids for encoding in self.tokenizer.encode_batch(self.texts, max_length=self.longest)]

    def _open(self, precision: str, threads: int) -> Engine:
        all_rows, head = self.all_rows, self.checkpoint.head
        return open_on_cpu(self.checkpoint, head, all_rows=all_rows, precision=precision, threads=threads)

    def seconds(self, precision: str, threads: int, budget: int) -> float:
        engine = self.engine(precision, threads)
        started = time.perf_counter()
        ids = self.encode()
        run_batched(engine.run, ids, None if self.all_rows else [FIRST] * len(ids), budget)
        return time.perf_counter() - started

    def latency(self, precision: str, times: int = _LATENCIES) -> tuple[float, float, float]:
        engine = self.engine(precision, available_cpus())
        milliseconds = []
        for turn in range(times):
            started = time.perf_counter()
            ids = self.tokenizer.encode(self.texts[turn % len(self.texts)], max_length=self.longest).ids
            engine.run(Batch.pack([ids], None if self.all_rows else [FIRST]))
            milliseconds.append(1e3 * (time.perf_counter() - started))
        p50, p95, p99 = np.percentile(milliseconds, [50, 95, 99]).tolist()
        return p50, p95, p99


def _cold_start(folder: Path, precision: str, text: str) -> tuple[float, float]:
    command = [sys.executable, "-c", _COLD, str(folder), precision, text]
    outputs = [subprocess.run(command, capture_output=True, check=True).stdout for _ in range(3)]  # noqa: S603 - ours
    runs = [[float(figure) for figure in output.split()] for output in outputs]
    return float(np.median([run[0] for run in runs])), max(run[1] for run in runs)


def plot(report: BenchReport, path: str | Path) -> None:
    """Throughput against the token budget, a line for each precision and number of threads, as PNG or SVG.

    Raises MissingExtraError without Matplotlib.
    """
    drawing = import_extra("matplotlib.figure", "a plot needs Matplotlib: pip install 'distilbert[bench]'")
    path = Path(path)
    figure = drawing.Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for precision, threads in sorted({(setting.precision, setting.threads) for setting in report.settings}):
        line = [s for s in report.settings if (s.precision, s.threads) == (precision, threads)]
        label = f"{precision}, {threads} thread{'s' if threads > 1 else ''}"
        axes.plot([s.batch_tokens for s in line], [s.texts_per_second for s in line], marker="o", label=label)
    axes.set_xscale("log", base=2)
    axes.set_xticks(BUDGETS, [str(budget) for budget in BUDGETS])
    axes.set_ylim(bottom=0)
    axes.set_xlabel("tokens a batch")
    axes.set_ylabel("texts a second")
    axes.set_title(f"{report.texts} texts of {report.tokens / report.texts:.0f} tokens")
    axes.legend()
    with written_whole(path) as temporary:
        figure.savefig(temporary, format=path.suffix.lstrip(".") or "png")
