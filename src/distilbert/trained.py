"""What a run of training leaves, and what is written down of every run."""

import dataclasses
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from . import __version__
from .arguments import RunArguments
from .command_text import command_text
from .data.examples import Data
from .evaluation.intervals import Interval

_OF_ONE_RUN = ("resume", "report")  # settings that another run need not repeat


@dataclasses.dataclass(frozen=True)
class Trained:
    """The result of a run: the folder, and the scores of its model on `eval` and on `test`; none without these."""

    folder: Path
    scores: Mapping[str, Interval]
    test_scores: Mapping[str, Interval] = dataclasses.field(default_factory=dict)


def command_of(words: Sequence[object], arguments: RunArguments) -> str:
    """The command line that repeats a run: the words, and the settings behind them."""
    return command_text(words, arguments, without=_OF_ONE_RUN)


def facts_of(
    used: RunArguments, data: Data[Any], held_out: Data[Any] | None, libraries: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What model card, report and training.json say of every run.

    `used` are its settings, those that were chosen for it among them; `libraries` the versions of what computed it.
    """
    settings = dataclasses.asdict(used)
    return {
        "task": used.task,
        "settings": {name: value for name, value in settings.items() if name not in ("out", *_OF_ONE_RUN)},
        "labels": list(data.labels),
        "train_examples": len(data.examples),
        "eval_examples": len(held_out.examples) if held_out else 0,
        "versions": {"distilbert": __version__, **(libraries or {}), "python": platform.python_version()},
    }
