"""Packed: a batch without padding, on a device. What every layer of the model runs on.

B texts lie one after another in one row of N tokens, so that every matrix product runs on exactly N
rows. Attention alone sees a padded view, [B, T]. `distilbert.batch.Batch` is the same thing in NumPy.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from ..batch import Batch
from ..errors import InputError

IGNORE = -100  # the label of a token that no loss counts, as in Transformers


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
class Packed:
    """B texts, at least one token each, as one row of N tokens.

    Made by `from_batch`, which training loops and the engine use, or by `from_padded`.

    Attributes:
        words: int64 [N] token ids, or float [N, D] embeddings in their place.
        positions: int64 [N], each token's place in its text.
        view: the tokens as B texts by T places.
        mask: bool [B, T], True for a token that is attended to; None where every place holds one.
        rows: int64 [K], the tokens (indices into N) whose last hidden state the head reads; None for all N.
        row_view: the rows as B texts by R places, R the most of one text.
    """

    words: Tensor
    positions: Tensor
    view: View
    mask: Tensor | None
    rows: Tensor | None
    row_view: View

    @classmethod
    def from_batch(cls, batch: Batch, device: torch.device | str = "cpu") -> Self:
        """From the arrays of a `distilbert.batch.Batch`: `Packed.from_batch(Batch.pack(ids, rows))`."""

        def move(array: np.ndarray) -> Tensor:
            return torch.tensor(array, device=device)

        ragged = bool((batch.lengths != batch.longest).any())
        index = batch.texts * batch.longest + batch.positions
        view = View(batch.size, batch.longest, move(index) if ragged else None)
        mask = move(batch.mask) if ragged or batch.attended is not None else None
        if batch.rows is None:
            return cls(move(batch.ids), move(batch.positions), view, mask, None, view)
        counts, most = batch.row_counts, int(batch.row_counts.max())
        ranks = np.arange(len(batch.rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        row_index = batch.texts[batch.rows] * most + ranks
        row_view = View(batch.size, most, None if (counts == most).all() else move(row_index))
        return cls(move(batch.ids), move(batch.positions), view, mask, move(batch.rows), row_view)

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
