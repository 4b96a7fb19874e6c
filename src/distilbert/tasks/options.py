"""Options that several tasks have. A task's own are in its file, as a frozen dataclass of the same kind.

Each option is a field that states its default, its range and its meaning once; `fields.options_of(task.options)`
lists them, for the command line and the server.
"""

from dataclasses import dataclass
from typing import TypedDict

from ..fields import Checked, setting
from .long_text import LongText


@dataclass(frozen=True, kw_only=True)
class TaskOptions(Checked):
    """Base of the tasks' options."""

    long_text: LongText = setting("truncate", help="what to do with a text longer than the model reads")


class LongTextKeyword(TypedDict, total=False):
    """The same as keywords, for type checkers."""

    long_text: LongText


@dataclass(frozen=True, kw_only=True)
class PromptOptions(TaskOptions):
    """Options of the tasks that read a prompt before a text."""

    prompt: str | None = setting(None, help="what to put before each text", metavar="TEXT")
    prompt_name: str | None = setting(
        None, help="the name of one of the model's prompts, to put before each text", metavar="NAME"
    )


class PromptKeywords(LongTextKeyword, total=False):
    """The same as keywords, for type checkers."""

    prompt: str | None
    prompt_name: str | None


class BestKeywords(PromptKeywords, total=False):
    """The same, and how many of the best."""

    top_k: int | None
