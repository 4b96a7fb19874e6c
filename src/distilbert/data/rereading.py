"""Large tables of labelled texts: examples that are read anew whenever they are gone through, not held."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Generic, overload

from .examples import Data, Example, LabelledText
from .faults import Faults
from .labelled import Labelling
from .tables import Row


class Reread(Sequence[Example], Generic[Example]):
    """As many examples as were counted, from `read`; each way through them begins at the first."""

    def __init__(self, read: Callable[[], Iterator[Example]], count: int) -> None:
        self._read: Callable[[], Iterator[Example]] = read
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Example]:
        return self._read()

    @overload
    def __getitem__(self, place: int) -> Example: ...
    @overload
    def __getitem__(self, place: slice) -> list[Example]: ...
    def __getitem__(self, place: int | slice) -> Example | list[Example]:
        """By going through all before it: for many, see `examples_at`."""
        if isinstance(place, slice):
            places = range(self._count)[place]
            found = examples_at(self, places)
            return [found[each] for each in places]
        place = range(self._count)[place]
        return examples_at(self, [place])[place]


def examples_at(examples: Sequence[Example], places: Sequence[int]) -> dict[int, Example]:
    """The examples at some places, in one way through."""
    wanted = set(places)
    last = max(wanted, default=-1)
    return {place: example for place, example in enumerate(islice(examples, last + 1)) if place in wanted}


def reread_labelled(
    source: str,
    labelling: Labelling,
    faults: Faults,
    rows: Callable[[Faults], Iterator[Row]],
) -> Data[LabelledText]:
    """The labelled texts of all rows, decided by the first ones; all are checked here once.

    `rows` reads them from the beginning, and hands over those that cannot be read.
    """
    count = sum(1 for _ in labelling.examples(rows(faults), faults))

    def again() -> Iterator[LabelledText]:
        without_faults = Faults(source, skip=True)
        return labelling.examples(rows(without_faults), without_faults)

    return labelling.data(source, Reread(again, count))
