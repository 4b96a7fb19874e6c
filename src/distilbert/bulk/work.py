"""What a worker does: open the model once, and run parts. Everything it is given is plain and small."""

import json
import os
import signal
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from multiprocessing import connection, parent_process
from typing import Any

import numpy as np
import pyarrow as pa

from ..batch import Batch
from ..bulk_settings import Errors, Format
from ..engine.cpus import available_cpus
from ..engine.seam import Engine
from ..errors import LongTextWarning
from ..tasks.task import Task
from .annotate import Annotator, Precision, check_names, open_task
from .places import joined, patiently, written
from .reading import Part, Rows, first_rows, read_part
from .source import LINE, Source
from .writing import write_tables

COUNTS = "_counts"  # the folder of what each part came to
_PROBE_SECONDS = 1.0
_PROBE_ROWS = (64, 256, 1024, 4096)


@dataclass(frozen=True)
class Job:
    """All that a worker needs besides a part; `kept` are the columns of the input that the output has.

    `form` and `separator` say how the output is written; `threads` is None for as many as there are cores.
    """

    model: str
    task: str
    options: Mapping[str, Any]
    source: Source
    kept: tuple[str, ...]
    output: str
    form: Format
    separator: str
    prefix: str
    errors: Errors
    threads: int | None
    precision: Precision

    def open(self) -> Task:
        """The model, opened once a process."""
        if self.threads is not None:
            os.environ["RAYON_NUM_THREADS"] = str(self.threads)  # the tokenizer's, read when it first runs
        return open_task(self.model, self.task, self.threads, self.precision)

    def schema(self) -> pa.Schema:
        """Of the output."""
        added = _annotator(self).schema
        check_names([] if self.kept == (LINE,) else self.kept, added.names)
        fields = [self.source.schema.field(name) for name in self.kept]
        return pa.schema([*fields, *added], self.source.schema.metadata)


@dataclass(frozen=True)
class Counts:
    """What running a part came to; `cut`: whether texts were longer than the model reads."""

    rows: int = 0
    errors: int = 0
    tokens: int = 0
    seconds: float = 0.0
    cut: bool = False


@dataclass(frozen=True)
class Survey:
    """What a probe finds out: the model's digest, its rate, and how many bytes a row has."""

    digest: str
    schema: pa.Schema
    rows_per_second: float = 0.0
    bytes_per_row: float = 1.0


def part_name(number: int, form: str) -> str:
    return f"part-{number:06d}.{form}"


def start_worker() -> None:
    """Called first in each process of the local pool: Ctrl-C is the parent's, and a worker ends with its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)


def survey(job: Job, part: Part | None, measure: bool) -> Survey:
    """Open the model and, given a part to try, find how large its rows are and how fast a worker goes through them."""
    task = job.open()
    digest = task.model.origin.fingerprint if task.model.origin else ""
    if part is None:
        return Survey(digest, job.schema())
    rows = first_rows(job.source, part, _PROBE_ROWS[-1])
    size = sum(len(str(text).encode()) for column in rows.texts for text in column)
    width = max(rows.table.nbytes, size) / max(rows.table.num_rows, 1)
    return Survey(digest, job.schema(), _rate(_annotator(job), rows) if measure else 0.0, max(width, 1.0))


def _rate(annotator: Annotator, rows: Rows) -> float:
    """Rows a second."""
    annotator.annotate(rows.slice(0, 8).texts)  # graphs are made, memory is taken
    rate = 0.0
    for count in _PROBE_ROWS:
        tried = rows.slice(0, count)
        started = time.perf_counter()
        annotator.annotate(tried.texts)
        took = time.perf_counter() - started
        rate = max(tried.table.num_rows, 1) / took
        if 4 * took > _PROBE_SECONDS or count >= rows.table.num_rows:  # the next is four times as many
            break
    return rate


def run_part(job: Job, part: Part, bad: Mapping[int, str] | None = None) -> Counts:
    """Read a part, run it and write it. `bad`: rows that are not run, and why."""
    started = time.perf_counter()
    counter = _Counter()
    totals = [0, 0]

    def tables() -> Iterator[pa.Table]:
        totals[:], counter.tokens = [0, 0], 0
        for rows in read_part(job.source, part):
            table, faults = _annotated(job, rows, counter, totals[0], bad or {})
            totals[0] += table.num_rows
            totals[1] += faults
            yield table

    def note() -> None:
        """Before the part's file is there: where it is, what it came to is known."""
        cut = any(issubclass(warning.category, LongTextWarning) for warning in caught)
        counts = Counts(totals[0], totals[1], counter.tokens, round(time.perf_counter() - started, 3), cut)
        with written(joined(job.output, f"{COUNTS}/{part_name(part.number, 'json')}")) as path:
            path.write_text(json.dumps(asdict(counts)), encoding="utf-8")
        noted.append(counts)

    noted: list[Counts] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", LongTextWarning)
        url = joined(job.output, part_name(part.number, job.form))
        patiently(lambda: write_tables(url, job.form, job.schema(), tables(), job.separator, note))
    return noted[-1]


def try_rows(job: Job, part: Part, start: int, stop: int) -> int:
    """Run some rows of a part and write nothing; how many it has. To find the row that ends the process."""
    before = 0
    for rows in read_part(job.source, part):
        count = rows.table.num_rows
        chosen = rows.slice(max(start - before, 0), min(max(stop - before, 0), count))
        if chosen.table.num_rows:
            _annotator(job).annotate(chosen.texts)
        before += count
    return before


def _annotated(job: Job, rows: Rows, counter: "_Counter", before: int, bad: Mapping[int, str]) -> tuple[pa.Table, int]:
    texts = rows.texts
    here = {number - before: why for number, why in bad.items() if before <= number < before + rows.table.num_rows}
    if here:
        texts = [[None if place in here else text for place, text in enumerate(column)] for column in texts]
    added = _annotator(job, counter).annotate(texts)
    columns = added.columns
    if job.errors == "column":
        faults = [here.get(place, fault) for place, fault in enumerate(columns[-1].to_pylist())]
        columns[-1] = pa.array(faults, pa.string())
    kept = rows.table.select(list(job.kept)).columns
    table = pa.Table.from_arrays([*kept, *columns], schema=job.schema())
    return table, len(columns[-1]) - columns[-1].null_count if job.errors == "column" else 0


def _annotator(job: Job, counter: "_Counter | None" = None) -> Annotator:
    task = job.open()
    if counter is not None:
        task = counter.counting(task)
    return Annotator(task, options=job.options, errors=job.errors, prefix=job.prefix)


class _Counter:
    """Counts the tokens that a task's engine reads."""

    def __init__(self) -> None:
        self.tokens = 0
        self._counted: Task | None = None
        self._engine: Engine | None = None

    def counting(self, task: Task) -> Task:
        if self._counted is None:
            self._engine = task.model.engine
            self._counted = type(task)(replace(task.model, engine=self))
        return self._counted

    def run(self, batch: Batch) -> np.ndarray:
        assert self._engine is not None
        self.tokens += len(batch.ids)
        return self._engine.run(batch)


def default_workers(workers: int | None, threads: int | None) -> tuple[int, int]:
    """(processes, threads of each) on this machine."""
    cores = available_cpus()
    count = workers or (max(1, cores // threads) if threads else max(1, cores // 2))
    return count, threads or max(1, cores // count)
