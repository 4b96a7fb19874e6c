"""How a run goes, for a person: a bar on a terminal; in a file a line at evaluations, and one a minute between them."""

import time
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

from ..progress import run_console
from .checkpoints import State

_SILENCE = 60.0  # seconds without a line in a file
_FIRST_LINE = 3.0  # seconds of other work before its first one


class _Bar:
    """A context with a progress bar on a terminal, and with none elsewhere."""

    def __init__(self, console: Console, *columns: ProgressColumn) -> None:
        self._console = console
        self._bar = Progress(*columns, console=console, disable=console.quiet or not console.is_terminal)
        self._spoke = self._started = time.monotonic()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()


class RunProgress(_Bar):
    """A context in which a run of `last_step` steps shows itself on standard error."""

    def __init__(self, step: int, last_step: int, *, quiet: bool) -> None:
        super().__init__(
            run_console(quiet=quiet),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rates]}left"),
            TimeRemainingColumn(),
        )
        self._last_step = last_step
        self._task = self._bar.add_task("training", total=last_step, completed=step, rates="")

    def expect(self, seconds: float) -> None:
        """Say how long the run will take, as far as a trial tells."""
        self._console.print(f"about {_clock(seconds)} of training, and the evaluations")

    def step(self, step: int) -> None:
        self._bar.update(self._task, completed=step)

    def logged(self, state: State) -> None:
        """Called when the log of losses has a new entry."""
        self._bar.update(
            self._task, rates=f"loss {state.losses[-1][1]:.4f}  {state.tokens / state.seconds:,.0f} tokens/s  "
        )
        if not self._console.is_terminal and time.monotonic() - self._spoke > _SILENCE:
            self.scored(state)

    def scored(self, state: State, score: str = "") -> None:
        """Print a line, with what was scored."""
        rate = state.tokens / state.seconds
        left = (self._last_step - state.step) * state.seconds / state.step
        self._console.print(
            f"step {state.step}/{self._last_step}  loss {state.losses[-1][1]:.4f}  {score and score + '  '}"
            f"{rate:,.0f} tokens/s  {_clock(left)} left"
        )
        self._spoke = time.monotonic()


class WorkProgress(_Bar):
    """A context in which work of `total` parts shows itself: a bar on a terminal, in a file a line a minute."""

    def __init__(self, console: Console, what: str, total: int, done: int) -> None:
        super().__init__(console, *Progress.get_default_columns())
        self._what, self._total, self._first = what, total, done
        self._task = self._bar.add_task(what, total=total, completed=done)
        self._spoke = self._started - _SILENCE + _FIRST_LINE

    def at(self, done: int) -> None:
        """Called whenever some of the work is done; `done` counts from the beginning."""
        self._bar.update(self._task, completed=done)
        now = time.monotonic()
        if self._console.is_terminal or now - self._spoke < _SILENCE or done <= self._first:
            return
        left = (self._total - done) * (now - self._started) / (done - self._first)
        self._console.print(f"{self._what}: {done:,} of {self._total:,}  {_clock(left)} left")
        self._spoke = now


def _clock(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{round(seconds) // 60}:{round(seconds) % 60:02}"
