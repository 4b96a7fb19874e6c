"""What the commands on texts share: their arguments, the model opened, and texts in."""

import argparse
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ..data.file_names import is_table
from ..errors import InputError, short_repr
from ..fields import options_of
from ..loading import DEFAULT_BATCH_TOKENS, load
from ..tasks.by_name import TASKS
from ..tasks.task import Task
from . import show
from .options import add_model_option, add_options, add_revision, given_options
from .reading import count_texts, text_groups
from .results import add_output, check_output

Given = TypeVar("Given")
Result = TypeVar("Result")


def add_model(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the model")
    add_model_option(group)
    add_model_options(group)
    add_output(parser)


def add_model_options(group: argparse._ActionsContainer) -> None:
    """How the model is opened and run."""
    add_revision(group)
    group.add_argument("--device", choices=["cpu", "cuda", "mps", "auto"], default="cpu", help="default: cpu")
    group.add_argument("--threads", type=int, help="default: the cores that the process may use")
    group.add_argument("--precision", choices=["float32", "int8"], help="default: as the model is stored")
    group.add_argument(
        "--max-batch-tokens",
        type=int,
        default=DEFAULT_BATCH_TOKENS,
        metavar="N",
        help=f"the token budget of one batch (default: {DEFAULT_BATCH_TOKENS})",
    )


def add_table_options(parser: argparse._ActionsContainer) -> None:
    """How a file that is a table is read."""
    parser.add_argument(
        "--column", metavar="NAME", help="column of a table with the texts (default: guessed, and said)"
    )
    parser.add_argument("--separator", metavar="CHAR", help="character between the cells of a CSV (default: found out)")
    parser.add_argument("--encoding", help="encoding of a table (default: found out)")


def open_task(args: argparse.Namespace, task: str | None, model: str | None = None, *, progress: bool = False) -> Any:
    """The command's model, or another one that runs in the same way."""
    check_output(args)
    return load(
        model or args.model,
        task,
        device=args.device,
        precision=args.precision,
        threads=args.threads,
        max_batch_tokens=args.max_batch_tokens,
        revision=None if model else args.revision,
        progress=progress,
    )


def texts_of(args: argparse.Namespace) -> Iterator[Iterator[str]]:
    """Groups of texts, those of a table with their rows."""
    column = getattr(args, "column", None)
    if not hasattr(args, "column") or args.file is None or args.texts or not is_table(args.file):
        if column is not None:
            raise InputError("--column is for a --file whose name ends in .csv, .tsv, .jsonl or .parquet")
        return text_groups(args.texts, args.file)
    from .table_texts import texts_of_table  # not at the top: the readers take time to import

    pairs = getattr(args, "pairs", False)
    found, texts = texts_of_table(args.file, column, pairs=pairs, separator=args.separator, encoding=args.encoding)
    show.note(f"{args.file}: {found}")
    return iter([texts])


def results_of(
    args: argparse.Namespace,
    groups: Iterable[Iterable[Given]],
    stream: Callable[[Iterator[Given]], Iterator[Result]],
    *,
    silent: bool = False,
) -> Iterator[tuple[Given, Result]]:
    """Each text beside its result, each group's as soon as it is done. `silent`: they are not shown."""
    silent = silent or args.out is not None
    return show.progress(_run(groups, stream), partial(count_texts, args.texts, args.file), silent=silent)


def _run(
    groups: Iterable[Iterable[Given]], stream: Callable[[Iterator[Given]], Iterator[Result]]
) -> Iterator[tuple[Given, Result]]:
    done = 0
    for group in groups:
        before = done
        try:
            for pair in _with_inputs(group, stream):
                yield pair
                done += 1
        except InputError as error:  # a task counts the texts of its stream
            raise InputError(f"{error} (counted from line {before + 1})" if before else str(error)) from None
        print(end="", flush=True)


def _with_inputs(
    inputs: Iterable[Given], stream: Callable[[Iterator[Given]], Iterator[Result]]
) -> Iterator[tuple[Given, Result]]:
    """Each input beside its result, while a task reads ahead in the stream."""
    pending: deque[Given] = deque()

    def remember() -> Iterator[Given]:
        for item in inputs:
            pending.append(item)
            yield item

    for result in stream(remember()):
        yield pending.popleft(), result


def parted(line: str, form: str) -> list[str]:
    """A line's parts, which have tabs between them."""
    parts = line.split("\t")
    if len(parts) < 2:
        raise InputError(f"each text must be {form}, with tabs between, not {short_repr(line)}")
    return parts


def add_task_options(parser: argparse.ArgumentParser, task: str, *, without: Collection[str] = ()) -> None:
    """The options of a task, but for those named in `without`."""
    options = TASKS[task].options
    add_options(parser, options, without=without, group="the task")
    names = {option.name: option for option in options_of(options) if option.name not in without}
    if any(option.container for option in names.values()):
        parser.epilog = "Options that take several values stand after the texts."
    elif "top_k" in names and names["top_k"].optional:
        parser.epilog = "--top-k 0 shows all."


def file_path(text: str) -> Path | None:
    """Of `--file`; None, as without it, for "-": standard input."""
    return None if text == "-" else Path(text)


def add_text_arguments(
    parser: argparse.ArgumentParser, task: str, what: str = "TEXT", *, without: Collection[str] = ()
) -> None:
    """What a command takes that runs a task on texts."""
    parser.add_argument("texts", nargs="*", metavar=what, help="default: the lines of standard input")
    group = parser.add_argument_group("texts in")
    a_line = f"read one {what.lower()} a line, or a column of a .csv .tsv .jsonl .parquet"
    group.add_argument("--file", type=file_path, help=a_line)
    add_table_options(group)
    add_model(parser)
    add_task_options(parser, task, without=without)


def task_options(args: argparse.Namespace, task: Task) -> dict[str, Any]:
    """The options that were given; the others have the task's defaults. `--top-k 0` is all."""
    given = given_options(args, task.options)
    optional = {option.name for option in options_of(task.options) if option.optional}
    if "top_k" in optional and given.get("top_k", 1) < 1:
        if given["top_k"]:
            raise InputError(f"--top-k must be at least 1, or 0 for all, not {given['top_k']}")
        given["top_k"] = None
    return given


def stream_of(args: argparse.Namespace, task: str, **arguments: object) -> Callable[[Iterator[Any]], Iterator[Any]]:
    """The stream of the command's model opened for a task, with the options that were given and other arguments."""
    opened = open_task(args, task)
    return partial(opened.stream, **arguments, **task_options(args, opened))
