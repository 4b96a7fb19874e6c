"""What happens to a text that is longer than the model reads: it is cut, read in windows, or refused."""

import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Literal

from ..encoding import Encoding
from ..errors import InputError, LongTextWarning, counted

LongText = Literal["truncate", "window", "error"]

_SHORTEN = 'shorten it, or choose long_text="truncate" or "window"'
_PACKAGE = __name__.partition(".")[0]


def to_window(encodings: Sequence[Encoding], long_text: LongText, limit: int, name: Callable[[int], str]) -> list[int]:
    """Indices of the texts that were cut and are to be read in windows instead.

    Raises InputError for a cut text where that is an error; `name` gives a text's name by its index.
    """
    if long_text == "truncate":
        return []
    cut = [index for index, encoding in enumerate(encodings) if encoding.truncated]
    if cut and long_text == "error":
        raise too_long(name(cut[0]), limit)
    return cut


def too_long(name: str, limit: int) -> InputError:
    """The error for a text that does not fit in `limit` tokens."""
    return InputError(f"{name} is longer than the {limit} tokens that the model reads; {_SHORTEN}")


def no_room(name: str, tokens: int, room: int) -> InputError:
    """The error for a context that does not fit beside its question."""
    return InputError(f"{name} has {tokens} tokens, and a window has room for {room}; {_SHORTEN}")


class CutTexts:
    """Counts the texts of a stream and those that were cut, for the tasks whose results do not say so."""

    def __init__(self, limit: str, what: str = "text") -> None:
        self._limit, self._what = limit, what
        self._texts = self._cut = 0

    def count(self, cut: Sequence[bool]) -> None:
        """Some more texts, and which of them were cut."""
        self._texts += len(cut)
        self._cut += sum(cut)

    def warn(self) -> None:
        """At the end of the stream: a LongTextWarning if any were cut."""
        if self._cut:
            which = f"{self._cut:,} of {counted(self._texts, self._what)}" if self._texts > 1 else f"the {self._what}"
            is_longer, was = ("is longer", "was") if self._cut == 1 else ("are longer", "were")
            message = f"{which} {is_longer} than {self._limit} and {was} cut; see long_text"
            warnings.warn(message, LongTextWarning, stacklevel=caller_level())


def caller_level() -> int:
    """The `stacklevel` of the first caller outside this package, as `warnings.warn` counts."""
    frame, level = sys._getframe(1), 1
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == _PACKAGE:
        frame, level = frame.f_back, level + 1
    return level
