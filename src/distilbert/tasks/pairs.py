"""What zero-shot, reranking and multiple choice share: one text read with each of several others."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import ClassVar, Literal, NamedTuple

import numpy as np

from ..batch import in_chunks
from ..errors import InputError
from ..tokenizer import Cut, Encoding
from .task import FIRST, LongText, Task, weighted_mean


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
        numbered = (self._group(index, group, before) for index, group in enumerate(groups))
        for chunk in in_chunks(numbered, lambda pairs: 1 + sum(map(_characters, pairs)), self._chunk_characters):
            rows = self._rows((pair for pairs in chunk for pair in pairs), long_text)
            for pairs in chunk:
                yield list(islice(rows, len(pairs)))

    def _group(self, index: int, group: tuple[str, Iterable[str]], before: str) -> list[Pair]:
        if isinstance(group, str) or not isinstance(group, Sequence) or len(group) != 2:
            raise InputError(f"{self.names[0]} {index} must come as a tuple: ({self.names[0]}, {self.names[1]}s)")
        return list(self._pairs(index, *group, before=before))

    def _pairs(self, index: int, first: str, seconds: Iterable[str], before: str = "") -> Iterator[Pair]:
        """The pairs of one text, with `before` in front of it. Raises InputError for what is not text."""
        if not isinstance(first, str):
            raise InputError(f"{self.names[0]} {index} must be a string, not {type(first).__name__}")
        if isinstance(seconds, str | bytes) or not isinstance(seconds, Iterable):
            raise InputError(f"the {self.names[1]}s of {self.names[0]} {index} must be a list of strings")
        for part, second in enumerate(seconds):
            if not isinstance(second, str):
                kind = type(second).__name__
                raise InputError(f"{self.names[1]} {part} of {self.names[0]} {index} must be a string, not {kind}")
            yield Pair(index, part, before + first, second)

    def _rows(self, pairs: Iterable[Pair], long_text: LongText) -> Iterator[Row]:
        """A row for each pair, in order and in bounded memory."""
        for chunk in in_chunks(pairs, _characters, self._chunk_characters):
            read = self._encode_pairs(chunk, long_text)
            flat = [encoding for encodings in read for encoding in encodings]
            rows = iter(self._run(flat, [FIRST] * len(flat)))
            for pair, own in zip(chunk, read, strict=True):
                logits = weighted_mean([next(rows)[0] for _ in own], own)
                yield Row(pair, logits, sum(map(len, own)), own[0].truncated)

    def _encode_pairs(self, pairs: Sequence[Pair], long_text: LongText) -> list[list[Encoding]]:
        """The encodings of each pair: one, or its windows where it is too long and windows are asked for."""
        limit = self.model.max_length
        firsts, seconds = [pair.first for pair in pairs], [pair.second for pair in pairs]
        read = [[each] for each in self.tokenizer.encode_batch(firsts, seconds, max_length=limit, cut=self.cut)]
        for index, pair in enumerate(pairs):
            if long_text == "truncate" or not read[index][0].truncated:
                continue
            name = f"{self.names[0]} {pair.group} with {self.names[1]} {pair.part}"
            if long_text == "error":
                raise InputError(
                    f"{name} is longer than the {limit} tokens that the model reads; "
                    'shorten it, or choose long_text="truncate" or "window"'
                )
            try:
                windows = self.tokenizer.pair_windows(pair.first, pair.second, limit, stride=0, over=self.over)
            except InputError as error:
                raise InputError(f"{name}: {error}") from None
            read[index] = [window.encoding for window in windows]
        return read


def _characters(pair: Pair) -> int:
    return 1 + len(pair.first) + len(pair.second)
