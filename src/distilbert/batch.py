"""Token ids of many texts -> packed batches, and their outputs back in the caller's order.

This is the only place that batches. A batch is *packed*: N tokens in one row, no padding. Batches are
cut by tokens, not by texts, in order of length, so that the padded view that attention alone needs
stays small too.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self, TypeVar

import numpy as np

Item = TypeVar("Item")

MAX_PADDING = 2.0  # places of a batch's padded view, to a token of its budget


@dataclass(frozen=True, eq=False)
class Batch:
    """B texts packed into one row of N tokens; T is the longest. Validated when built.

    Attributes:
        ids: int64 [N].
        lengths: int64 [B], at least 1 each, N in all.
        rows: int64 [K], the tokens (indices into N, ascending) whose last hidden state the head
            reads; None for all N.
        attended: int64 [B], how many of a text's first tokens its tokens attend to; None for all.
    """

    ids: np.ndarray
    lengths: np.ndarray
    rows: np.ndarray | None = None
    attended: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.ids.ndim != 1 or self.lengths.ndim != 1 or self.ids.dtype != np.int64 or self.lengths.dtype != np.int64:
            raise ValueError("ids and lengths must be int64 vectors")
        if not len(self.lengths) or self.lengths.min() < 1 or self.lengths.sum() != len(self.ids):
            raise ValueError("lengths must be at least 1 each and add up to the number of ids")
        rows, tokens = self.rows, len(self.ids)
        if rows is not None and len(rows) and (rows[0] < 0 or rows[-1] >= tokens or (rows[1:] <= rows[:-1]).any()):
            raise ValueError("rows must ascend within the tokens")
        if self.attended is not None and not ((self.attended >= 1) & (self.attended <= self.lengths)).all():
            raise ValueError("a text's tokens attend to at least one of them and at most to all")

    @classmethod
    def pack(
        cls,
        ids: Sequence[np.ndarray],
        rows: Sequence[np.ndarray] | None = None,
        attended: Sequence[int] | None = None,
    ) -> Self:
        """From each text's ids [T_i] and, where not all are read, its rows [K_i] (indices into the text)."""
        lengths = np.array([len(text) for text in ids], np.int64)
        packed = np.concatenate(ids).astype(np.int64, copy=False)
        first = None if attended is None else np.array(attended, np.int64)
        if rows is None:
            return cls(packed, lengths, None, first)
        starts = np.cumsum(lengths) - lengths
        shifted = [start + of_text for start, of_text in zip(starts, rows, strict=True)]
        return cls(packed, lengths, np.concatenate(shifted).astype(np.int64, copy=False), first)

    @cached_property
    def mask(self) -> np.ndarray:
        """bool [B, T]: which places of the padded view hold tokens that are attended to."""
        counts = self.lengths if self.attended is None else self.attended
        return np.arange(self.longest) < counts[:, None]

    @property
    def size(self) -> int:
        """B, the number of texts."""
        return len(self.lengths)

    @property
    def longest(self) -> int:
        """T, the tokens of the longest text."""
        return int(self.lengths.max())

    @cached_property
    def starts(self) -> np.ndarray:
        """int64 [B]: where each text begins."""
        return np.cumsum(self.lengths) - self.lengths

    @cached_property
    def positions(self) -> np.ndarray:
        """int64 [N]: each token's place in its text."""
        return np.arange(len(self.ids)) - np.repeat(self.starts, self.lengths)

    @cached_property
    def texts(self) -> np.ndarray:
        """int64 [N]: the text that each token belongs to."""
        return np.repeat(np.arange(self.size), self.lengths)

    @cached_property
    def row_counts(self) -> np.ndarray:
        """int64 [B]: how many rows of each text are read."""
        if self.rows is None:
            return self.lengths
        return np.bincount(self.texts[self.rows], minlength=self.size)


def plan(lengths: Sequence[int] | np.ndarray, max_tokens: int, *, max_padding: float = MAX_PADDING) -> list[np.ndarray]:
    """Indices of the texts, cut into batches of at most `max_tokens` tokens (a longer text goes alone).

    Longest first, so that memory peaks early and neighbours are of like length. The padded view of a
    batch (texts times longest) is kept to `max_padding` times the budget; within it, short texts beside
    a long one cost attention only.
    """
    if len(lengths) == 1:  # as most requests are
        return [np.zeros(1, np.int64)]
    lengths = np.asarray(lengths, np.int64)
    order = np.argsort(-lengths, kind="stable")
    batches: list[np.ndarray] = []
    first = tokens = 0
    for place, index in enumerate(order):
        length = int(lengths[index])
        padded = (place - first + 1) * int(lengths[order[first]])
        if place > first and (tokens + length > max_tokens or padded > max_padding * max_tokens):
            batches.append(order[first:place])
            first, tokens = place, 0
        tokens += length
    if len(order):
        batches.append(order[first:])
    return batches


def run_batched(
    run: Callable[[Batch], np.ndarray],
    ids: Sequence[np.ndarray],
    rows: Sequence[np.ndarray] | None,
    max_tokens: int,
    attended: Sequence[int] | None = None,
) -> list[np.ndarray]:
    """Each text's output rows [K_i, …], in the order given.

    `run` gives the rows of a packed batch [K, …]; see `Batch` for `ids`, `rows` and `attended`.
    """
    results: list[np.ndarray] = [np.empty(0)] * len(ids)
    for index, output in run_each(run, ids, rows, max_tokens, attended):
        results[index] = output
    return results


def run_each(
    run: Callable[[Batch], np.ndarray],
    ids: Sequence[np.ndarray],
    rows: Sequence[np.ndarray] | None,
    max_tokens: int,
    attended: Sequence[int] | None = None,
) -> Iterator[tuple[int, np.ndarray]]:
    """(index, output rows [K_i, …]) of each text, as batches are done.

    For rows as wide as the vocabulary: whoever keeps less of each text holds one batch's at a time.
    """
    for chosen in plan([len(text) for text in ids], max_tokens):
        indices = chosen.tolist()
        texts = [ids[i] for i in indices]
        read = texts if rows is None else [rows[i] for i in indices]
        first = None if attended is None else [attended[i] for i in indices]
        output, end = run(Batch.pack(texts, None if rows is None else read, first)), 0
        for index, part in zip(indices, read, strict=True):
            end += len(part)
            yield index, output[end - len(part) : end]


def in_chunks(items: Iterable[Item], size: Callable[[Item], int], most: int) -> Iterator[list[Item]]:
    """Cut a stream into lists of about `most` in size, so that it runs in bounded memory."""
    chunk: list[Item] = []
    total = 0
    for item in items:
        chunk.append(item)
        total += size(item)
        if total >= most:
            yield chunk
            chunk, total = [], 0
    if chunk:
        yield chunk
