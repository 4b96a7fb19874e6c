"""Several models on the same examples: scored one after the other, and timed by turns, for a machine is never quiet."""

import dataclasses
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from ..arguments import EvaluateOptions
from ..data.examples import Data
from ..loading import load
from .evaluations import Evaluation, check_finished, evaluation_of, read_for
from .scoring import score_task

_TIMED, _ROUNDS = 200, 3  # examples, and how often each model runs them

Precision = Literal["float32", "int8"]


def evaluate_by_turns(
    models: Sequence[tuple[str | Path, Precision | None]],
    data: Any,
    task: str | None,
    options: EvaluateOptions,
) -> list[Evaluation]:
    """An evaluation of each model in a precision (None: as its folder is stored), as `evaluate` makes it.

    `data` may be examples that were read before, with the models' labels. Speeds are medians of several turns on the
    same examples, up to 200 of them. `options.precision` is not read.
    Raises what `evaluate` raises.
    """
    opened = []
    for model, precision in models:
        check_finished(Path(model))
        runs = load(
            model,
            task,
            precision=precision,
            threads=options.threads,
            max_batch_tokens=options.max_batch_tokens,
            revision=options.revision,
        )
        opened.append((runs, data if isinstance(data, Data) else read_for(runs, data, options)))
    made = [
        evaluation_of(str(model), precision, runs, examples, options.resamples, options.seed, options.long_text)
        for (model, precision), (runs, examples) in zip(models, opened, strict=True)
    ]
    few = [(runs, dataclasses.replace(data, examples=data.examples[:_TIMED])) for runs, data in opened]
    seconds: list[list[float]] = [[] for _ in few]
    for _ in range(_ROUNDS):
        for (runs, examples), turns in zip(few, seconds, strict=True):
            started = time.perf_counter()
            score_task(runs, examples, long_text=options.long_text)
            turns.append((time.perf_counter() - started) / len(examples.examples))
    return [
        dataclasses.replace(each, seconds=statistics.median(turns) * each.details.examples)
        for each, turns in zip(made, seconds, strict=True)
    ]
