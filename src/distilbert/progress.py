"""Standard error of a long work: lines that stay, and on a terminal or in a notebook how much of it is done."""

import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console

Chunk = TypeVar("Chunk", bound=Sized)
_LONG_WORK = 1  # second before a bar is worth a look


def run_console(*, quiet: bool = False) -> Console:
    """Standard error for the lines of a run, which programs may read: none is broken or coloured in a file."""
    return Console(stderr=True, quiet=quiet, soft_wrap=True, highlight=False)


@contextmanager
def progress_bar(total: int | None) -> Iterator[Callable[[int], None]]:
    """Gives a function that moves the bar on by so many; `total` is None where nobody knows."""
    console = Console(stderr=True)
    if not console.is_interactive:
        yield lambda _: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("texts"), TimeRemainingColumn())
    bar = Progress(*columns, console=console, transient=True, redirect_stdout=False)
    task = bar.add_task("", total=total)
    visible_from = time.monotonic() + _LONG_WORK

    def advance(count: int) -> None:
        bar.advance(task, count)
        if time.monotonic() > visible_from:
            bar.start()

    try:
        yield advance
    finally:
        bar.stop()


@contextmanager
def working(what: str) -> Iterator[None]:
    """A line on standard error that says what is going on, while a work of unknown length is done; as the bar is."""
    console = Console(stderr=True)
    if not console.is_interactive:
        yield
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn(what), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as bar:
        bar.add_task("", total=None)
        yield


def with_bar(chunks: Iterable[Chunk], total: int | None) -> Iterator[Chunk]:
    """The chunks; a chunk is done when the next one is asked for."""
    with progress_bar(total) as advance:
        for chunk in chunks:
            yield chunk
            advance(len(chunk))
