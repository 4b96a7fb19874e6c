"""What is wrong in a file, gathered so that a person sees it all at once."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from ..errors import InputError

Item = TypeVar("Item")
Made = TypeVar("Made")

_SHOWN = 10


class Faults:
    """The faults of a file's rows.

    Attributes:
        count: how many there are.
    """

    def __init__(self, source: str, *, skip: bool = False, at_once: bool = False) -> None:
        """`skip`: rows with faults are left out. `at_once`: the first fault is raised, none are gathered."""
        self._source, self._skip, self._at_once = source, skip, at_once
        self.count = 0
        self._first: list[InputError] = []

    def add(self, error: InputError) -> None:
        """Note what is wrong with a row that is left out, whatever comes of it."""
        if self._at_once and not self._skip:
            raise error
        self.count += 1
        if len(self._first) < _SHOWN:
            self._first.append(error)

    def each(self, items: Iterable[Item], make: Callable[[Item], Made]) -> list[Made]:
        """What `make` makes of each item; those that it raises InputError for are left out, and noted."""
        made = []
        for item in items:
            try:
                made.append(make(item))
            except InputError as error:
                self.add(error)
        return made

    def check(self) -> None:
        """Raises InputError that shows the first ten faults, unless rows with faults are to be left out."""
        if not self.count or self._skip:
            return
        if self.count == 1:
            raise self._first[0]
        lines = [f"{self._source}: {self.count:,} rows cannot be used; mend them, or leave them out with --skip-bad"]
        lines[0] += ", in Python skip_bad=True"
        lines += [f"  {error}" for error in self._first]
        if self.count > _SHOWN:
            lines.append(f"  and {self.count - _SHOWN:,} more")
        raise InputError("\n".join(lines))

    def __str__(self) -> str:
        """What was left out, for a person."""
        if not self.count:
            return ""
        return f"{self.count:,} bad {'row is' if self.count == 1 else 'rows are'} left out, the first: {self._first[0]}"
