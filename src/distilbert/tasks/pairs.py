"""What zero-shot, reranking and multiple choice share: one text read with each of several others."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import ClassVar, Literal, NamedTuple

import numpy as np

from ..batch import in_chunks
from ..errors import InputError
from ..tokenizer import Cut, Encoding
from .task import FIRST, LongText, Task, weighted_mean

__all__ = ["Pair", "PairTask", "Row"]


class Pair(NamedTuple):
    """Two texts that are read together, and their numbers in the caller's input."""

    whole: int
    part: int
    first: str
    second: str


class Row(NamedTuple):
    """What the head says of a pair: its logits [labels], the tokens that were read, and whether some were cut."""

    logits: np.ndarray
    tokens: int
    truncated: bool


class PairTask(Task):
    """Base of the tasks on pairs. A subclass says how a pair is cut and what to call its texts.

    Attributes:
        names: of a first text and of a second one, for messages.
        cut: which of a pair loses tokens where both are too long together.
        over: which of a pair is read in windows.
    """

    names: ClassVar[tuple[str, str]]
    cut: ClassVar[Cut] = "longest"
    over: ClassVar[Literal["first", "second"]] = "first"

    def _grouped_rows(self, groups: Iterable[tuple[str, Sequence[str]]], long_text: LongText) -> Iterator[list[Row]]:
        """The rows of each text with each of its others, for a stream of any length."""

        def characters(group: tuple[int, tuple[str, Sequence[str]]]) -> int:
            first, seconds = group[1]
            return len(seconds) * (1 + len(first)) + sum(map(len, seconds))

        for chunk in in_chunks(enumerate(groups), characters, self._chunk_characters):
            pairs = (
                Pair(whole, part, first, second)
                for whole, (first, seconds) in chunk
                for part, second in enumerate(seconds)
            )
            rows = self._rows(pairs, long_text)
            for _, (_, seconds) in chunk:
                yield list(islice(rows, len(seconds)))

    def _rows(self, pairs: Iterable[Pair], long_text: LongText) -> Iterator[Row]:
        """A row for each pair, in order and in bounded memory."""
        for chunk in in_chunks(pairs, lambda pair: 1 + len(pair.first) + len(pair.second), self._chunk_characters):
            read = self._encode_pairs(chunk, long_text)
            flat = [encoding for encodings in read for encoding in encodings]
            rows = iter(self._run(flat, [FIRST] * len(flat)))
            for own in read:
                logits = weighted_mean([next(rows)[0] for _ in own], own)
                yield Row(logits, sum(map(len, own)), own[0].truncated)

    def _encode_pairs(self, pairs: Sequence[Pair], long_text: LongText) -> list[list[Encoding]]:
        """The encodings of each pair: one, or its windows where it is too long and windows are asked for."""
        limit = self.model.max_length
        firsts, seconds = [pair.first for pair in pairs], [pair.second for pair in pairs]
        read = [[encoding] for encoding in self.tokenizer.encode_batch(firsts, seconds, max_length=limit, cut=self.cut)]
        if long_text == "truncate":
            return read
        for index, pair in enumerate(pairs):
            if not read[index][0].truncated:
                continue
            name = f"{self.names[0]} {pair.whole} with {self.names[1]} {pair.part}"
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
