"""Which training defaults hold for any data: learning rate x epochs over six tasks and three sizes of model.

    DISTILBERT_DATA=path/to/data python benchmarks/training_defaults.py prepare FOLDER
    python benchmarks/training_defaults.py run FOLDER --out FILE.jsonl [--part PART] [--minutes 8] [--seeds 0 1 2]
    python benchmarks/training_defaults.py table FILE.jsonl

`prepare` writes samples of 2,000 examples of each task and all-MiniLM-L6-v2 with 8,000 pieces in float16: all that a
machine without a network needs. `run` trains every setting on every sample, as many at once as there are processes, on
a GPU if there is one, and appends a line for each to the file; lines that are there are not measured again. Scores are
those of the last step on examples that decide nothing. `table` shows by how much the defaults miss the best of a grid.
"""

import argparse
import json
import multiprocessing
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from distilbert.evaluation import read_data
from training_samples import EXAMPLES, append_row, build, memory_folder, prepare, read_rows

TASKS = {
    "sentiment": "text-classification",
    "entities": "token-classification",
    "rare entities": "token-classification",
    "answers": "question-answering",
    "similarity": "sentence-similarity",
    "uneven": "text-classification",
}
METRICS = {"uneven": "f1_macro", "similarity": "spearman"}  # where the task's first one says little
MODELS = ("6x384", "2x384", "6x768")
RATES, EPOCHS = (5e-5, 1.5e-4, 3e-4, 6e-4), (3.0, 8.0)
_LONGEST = 256


@dataclass(frozen=True)
class Job:
    """One training: a model on the first `examples` of a task's sample. A setting of None is the default's."""

    model: str
    task: str
    seed: int
    rate: float | None = None
    epochs: float | None = None
    examples: int = EXAMPLES
    batch: int | None = None
    head_rate: float | None = None
    decay: float | None = None
    weights: str | None = None

    @property
    def name(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)


def held(seeds: list[int]) -> Iterator[Job]:
    """Whether the defaults hold: they and the grid for one size of model, seeds by turns, what is likely best first."""
    yield from (Job(MODELS[0], task, seed) for task in TASKS for seed in seeds)
    for rate in (1.5e-4, 3e-4, 5e-5, 6e-4):
        for epochs in reversed(EPOCHS):
            yield from (Job(MODELS[0], task, seed, rate, epochs) for task in TASKS for seed in seeds)


def grid(seed: int) -> Iterator[Job]:
    """What the rules were found by."""
    cells = [Job(MODELS[0], task, seed, rate, epochs) for task in TASKS for rate in RATES for epochs in EPOCHS]
    yield from cells
    for rate in (1.5e-4, 3e-4):
        for weights in ("balanced", "root"):
            yield from (Job(MODELS[0], "uneven", seed, rate, epochs, weights=weights) for epochs in EPOCHS)
    for model in MODELS[1:]:
        yield from (replace(cell, model=model) for cell in cells)


def check(seed: int) -> Iterator[Job]:
    """The defaults, and what lies around them: for models of other sizes, less data and other rates of the head."""
    yield from (Job(MODELS[0], task, seed) for task in TASKS)
    if seed == 0:
        yield from (Job(model, task, seed) for model in MODELS[1:] for task in TASKS)
        for examples in (64, 400):
            for task in ("sentiment", "entities"):
                yield Job(MODELS[0], task, seed, examples=examples)
                yield Job(MODELS[0], task, seed, examples=examples, rate=3e-4)
                yield Job(MODELS[0], task, seed, examples=examples, epochs=10.0)
        for task in ("sentiment", "entities", "rare entities", "answers"):
            yield Job(MODELS[0], task, seed, head_rate=5.0)
            yield Job(MODELS[0], task, seed, decay=0.9)
        for task in ("sentiment", "entities", "uneven"):
            yield from (Job("2x384", task, seed, rate) for rate in (7.5e-5, 3e-4))
            yield from (Job("6x768", task, seed, rate) for rate in (4e-5, 1.5e-4))
    yield from (Job(MODELS[0], task, seed, 1.5e-4, epochs) for task in TASKS for epochs in EPOCHS)


PARTS: dict[str, Callable[[list[int]], Iterator[Job]]] = {
    "grid": lambda seeds: chain.from_iterable(map(grid, seeds)),
    "check": lambda seeds: chain.from_iterable(map(check, seeds)),
    "held": held,
}


# training -----------------------------------------------------------------------------------------------


def run(folder: Path, out: Path, *, part: str, minutes: float, processes: int, seeds: list[int]) -> None:
    done = {json.dumps(row["job"], sort_keys=True) for row in read_rows(out)}
    wanted = dict.fromkeys(job for job in PARTS[part](seeds) if job.name not in done)
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    for job in wanted:
        queue.put(job)
    ends = time.time() + 60 * minutes
    with memory_folder() as temporary:
        for model in MODELS:
            build(folder / "encoder", model, Path(temporary) / model)
        threads = max(1, (os.cpu_count() or 1) // processes)
        workers = [
            context.Process(target=_work, args=(queue, folder, Path(temporary), out, ends, threads))
            for _ in range(processes)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(max(1.0, ends + 30 - time.time()))
            if worker.is_alive():
                worker.terminate()
        queue.cancel_join_thread()


def _work(queue: Any, folder: Path, models: Path, out: Path, ends: float, threads: int) -> None:
    """Train until the time or the jobs are at their end."""
    while time.time() < ends:
        try:
            job = queue.get(timeout=1)
        except Exception:  # empty: the queue's own exception is not that of a spawned context
            return
        started = time.time()
        try:
            result = _train(job, folder, models / job.model, threads)
        except Exception as error:  # one setting that fails leaves the others
            result = {"error": f"{type(error).__name__}: {error}"}
        append_row(out, {"job": asdict(job), "seconds": round(time.time() - started, 1), **result})


def _train(job: Job, folder: Path, model: Path, threads: int) -> dict[str, Any]:
    from distilbert.train import FinetuneArguments, finetune  # after the spawn: it imports PyTorch

    task = TASKS[job.task]
    with tempfile.TemporaryDirectory(dir=model.parent) as temporary:
        train = Path(temporary) / "train.jsonl"
        lines = (folder / f"{job.task}.train.jsonl").read_text(encoding="utf-8").splitlines()[: job.examples]
        train.write_text("\n".join(lines) + "\n", encoding="utf-8")
        weights: Any = job.weights
        if weights == "root":
            counts = Counter(example.label for example in read_data(train, task).examples)
            weights = {label: (max(counts.values()) / count) ** 0.5 for label, count in counts.items()}
        given = {
            "epochs": job.epochs, "learning_rate": job.rate, "batch_size": job.batch, "layer_decay": job.decay,
            "head_rate": job.head_rate, "class_weights": weights,
        }  # fmt: skip
        arguments = FinetuneArguments(
            task=task,
            model=model,
            train=train,
            test=folder / f"{job.task}.test.jsonl",
            out=Path(temporary) / "out",
            seed=job.seed,
            threads=threads,
            max_batch_tokens=1 << 15,
            max_length=_LONGEST,
            **{name: value for name, value in given.items() if value is not None},
        )
        finetune(arguments, quiet=True)
        made = json.loads((Path(temporary) / "out" / "training.json").read_text(encoding="utf-8"))
    scores = {name: round(score["value"], 4) for name, score in made["test_scores"].items()}
    metric = METRICS.get(job.task, next(iter(scores)))
    return {"metric": metric, "scores": scores, "steps": made["steps"], "training_seconds": made["seconds"]}


# what came of it ----------------------------------------------------------------------------------------


def table(path: Path) -> None:
    """A row for every model, task and setting: the mean over seeds, and how far that is from the best of the grid."""
    found: dict[Job, list[float]] = {}
    for row in read_rows(path):
        if "scores" in row:
            job = replace(Job(**row["job"]), seed=0)
            found.setdefault(job, []).append(row["scores"][row["metric"]])
    best: dict[tuple[str, str], float] = {}
    for job, values in found.items():
        if job == Job(job.model, job.task, 0, job.rate, job.epochs) and job.rate in RATES and job.epochs in EPOCHS:
            key = (job.model, job.task)
            best[key] = max(best.get(key, 0.0), mean(values))
    print("| model | task | setting | seeds | score | beside the best of the grid |\n|---|---|---|---|---|---|")
    for job, values in sorted(found.items(), key=lambda item: (item[0].model, item[0].task, -mean(item[1]))):
        changed = {k: v for k, v in asdict(job).items() if v is not None and k not in ("model", "task", "seed")}
        changed = {k: v for k, v in changed.items() if (k, v) != ("examples", EXAMPLES)}
        setting = ", ".join(
            f"{name} {value:g}" if not isinstance(value, str) else value for name, value in changed.items()
        )
        score = f"{mean(values):.3f}" + (f" ± {stdev(values):.3f}" if len(values) > 1 else "")
        gap = f"{mean(values) - best[job.model, job.task]:+.3f}" if (job.model, job.task) in best else ""
        print(f"| {job.model} | {job.task} | {setting or 'defaults'} | {len(values)} | {score} | {gap} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("prepare").add_argument("folder", type=Path)
    runs = commands.add_parser("run")
    runs.add_argument("folder", type=Path)
    runs.add_argument("--out", type=Path, required=True)
    runs.add_argument("--minutes", type=float, default=8)
    runs.add_argument("--processes", type=int, default=8)
    runs.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    runs.add_argument("--part", choices=PARTS, default="grid")
    commands.add_parser("table").add_argument("file", type=Path)
    args = parser.parse_args()
    if args.command == "prepare":
        prepare(args.folder)
    elif args.command == "table":
        table(args.file)
    else:
        run(args.folder, args.out, part=args.part, minutes=args.minutes, processes=args.processes, seeds=args.seeds)


if __name__ == "__main__":
    main()
