"""Arrow in, Arrow out: a table's rows with a task's results beside them, for any engine that speaks Arrow."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, TypeVar

import pyarrow as pa

from ..bulk_settings import Errors, task_options
from ..errors import InputError, name_list
from ..loading import load
from ..tasks.task import Task
from .results import result_columns, result_schema

Batch = TypeVar("Batch", pa.Table, pa.RecordBatch)
Precision = Literal["float32", "int8"] | None

ERROR = "error"
_FIRST = re.compile(r"^(text|pair|prompt|query|choice) 0\b")  # a row that is run alone


class Annotator:
    """Adds the columns of a task's results to Arrow tables and record batches.

    It can be pickled; each process opens the model once, when the first batch comes.

        Annotator("sst2")(table)                                           # pyarrow
        polars.from_arrow(Annotator("sst2")(frame.to_arrow()))             # Polars
        Annotator("sst2")(pyarrow.Table.from_pandas(frame)).to_pandas()    # pandas
    """

    def __init__(
        self,
        model: str | Path | Task,
        column: str = "text",
        *,
        pair_column: str | None = None,
        task: str | None = None,
        options: Mapping[str, Any] | None = None,
        errors: Errors = "column",
        prefix: str = "",
        threads: int | None = None,
        precision: Precision = None,
    ) -> None:
        """Nothing is opened yet.

        Args:
            model: a folder, a name on the Hugging Face hub, or what `distilbert.load` gave.
            column: of the texts (of questions, prompts, queries).
            pair_column: of second texts: contexts, choices (lists of texts), documents.
            task: one of `distilbert.TASKS`; by default what the model was trained for.
            options: of the task, such as {"top_k": 3}; for zero-shot classification with its "labels".
            errors: "column": a row that cannot be run has null results and what is wrong in a column `error`;
                "stop": it raises InputError.
            prefix: what the names of result columns begin with.
            threads, precision: as for `distilbert.load`.
        """
        self.columns = [column, *([pair_column] if pair_column else [])]
        self.options = options or {}
        self.errors, self.prefix = errors, prefix
        self._task = model if isinstance(model, Task) else None
        self._named = (str(model), task, threads, precision)

    def __call__(self, batch: Batch) -> Batch:
        """The batch with the result columns behind its own.

        Raises:
            InputError: for a column that is not there or has no texts, and for a result column that is there already.
            HubError, ConfigError, CheckpointError, TokenizerError: as `distilbert.load`.
        """
        names = batch.schema.names
        if lacking := [name for name in self.columns if name not in names]:
            raise InputError(f"there is no column {lacking[0]!r}, only {name_list(names, 20)}; say which has the texts")
        texts = [batch.column(name).to_pylist() for name in self.columns]
        added: pa.RecordBatch = self.annotate(texts)
        check_names(names, added.schema.names)
        schema = pa.schema([*batch.schema, *added.schema], batch.schema.metadata)
        made: Batch = type(batch).from_arrays([*batch.columns, *added.columns], schema=schema)
        return made

    @property
    def task(self) -> Task:
        """The opened model."""
        return self._task or open_task(*self._named)

    @property
    def schema(self) -> pa.Schema:
        """Of the columns that are added, where errors shall be told that of the errors among them."""
        fields = list(result_schema(self.task, task_options(self.task.task, self.options)))
        if self.errors == "column":
            fields.append(pa.field(ERROR, pa.string()))
        return pa.schema([field.with_name(self.prefix + field.name) for field in fields])

    def annotate(self, texts: Sequence[Sequence[Any]]) -> pa.RecordBatch:
        """The result columns alone, for the columns of texts."""
        task = self.task
        options = task_options(task.task, self.options)
        results, faults = run_rows(task, list(zip(*texts)), options, self.errors)
        columns = result_columns(task, result_schema(task, options), results)
        if self.errors == "column":
            columns.append(pa.array(faults, pa.string()))
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)


@lru_cache(maxsize=2)
def open_task(model: str, task: str | None, threads: int | None, precision: Precision) -> Task:
    """A model, opened once a process."""
    opened: Task = load(model, task, threads=threads, precision=precision)
    return opened


def check_names(kept: Sequence[str], added: Sequence[str]) -> None:
    """Raises InputError for a result column that the rows have already."""
    if both := next((name for name in added if name in kept), None):
        raise InputError(f"the rows have a column {both!r} already; say prefix (--prefix), such as 'predicted_'")


def run_rows(
    task: Task, rows: Sequence[tuple[Any, ...]], options: Mapping[str, Any], errors: Errors
) -> tuple[list[Any], list[str | None]]:
    """For each row, a text or a pair, the result and what was wrong; None and None where a text is None."""
    given = [_item(task.task, row) for row in rows]
    places = [place for place, row in enumerate(rows) if None not in row]
    results: list[Any] = [None] * len(rows)
    faults: list[str | None] = [None] * len(rows)
    for place, (result, fault) in zip(places, _run(task, [given[place] for place in places], options, errors)):
        results[place], faults[place] = result, fault
    return results, faults


def _item(task: str, row: tuple[Any, ...]) -> Any:
    if len(row) == 1:
        return row[0]
    return (row[0], [row[1]]) if task == "text-ranking" else row


def _run(
    task: Task, items: Sequence[Any], options: Mapping[str, Any], errors: Errors
) -> Iterator[tuple[Any, str | None]]:
    """Where a row is at fault the rows are halved until it is alone, so that one fault costs little."""
    options_, stream = dict(options), task.stream  # type: ignore[attr-defined]  # each task has its own
    arguments = [options_.pop("labels")] if "labels" in options_ else []
    try:
        yield from [(result, None) for result in stream(items, *arguments, **options_)]
    except InputError as error:
        if errors == "stop":
            raise
        if len(items) == 1:
            yield None, _FIRST.sub(r"the \1", str(error))
            return
        half = len(items) // 2
        yield from _run(task, items[:half], options, errors)
        yield from _run(task, items[half:], options, errors)
