"""`run`: plan, then run every part that is not there yet. An executor says where; nothing here knows more of it."""

import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..bulk_settings import BulkSettings, task_options
from ..errors import InputError, check_one_of, counted
from ..fetching import fetch
from ..files import is_folder
from ..tasks.by_name import TASKS
from .clusters import executor_of
from .parts import Parts, slots_of
from .places import File, anchored, find_files, joined, names_in, read_all, remove, written
from .plan import PLAN, Plan, cut, groups_of, read_plan, write_plan
from .pool import LocalWorkers
from .progress import Progress, duration
from .reading import Part
from .source import LINE, Source, find_source
from .work import COUNTS, Counts, Job, Survey, default_workers, part_name, survey
from .writing import merge

DONE = "_done.json"
_FEWEST_SECONDS = 1.0  # of a part, where all workers shall have some
_PARTS_A_WORKER = 4
_MOST_ROWS = 1_000_000
_SURVEYS = 3  # tries, should a worker die
_POLL = 1.0  # seconds between looks for the plan of another share
_COUNTS_AT_ONCE = 1000


@dataclass(frozen=True)
class Done:
    """What a job came to, over all its runs.

    Attributes:
        parts, rows, errors, tokens: how many; tokens with the special ones.
        seconds: of this run.
        worker_seconds: of all parts, added up.
        cut_parts: parts with texts that were longer than the model reads.
        finished: whether all parts are there; else how many are is `parts`.
    """

    parts: int
    rows: int
    errors: int
    tokens: int
    seconds: float
    worker_seconds: float
    cut_parts: int
    finished: bool


def run(
    model: str | Path,
    task: str,
    input: str | Path,  # noqa: A002 - as the command calls it
    output: str | Path,
    *,
    settings: BulkSettings | None = None,
    executor: Executor | None = None,
    quiet: bool = False,
) -> Done:
    """Run a task over a data set: every row of the input once, in order, with the results beside its own columns.

    The output is a folder of parts. Each appears whole, and one that is there is not made again: the same call goes on
    where a run was ended, in whatever way.

    Args:
        model: a folder, a starter model, or a name on the Hugging Face hub; every worker must see it.
        task: one of `distilbert.TASKS`.
        input: files, a folder or a glob, as a path or a URL of fsspec: .parquet, .csv, .tsv, .jsonl, .txt, .gz.
        output: a folder, as a path or a URL.
        settings: how to read, cut, run and write.
        executor: runs the parts, instead of what `settings.on` says; it must see input, output and model.
        quiet: nothing is printed.

    Raises:
        InputError: for what cannot be read, a folder of another job, a changed input, a part that failed.
        KeyboardInterrupt: after Ctrl-C, when the parts that ran are written.
        HubError, ConfigError, CheckpointError, TokenizerError: as `distilbert.load`.
    """
    check_one_of("task", task, TASKS)
    settings = settings or BulkSettings()
    began = time.monotonic()
    files = find_files(str(input))
    job = _job(str(model), task, files, anchored(str(output)), settings)
    workers, threads = default_workers(settings.workers, settings.threads)
    if executor is None:
        job = replace(job, threads=threads)
    with _executor(executor, settings, workers, threads, quiet) as chosen:
        if isinstance(chosen, LocalWorkers):
            fetch(model)  # once, and what it says of weights that are converted is said here
        plan, schema = _plan(chosen, job, files, settings, settings.shares[1] * slots_of(chosen, 1), quiet)
        if settings.dry_run:
            _tell_plan(plan, job.source, files, quiet)
            return Done(len(plan), 0, 0, 0, 0.0, 0.0, 0, False)
        present = _present(job, plan)
        index, shares = settings.shares
        share = range(index, len(plan), shares)
        mine = [number for number in share if number not in present]
        progress = Progress(len(share), len(share) - len(mine), quiet=quiet)
        failed = Parts(chosen, job, plan, progress).run(mine)
    if failed:
        count = f"{len(failed)} parts failed, all others are there; the first: "
        raise InputError(f"{failed[0]} (all other parts are there)" if len(failed) == 1 else count + failed[0])
    return _finish(job, plan, schema, settings, began, progress)


@contextmanager
def _executor(
    given: Executor | None, settings: BulkSettings, workers: int, threads: int, quiet: bool
) -> Iterator[Executor]:
    if given is not None:
        yield given
        return
    made = executor_of(settings.on, workers, threads)
    try:
        if not (quiet or made.slots):
            none = f"{settings.on}: the cluster has no worker of {counted(threads, 'thread')} yet"
            print(f"{none}; waiting for one: start it, or press Ctrl-C", file=sys.stderr)
        yield made
    except BaseException:
        if isinstance(made, LocalWorkers):
            made.kill()
        raise
    finally:
        made.shutdown(cancel_futures=True)


def _job(model: str, task: str, files: list[File], output: str, settings: BulkSettings) -> Job:
    source = find_source(files, task, settings)
    raw = source.schema.names == [LINE]
    if unknown := [name for name in settings.keep or () if name not in source.schema.names]:
        raise InputError(f"keep: {files[0].url} has no column {unknown[0]!r}")
    kept = tuple(source.schema.names if raw or settings.keep is None else settings.keep)
    form = settings.format or ("jsonl" if source.form == "text" else source.form)
    if settings.merge is not None and not settings.merge.endswith(f".{form}"):
        raise InputError(f"merge: {settings.merge} must end in .{form}, as the parts do; say format for another")
    separator = "\t" if form == "tsv" else ","
    if source.dialect is not None and form == source.form and source.dialect.separator.isprintable():
        separator = source.dialect.separator
    return Job(
        model=str(Path(model).absolute()) if is_folder(Path(model)) else model,
        task=task,
        options=task_options(task, settings.options),
        source=source,
        kept=kept,
        output=output,
        form=form,
        separator=separator,
        prefix=settings.prefix,
        errors=settings.errors,
        threads=settings.threads,
        precision=settings.precision,
    )


# the plan -------------------------------------------------------------------------------------------


def _plan(
    executor: Executor, job: Job, files: list[File], settings: BulkSettings, workers: int, quiet: bool
) -> tuple[Plan, Any]:
    """The plan of the folder, or a new one where there is none; and the schema of the output."""
    plan = read_plan(job.output)
    index, _ = settings.shares
    waits = plan is None and index > 0 and not settings.dry_run
    part = None if plan is not None or waits else _sample(job.source, files)
    found = _survey(executor, job, part, measure=settings.part_rows is None)
    identity = _identity(job, found)
    if waits:
        plan = _wait_for_plan(job.output, quiet)
    if plan is None:
        groups = groups_of(job.source, files)
        total = sum(map(sum, groups)) if groups else sum(file.size for file in files) / found.bytes_per_row
        rows = _part_rows(total, found.rows_per_second, settings, workers)
        size = max(int(rows * found.bytes_per_row), 1)
        plan = Plan(json.loads(json.dumps(identity)), files, cut(job.source, files, groups, rows, size))
        if not settings.dry_run:
            write_plan(job.output, plan)
    plan.check(identity, files, job.output)
    return plan, found.schema


def _survey(executor: Executor, job: Job, part: Part | None, *, measure: bool) -> Survey:
    for _ in range(_SURVEYS):
        with suppress(BrokenExecutor):
            return executor.submit(survey, job, part, measure).result()
    raise InputError(f"{_SURVEYS} workers died with the model, or with the first rows; with part_rows none is tried")


def _sample(source: Source, files: list[File]) -> Part | None:
    """The rows that are tried: the first of the first file that has any."""
    for file in files:
        if source.form == "parquet":
            return Part(0, file.url, 0, 1 << 62)
        if file.size:
            return Part(0, file.url, 0, -1)
    return None


def _identity(job: Job, found: Survey) -> dict[str, Any]:
    """What makes the output what it is."""
    source = job.source
    return {
        "model": found.digest,
        "task": job.task,
        "options": job.options,
        "column": source.text,
        "pair_column": source.pair,
        "keep": job.kept,
        "dialect": None if source.dialect is None else asdict(source.dialect),
        "encoding": source.encoding,
        "format": job.form,
        "errors": job.errors,
        "precision": job.precision,
        "schema": str(found.schema.remove_metadata()),
    }


def _part_rows(total: float, rate: float, settings: BulkSettings, workers: int) -> int:
    """Rows of a part: as many as take a worker `part_seconds`, or fewer where there is not enough for all workers."""
    if settings.part_rows is not None:
        return settings.part_rows
    rate = max(rate, 1e-3)
    fair = max(total / (_PARTS_A_WORKER * workers), rate * _FEWEST_SECONDS)
    return int(min(max(min(rate * settings.part_seconds, fair), 1), _MOST_ROWS))


def _wait_for_plan(folder: str, quiet: bool) -> Plan:
    """The plan that the first share makes."""
    if not quiet:
        print(f"waiting for {joined(folder, PLAN)}, which share 1 makes", file=sys.stderr)
    while (plan := read_plan(folder)) is None:
        time.sleep(_POLL)
    return plan


def _tell_plan(plan: Plan, source: Source, files: list[File], quiet: bool) -> None:
    if quiet:
        return
    unit = "rows" if source.form == "parquet" else "bytes"
    sizes = sorted({stop - start for _, start, stop in plan.pieces if stop >= 0})
    print(f"{counted(len(files), 'file')} of {source.form}, {sum(file.size for file in files):,} bytes")
    print(f"reads {' and '.join(map(repr, source.columns))}")
    span = f" of {' to '.join(f'{size:,}' for size in dict.fromkeys([sizes[0], sizes[-1]]))} {unit}" if sizes else ""
    print(f"{counted(len(plan), 'part')}{span or ', a file each'}")


# the end --------------------------------------------------------------------------------------------


def _present(job: Job, plan: Plan) -> set[int]:
    """The parts whose files are there."""
    names = names_in(job.output)
    return {number for number in range(len(plan)) if part_name(number, job.form) in names}


def _finish(job: Job, plan: Plan, schema: Any, settings: BulkSettings, began: float, progress: Progress) -> Done:
    """Count, and where all parts are there say so, join them, and remove what killed workers left."""
    present = _present(job, plan)
    finished = len(present) == len(plan)
    counts = list(_counts(job.output, sorted(present)))
    done = Done(
        parts=len(present),
        rows=sum(each.rows for each in counts),
        errors=sum(each.errors for each in counts),
        tokens=sum(each.tokens for each in counts),
        seconds=round(time.monotonic() - began, 3),
        worker_seconds=round(sum(each.seconds for each in counts), 3),
        cut_parts=sum(each.cut for each in counts),
        finished=finished,
    )
    if finished:
        urls = [joined(job.output, part_name(number, job.form)) for number in range(len(plan))]
        if settings.merge is not None:
            merge(urls, settings.merge, job.form, schema, job.separator)
        for folder in (job.output, joined(job.output, COUNTS)):
            remove(folder, {name for name in names_in(folder) if name.startswith((".part-", "._plan", "._done"))})
        with written(joined(job.output, DONE)) as path:
            path.write_text(json.dumps(asdict(done), indent=1) + "\n", encoding="utf-8")
    rate = done.tokens / max(done.worker_seconds, 1e-9)
    progress.end()
    progress.tell(
        f"{counted(done.rows, 'row')} in {counted(done.parts, 'part')}, {counted(done.errors, 'error')}, "
        f"{duration(done.seconds)} ({rate:,.0f} tokens/s of a worker)"
        + ("" if finished else f"; {counted(len(plan) - done.parts, 'part')} left")
    )
    return done


def _counts(folder: str, parts: list[int]) -> Iterator[Counts]:
    """What each of the parts came to."""
    for first in range(0, len(parts), _COUNTS_AT_ONCE):
        names = [part_name(number, "json") for number in parts[first : first + _COUNTS_AT_ONCE]]
        for text in read_all(joined(folder, COUNTS), names).values():
            with suppress(ValueError, TypeError):  # a damaged one
                yield Counts(**json.loads(text))
