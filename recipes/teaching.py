"""What the recipes of distillation share: students of several seeds, scored and timed beside their teacher."""

import csv
import dataclasses
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import distilbert
from common import WORK, keep, keep_log, keep_report, read_rows
from distilbert.distill import DistillArguments, distill
from distilbert.evaluation import compare, evaluate

SEEDS = (0, 1, 2)


def students(name: str, teacher: Path, task: str, test: Path, settings: Mapping[str, Any], **files: Any) -> None:
    """Distil a student for each seed, or go on where it was left, and keep how all of them do on the test part.

    `files` are train, eval and unlabelled, and columns. All logs and the first one's report are kept as well.
    """
    columns = files.get("columns", {})
    first = None
    results: dict[str, Any] = {"settings": dict(settings), "students": {}}
    judged = {form: evaluate(teacher, test, task, columns=columns, precision=form) for form in ("float32", "int8")}
    results["teacher"] = {form: done.to_dict() for form, done in judged.items()}
    for seed in SEEDS:
        out = WORK / f"{name}-{seed}"
        arguments = DistillArguments(
            task=task,
            teacher=teacher,
            out=out,
            seed=seed,
            resume=True,
            cache=WORK / "outputs",
            **files,
            **settings,
        )
        distill(arguments)
        keep_log(out.name, out)
        first = first or out
        for form, theirs in judged.items():
            done = evaluate(out, test, task, columns=columns, precision=form)
            gaps = compare(theirs, done)
            main = done.details.main
            results["students"][f"seed {seed}, {form}"] = {
                **done.to_dict(),
                "kept": done.scores[main].value / judged["float32"].scores[main].value,
                "minus_teacher": {metric: dataclasses.asdict(gap) for metric, gap in gaps.items()},
            }
    main = judged["float32"].details.main
    for form in judged:
        kept = [results["students"][f"seed {seed}, {form}"]["kept"] for seed in SEEDS]
        results[f"kept, {form}"] = {"mean": statistics.mean(kept), "least": min(kept), "most": max(kept)}
        print(f"{form}: keeps {statistics.mean(kept):.1%} of the teacher's {main} ({min(kept):.1%} to {max(kept):.1%})")
    assert first is not None
    results["speed"] = speed(teacher, first, task, texts_of(test))
    print({precision: f"{figures['ratio']:.2f}x" for precision, figures in results["speed"].items()})
    keep(name, results)
    keep_report(name, first)


def texts_of(path: Path) -> list[str]:
    """The texts of a file of the recipes, at most 1,000; of pairs in a CSV the first."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            return [row[0] for row in csv.reader(file)][:1000]
    return [row["text"] if "text" in row else " ".join(row["words"]) for row in read_rows(path)[:1000]]


def speed(teacher: Path, student: Path, task: str, texts: Sequence[str], rounds: int = 5) -> dict[str, Any]:
    """Texts a second of both on the CPU engine, by turns, medians."""
    found = {}
    for precision in ("float32", "int8"):
        models = {name: distilbert.load(folder, task, precision=precision) for name, folder in
                  (("teacher", teacher), ("student", student))}  # fmt: skip
        seconds: dict[str, list[float]] = {name: [] for name in models}
        for turn in range(rounds + 1):
            for name, model in models.items():
                started = time.perf_counter()
                model(texts)
                if turn:
                    seconds[name].append(time.perf_counter() - started)
        rates = {name: len(texts) / statistics.median(rounds) for name, rounds in seconds.items()}
        found[precision] = rates | {"ratio": rates["student"] / rates["teacher"]}
    return found
