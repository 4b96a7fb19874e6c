"""How a run goes, for a person: a bar on a terminal; in a file a line at evaluations, and one a minute between them."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from .checkpoints import State

_SILENCE = 60.0  # seconds without a line in a file


class RunProgress:
    """A context in which a run of `last_step` steps shows itself on standard error."""

    def __init__(self, step: int, last_step: int, *, quiet: bool) -> None:
        self._last_step = last_step
        self._console = Console(stderr=True, quiet=quiet, soft_wrap=True, highlight=False)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[learnt]}left"),
            TimeRemainingColumn(),
            console=self._console,
            disable=quiet or not self._console.is_terminal,
        )
        self._task = self._bar.add_task("training", total=last_step, completed=step, learnt="")
        self._spoke = time.monotonic()

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def step(self, step: int) -> None:
        self._bar.update(self._task, completed=step)

    def learnt(self, state: State) -> None:
        """Called when the log of losses has a new entry."""
        self._bar.update(
            self._task, learnt=f"loss {state.losses[-1][1]:.4f}  {state.tokens / state.seconds:,.0f} tokens/s  "
        )
        if not self._console.is_terminal and time.monotonic() - self._spoke > _SILENCE:
            self._say(state)

    def scored(self, state: State, score: str) -> None:
        self._say(state, f"{score}  ")

    def _say(self, state: State, score: str = "") -> None:
        rate = state.tokens / state.seconds
        left = round((self._last_step - state.step) * state.seconds / state.step)
        self._console.print(
            f"step {state.step}/{self._last_step}  loss {state.losses[-1][1]:.4f}  {score}{rate:,.0f} tokens/s  "
            f"{left // 60}:{left % 60:02} left"
        )
        self._spoke = time.monotonic()
