"""What is wrong in a file, gathered so that a person sees it all at once."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from ..errors import InputError

Item = TypeVar("Item")
Made = TypeVar("Made")

_SHOWN = 10  # kinds of faults
_PLACES = 5  # lines or rows where one is too
_PLACE = re.compile(r"(?:.*?:|row )(\d+): ", re.DOTALL)


@dataclass
class _Kind:
    """Faults that say the same of different rows."""

    first: InputError
    places: list[str] = field(default_factory=list)
    others: int = 0

    def add(self, error: InputError) -> None:
        self.others += 1
        if len(self.places) < _PLACES and (found := _PLACE.match(str(error))):
            self.places.append(found[1])

    def __str__(self) -> str:
        more = self.others - len(self.places)
        parts = [", ".join(self.places)] * bool(self.places) + [f"{more:,} more"] * bool(more)
        return str(self.first) + (f" (also {' and '.join(parts)})" if parts else "")


class Faults:
    """The faults of a file's rows.

    Attributes:
        count: how many there are.
    """

    def __init__(self, source: str, *, skip: bool = False, at_once: bool = False) -> None:
        """`skip`: rows with faults are left out. `at_once`: the first fault is raised, none are gathered."""
        self._source, self._skip, self._at_once = source, skip, at_once
        self.count = 0
        self._kinds: dict[str, _Kind] = {}  # the first ones, by what is said

    def add(self, error: InputError) -> None:
        """Note what is wrong with a row that is left out, whatever comes of it."""
        if self._at_once and not self._skip:
            raise error
        self.count += 1
        said = _PLACE.sub("", str(error), 1)
        if said in self._kinds:
            self._kinds[said].add(error)
        elif len(self._kinds) < _SHOWN:
            self._kinds[said] = _Kind(error.with_traceback(None))

    def each(self, items: Iterable[Item], make: Callable[[Item], Made]) -> list[Made]:
        """What `make` makes of each item; those that it raises InputError for are left out, and noted."""
        made = []
        for item in items:
            try:
                made.append(make(item))
            except InputError as error:
                self.add(error)
        return made

    def check(self, *, others: bool) -> None:
        """Raises InputError that shows what is wrong, and where, unless rows with faults are to be left out.

        `others`: there are rows without, which would be left.
        """
        if not self.count or self._skip:
            return
        kinds = list(self._kinds.values())
        if self.count == 1:
            raise kinds[0].first
        lines = [f"{self._source}: {self.count:,} rows cannot be used; mend them"]
        lines[0] += ", or leave them out with --skip-bad, in Python skip_bad=True" if others else ""
        lines += [f"  {kind}" for kind in kinds]
        if more := self.count - sum(1 + kind.others for kind in kinds):
            lines.append(f"  and {more:,} more")
        raise InputError("\n".join(lines))

    def __str__(self) -> str:
        """What was left out, for a person."""
        if not self.count:
            return ""
        first = next(iter(self._kinds.values())).first
        return f"{self.count:,} bad {'row is' if self.count == 1 else 'rows are'} left out, the first: {first}"
