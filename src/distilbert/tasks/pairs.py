"""What zero-shot, reranking and multiple choice share: one text read with each of several others."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import ClassVar, Literal, NamedTuple

import numpy as np

from ..encoding import Encoding
from ..errors import naming
from ..tokenizer import Cut
from .inputs import checked_seconds, first_and_seconds, several
from .long_text import LongText, to_window
from .numbers import weighted_mean
from .task import Task


class Pair(NamedTuple):
    """Two texts that are read together, and their numbers: the first's in the input, the second's with the first."""

    group: int
    part: int
    first: str
    second: str


class Row(NamedTuple):
    """What the head says of a pair: its logits [labels], how many tokens were read, and whether some were cut."""

    pair: Pair
    logits: np.ndarray
    tokens: int
    truncated: bool


class PairTask(Task):
    """Base of the tasks on pairs. A subclass says what its texts are called and how they are cut.

    Attributes:
        names: of a first text and of a second one, for messages.
        cut: which of a pair loses tokens where both are too long together.
        over: which of a pair is read in windows.
    """

    names: ClassVar[tuple[str, str]]
    cut: ClassVar[Cut] = "longest"
    over: ClassVar[Literal["first", "second"]] = "first"

    def _grouped_rows(
        self, groups: Iterable[tuple[str, Iterable[str]]], long_text: LongText, before: str = ""
    ) -> Iterator[list[Row]]:
        """For each text all its rows, for a stream of any length."""
        given = several(groups, f"tuples ({self.names[0]}, {self.names[1]}s)")
        numbered = (
            list(self._pairs(index, *first_and_seconds(group, index, self.names), before=before))
            for index, group in enumerate(given)
        )
        for _, chunk in self._chunks(numbered, lambda pairs: 1 + sum(map(_characters, pairs))):
            rows = self._rows((pair for pairs in chunk for pair in pairs), long_text)
            for pairs in chunk:
                yield list(islice(rows, len(pairs)))

    def _pairs(self, index: int, first: str, seconds: Iterable[str], before: str = "") -> Iterator[Pair]:
        """The pairs of one text, with `before` in front of it. Raises InputError for what is not text."""
        for part, second in enumerate(checked_seconds(first, seconds, index, self.names)):
            yield Pair(index, part, before + first, second)

    def _rows(self, pairs: Iterable[Pair], long_text: LongText) -> Iterator[Row]:
        """A row for each pair, in order and in bounded memory."""
        for _, chunk in self._chunks(pairs, _characters):
            parts = self._encode_pairs(chunk, long_text)
            for pair, encodings, logits in zip(chunk, parts, self._run_classifier(parts), strict=True):
                lengths = [len(encoding) for encoding in encodings]
                yield Row(pair, weighted_mean(logits, lengths), sum(lengths), encodings[0].truncated)

    def _encode_pairs(self, pairs: Sequence[Pair], long_text: LongText) -> list[list[Encoding]]:
        """The encodings of each pair: one, or its windows where it is too long and windows are asked for."""
        limit = self.model.max_length
        firsts, seconds = [pair.first for pair in pairs], [pair.second for pair in pairs]
        encodings = self.tokenizer.encode_batch(firsts, seconds, max_length=limit, cut=self.cut)
        parts = [[encoding] for encoding in encodings]
        for index in to_window(encodings, long_text, limit, lambda index: self._name(pairs[index])):
            parts[index] = self._windows_of(pairs[index])
        return parts

    def _windows_of(self, pair: Pair) -> list[Encoding]:
        with naming(self._name(pair)):
            windows = self.tokenizer.pair_windows(
                pair.first, pair.second, self.model.max_length, stride=0, over=self.over
            )
        return [window.encoding for window in windows]

    def _name(self, pair: Pair) -> str:
        return f"{self.names[0]} {pair.group} with {self.names[1]} {pair.part}"


def _characters(pair: Pair) -> int:
    return 1 + len(pair.first) + len(pair.second)
