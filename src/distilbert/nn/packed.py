"""Packed: a batch without padding, on a device. What every layer of the model runs on.

B texts lie one after another in one row of N tokens, so that every matrix product runs on exactly N
rows. Attention alone sees a padded view, [B, T], or one of each `Part` of the texts.
`distilbert.batch.Batch` is the same thing in NumPy.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Self

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  # as everyone calls it

from ..batch import Batch
from ..errors import InputError

IGNORE = -100  # the label of a token that no loss counts, as in Transformers
# In parts: for every size of a matrix product oneDNN writes code, which takes longer than the product does, so that
# sizes have to repeat: those of all rows, and of the texts and places of a part's view are multiples of these
_ROWS, _TEXTS, _PLACES = 32, 4, 8
_WASTE = 8192  # scores of a head that are computed for nothing: about what a part more costs


@dataclass(frozen=True, eq=False)
class View:
    """Where rows lie in a padded view of B texts by T places.

    Attributes:
        texts, longest: B and T.
        index: int64 [rows], each row's place in the flattened view [B · T]; None where every place has its row.
    """

    texts: int
    longest: int
    index: Tensor | None = None

    @property
    def rows(self) -> int:
        """How many there are."""
        return self.texts * self.longest if self.index is None else len(self.index)

    def pad(self, x: Tensor, fill: float = 0.0) -> Tensor:
        """[rows, …] -> [B, T, …], with `fill` where there is no row."""
        if self.index is not None:
            x = x.new_full((self.texts * self.longest, *x.shape[1:]), fill).index_copy(0, self.index, x)
        return x.view(self.texts, self.longest, *x.shape[1:])

    def unpad(self, x: Tensor) -> Tensor:
        """[B, T, …] -> [rows, …]."""
        x = x.flatten(0, 1)
        return x if self.index is None else x.index_select(0, self.index)


@dataclass(frozen=True, eq=False)
class Part:
    """Neighbouring texts whose attention is computed at once, in a view that is hardly longer than the longest of them.

    Attributes:
        view, mask, row_view: as those of `Packed`, of these texts alone.
    """

    view: View
    mask: Tensor | None
    row_view: View


@dataclass(frozen=True, eq=False)
class Packed:
    """B texts, at least one token each, as one row of N tokens.

    Made by `from_batch`, which training loops and the engine use, or by `from_padded`.

    With `parts` the model computes N and K rounded up; what it gives has N and K rows all the same.

    Attributes:
        words: int64 [N] token ids, or float [N, D] embeddings in their place.
        positions: int64 [N], each token's place in its text.
        view: the tokens as B texts by T places.
        mask: bool [B, T], True for a token that is attended to; None where every place holds one.
        rows: int64 [K], the tokens (indices into N) whose last hidden state the head reads; None for all N.
        row_view: the rows as B texts by R places, R the most of one text.
        parts: all texts, in their order; None: they are one part.
    """

    words: Tensor
    positions: Tensor
    view: View
    mask: Tensor | None
    rows: Tensor | None
    row_view: View
    parts: tuple[Part, ...] | None = None

    @classmethod
    def from_batch(cls, batch: Batch, device: torch.device | str = "cpu", *, in_parts: bool = False) -> Self:
        """From the arrays of a `distilbert.batch.Batch`: `Packed.from_batch(Batch.pack(ids, rows))`.

        `in_parts` is for a CPU that computes many batches: attention in parts, and products of repeating sizes.
        """
        whole = _part(batch, 0, batch.size, device)
        parts = _parts(batch, device) if in_parts else None
        rows = None if batch.rows is None else torch.tensor(batch.rows, device=device)
        ids, positions = (torch.tensor(array, device=device) for array in (batch.ids, batch.positions))
        return cls(ids, positions, whole.view, whole.mask, rows, whole.row_view, parts)

    @classmethod
    def from_padded(
        cls,
        input_ids: Tensor | None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        position_ids: Tensor | None = None,
    ) -> Self:
        """From the tensors of a call in the style of Transformers; the padding is dropped.

        Args:
            input_ids: int64 [B, T], or
            inputs_embeds: float [B, T, D].
            attention_mask: [B, T], 1 = token, 0 = padding, anywhere. None: everything is a token. A text
                that is all padding keeps its first place, so that it gives numbers.
            position_ids: int64 [B, T] or [1, T]; by default 0 to T - 1, padding counted.

        Inside `torch.compile` the padding stays, masked: the shapes of a graph cannot depend on values.
        """
        if (input_ids is None) == (inputs_embeds is None):
            raise InputError("give either input_ids or inputs_embeds")
        words: Tensor = inputs_embeds if input_ids is None else input_ids  # type: ignore[assignment]
        if words.dim() != (3 if input_ids is None else 2):
            raise InputError(f"input_ids must be [B, T] or inputs_embeds [B, T, D], not {list(words.shape)}")
        texts, longest = words.shape[:2]
        places = torch.arange(longest, device=words.device)
        positions = (places if position_ids is None else position_ids).expand(texts, longest)
        if attention_mask is None:
            mask, index = None, None
        elif attention_mask.shape != (texts, longest):
            raise InputError(
                f"attention_mask must be [{texts}, {longest}] as the input, not {list(attention_mask.shape)}"
            )
        else:
            mask = attention_mask != 0
            mask = mask | (~mask.any(1, keepdim=True) & (places == 0))
            index = None if torch.compiler.is_compiling() else mask.flatten().nonzero().squeeze(1)
        view = View(texts, longest, index)
        return cls(view.unpad(words), view.unpad(positions), view, mask, None, view)

    @property
    def first(self) -> Tensor:
        """int64 [B]: each text's first token, as an index into N."""
        texts, longest = self.view.texts, self.view.longest
        starts = torch.arange(texts, device=self.words.device) * longest
        if self.mask is None:
            return starts
        if self.view.index is None:
            return starts + self.mask.int().argmax(1)
        lengths = self.mask.sum(1)
        return lengths.cumsum(0) - lengths

    def padded(self, x: Tensor, fill: float = 0.0) -> Tensor:
        """[N, …] -> [B, T, …], with `fill` at padding."""
        x = self.view.pad(x, fill)
        if self.mask is not None and self.view.index is None:  # compiled: padding was computed along
            x = x.masked_fill(~self.mask.view(*self.mask.shape, *[1] * (x.dim() - 2)), fill)
        return x

    def labels(self, labels: Tensor) -> Tensor:
        """Labels of tokens, int64 [B, T] -> [N]; those of padding count nowhere."""
        if self.mask is not None:
            labels = labels.masked_fill(~self.mask, IGNORE)
        return self.view.unpad(labels)

    def rounded(self, x: Tensor) -> Tensor:
        """[rows, D] -> the same with zeros below, up to a round number of rows; as it is without parts."""
        if self.parts is None:
            return x
        return F.pad(x, (0, 0, 0, _rounded(len(x), _ROWS) - len(x)))


def _rounded(number: int, multiple: int) -> int:
    """The next multiple, or that of a power of two that is at most a sixteenth of the number."""
    multiple = max(multiple, 1 << number.bit_length() >> 5)
    return -(-number // multiple) * multiple


def _part(batch: Batch, first: int, end: int, device: torch.device | str, multiple: int = 1) -> Part:
    """The texts from `first` to before `end`, in views whose length is rounded up to a multiple."""

    def view_of(counts: np.ndarray) -> View:
        """Of so many rows a text."""
        most = int(counts.max())
        longest = _rounded(most, multiple) if multiple > 1 < most else most
        places = np.flatnonzero(np.arange(longest) < counts[:, None])
        full = len(places) == len(counts) * longest
        return View(len(counts), longest, None if full else torch.tensor(places, device=device))

    lengths = batch.lengths[first:end]
    view = view_of(lengths)
    mask = None
    if view.index is not None or batch.attended is not None:
        attended = lengths if batch.attended is None else batch.attended[first:end]
        mask = torch.tensor(np.arange(view.longest) < attended[:, None], device=device)
    return Part(view, mask, view if batch.rows is None else view_of(batch.row_counts[first:end]))


def _parts(batch: Batch, device: torch.device | str) -> tuple[Part, ...]:
    """All texts in parts: short texts beside long ones are cut off where they would waste much.

    Batches are in order of length (`plan`); in any other order there are more parts, or more is wasted.
    """
    starts, longest, needed = [0], 0, 0
    for place, length in enumerate(batch.lengths.tolist()):
        longest, needed = max(longest, length), needed + length**2
        if place % _TEXTS == 0 and (place + 1 - starts[-1]) * longest**2 - needed > _WASTE:
            starts, longest, needed = [*starts, place], length, length**2
    return tuple(_part(batch, *ends, device, _PLACES) for ends in pairwise([*starts, batch.size]))
