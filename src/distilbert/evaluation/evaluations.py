"""`evaluate`: a model and a file of examples -> every metric of the task with its interval, and where it is wrong."""

import dataclasses
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from ..arguments import Quote, ReadOptions
from ..data.examples import Data
from ..data.reading import read_data
from ..errors import InputError, check_whole
from ..folder.layout import CHECKPOINTS, TRAINING
from ..folder.opened import open_folder
from ..loading import DEFAULT_BATCH_TOKENS, load
from ..tasks.embedding import Embedder
from ..tasks.long_text import LongText
from ..tasks.task import Task
from ..tasks.text_classification import TextClassifier
from ..tasks.token_classification import TokenClassifier
from . import intervals
from .intervals import Difference, Interval
from .scores import Scores
from .scoring import score_task


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """The scores of a model on a file.

    Attributes:
        model, data, task, precision: what was evaluated.
        details: all that the model said, with breakdowns and predictions.
        scores: each metric with its 95 % interval.
        seconds: how long all examples took, tokenising included.
        bytes: of the model's weights, as they run in that precision.
        guessed: what the reader of the data took for what.
    """

    model: str
    data: str
    task: str
    precision: str
    details: Scores
    scores: Mapping[str, Interval]
    seconds: float
    bytes: int
    guessed: str = ""

    @property
    def rate(self) -> float:
        """Examples a second."""
        return self.details.examples / self.seconds

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values, ready for `json.dumps`."""
        details = self.details
        return {
            "model": self.model,
            "data": self.data,
            "task": self.task,
            "precision": self.precision,
            "examples": self.details.examples,
            "scores": {name: interval.to_dict() for name, interval in self.scores.items()},
            "baseline": {"is": details.baseline_is, "scores": intervals.without_nan(details.baseline)},
            "breakdowns": [breakdown.to_dict() for breakdown in details.tables],
            "confusion": None if details.confusion is None else details.confusion.tolist(),
            "labels": list(details.labels),
            "examples_per_second": self.rate,
            "bytes": self.bytes,
        }


def evaluate(
    model: str | Path,
    data: Any,
    task: str | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | Sequence[str] | None = None,
    separator: str | None = None,
    quote: Quote | None = None,
    encoding: str | None = None,
    skip_bad: bool = False,
    precision: Literal["float32", "int8"] | None = None,
    threads: int | None = None,
    long_text: LongText | None = None,
    max_batch_tokens: int = DEFAULT_BATCH_TOKENS,
    revision: str | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Evaluation:
    """Run a model on the CPU engine over a file of examples, and score it.

    Args:
        model, task, precision, threads, max_batch_tokens, revision: as for `distilbert.load`; an encoder
            is evaluated for "sentence-similarity".
        data, columns, separator, quote, encoding, skip_bad: as for `read_data`.
        labels: what the data calls a label -> the model's name of it; "": rows with it are left out. Names alone are
            those of the labels 0, 1, … in order.
        long_text: of a text longer than the model reads, as for the task; by default what the task does by itself.
        resamples, seed: of the bootstrap.

    Raises:
        InputError: for what is wrong in the data, naming file and line, for a task without metrics, for a
            `long_text` that is none or that the task's examples have no use for, and for `resamples` below 1.
        and what `load` raises.
    """
    check_whole("resamples", resamples)
    check_finished(Path(model))
    opened = load(
        model, task, precision=precision, threads=threads, max_batch_tokens=max_batch_tokens, revision=revision
    )
    reading = ReadOptions(columns or {}, labels or {}, separator, quote, encoding, skip_bad)
    examples = read_for(opened, data, reading, hold=False)
    return evaluation_of(str(model), precision, opened, examples, resamples, seed, long_text)


def evaluation_of(
    model: str,
    precision: Literal["float32", "int8"] | None,
    task: Task,
    examples: Data[Any],
    resamples: int,
    seed: int,
    long_text: LongText | None = None,
) -> Evaluation:
    """The evaluation of an open model."""
    started = time.perf_counter()
    details = score_task(task, examples, long_text=long_text)
    seconds = time.perf_counter() - started
    scores = intervals.bootstrap(details.metrics, details.examples, resamples=resamples, seed=seed)
    return Evaluation(
        model,
        examples.source,
        opened_task(task),
        precision or "as stored",
        details,
        scores,
        seconds,
        open_folder(task.model.folder).bytes_in(precision),
        examples.guessed,
    )


def check_finished(folder: Path) -> None:
    """Raises InputError for the folder of a run of `train` or `distill` that is not at its end."""
    if (folder / CHECKPOINTS).is_dir() and not (folder / TRAINING).is_file():
        raise InputError(f"{folder}: holds an unfinished run; --resume of its command brings it to its end")


def opened_task(task: Task) -> str:
    """The task by whose examples an opened model is judged."""
    return "sentence-similarity" if isinstance(task, Embedder) else task.task


def read_for(
    task: Task,
    data: Any,
    options: ReadOptions,
    *,
    hold: bool = True,
    open_ended: bool = True,
) -> Data[Any]:
    """The examples of a file or a table for an opened model; a LabelWarning for labels that it does not know."""
    labels = task.config.labels if isinstance(task, TextClassifier | TokenClassifier) else None
    return read_data(
        data,
        opened_task(task),
        columns=options.columns,
        labels=labels,
        problem=task.config.problem if isinstance(task, TextClassifier) else None,
        separator=options.separator,
        quote=options.quote,
        encoding=options.encoding,
        label_names=options.labels,
        skip_bad=options.skip_bad,
        open_ended=open_ended,
        hold=hold,
    )


def compare(first: Evaluation, second: Evaluation, *, resamples: int = 1000, seed: int = 0) -> dict[str, Difference]:
    """How much better the second model is than the first, metric by metric, both on the same examples.

    Raises InputError for evaluations on different examples, and for `resamples` below 1.
    """
    check_whole("resamples", resamples)
    if (first.data, first.task, first.details.examples) != (second.data, second.task, second.details.examples):
        raise InputError(f"{first.model} and {second.model} were not evaluated on the same examples")
    both = (first.details.metrics, second.details.metrics)
    return intervals.compare(*both, first.details.examples, resamples=resamples, seed=seed)
