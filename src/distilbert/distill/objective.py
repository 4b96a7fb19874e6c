"""Imitate: the objective of a student, made of its teacher's lessons and, where there are any, of labels.

Each task's own objective (objectives.py) says what an item is and what a label costs; here the teacher's word joins it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..data.examples import Data, PlainText
from ..errors import InputError
from ..nn import Packed
from ..tokenizer import BertTokenizer
from ..train.objectives import CHOSEN, IGNORED, FillMasks, Item, TaskObjective, Whole, device_of
from .losses import cosine_loss, relation_loss, soft_binary_loss, soft_loss, squared_loss
from .teacher import Wanted, listen
from .teacher_cache import Lessons

_SMOOTHING = 0.7
_SHORT = 11  # tokens
_UNKNOWN = 0.5  # share of a block's tokens


@dataclass(frozen=True)
class LossWeights:
    """How much each loss counts; 0: not at all.

    Attributes:
        soft: the teacher's output, at `temperature`.
        hard: the labels (of masked LM: the tokens behind the masks).
        cosine: the direction of the last hidden states.
        hidden: hidden states of layers that lie at the same height, the embeddings included.
        attention: the relations among the last layer's queries, keys and values.
    """

    soft: float
    hard: float
    cosine: float = 0.0
    hidden: float = 0.0
    attention: float = 0.0
    temperature: float = 2.0


@dataclass(frozen=True, eq=False)
class TaughtItem(Item):
    """An item and its number, by which the teacher's word on it is found."""

    number: int = -1


class EmbedTexts(TaskObjective):
    """Texts to be embedded as the teacher does; there are no labels."""

    def __init__(self, texts: Sequence[np.ndarray], rows: np.ndarray | None) -> None:
        super().__init__([Item((ids,), None if rows is None else (rows,), None) for ids in texts])

    def loss_of(self, model: Any, output: Tensor, batch: Packed, items: Sequence[Item]) -> Tensor:
        return output.new_zeros(())


class SmoothedMasks(FillMasks):
    """Masks as DistilBERT was distilled with (Sanh et al. 2019, and its training code): 15 % of the tokens of a block,
    drawn in proportion to count^-0.7, so that rare words are asked for more often. Short blocks, and those that the
    vocabulary hardly knows, are left out.
    """

    def __init__(self, data: Data[PlainText], tokenizer: BertTokenizer, max_length: int, *, every_row: bool) -> None:
        """`every_row`: the head reads all tokens, and the label of one that is not masked is `IGNORED`."""
        super().__init__(data, tokenizer, max_length)
        self.items = [
            item
            for item in self.items
            if item.tokens > _SHORT and (item.texts[0] == tokenizer.unk_token_id).mean() < _UNKNOWN
        ]
        if not self.items:
            raise InputError(f"{data.source}: has no text of more than {_SHORT} tokens that the vocabulary knows")
        counts = np.bincount(np.concatenate([item.texts[0] for item in self.items]), minlength=tokenizer.vocab_size)
        self._pull = np.maximum(counts, 1) ** -_SMOOTHING
        self._every_row = every_row

    def choose(self, ids: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        weights = self._pull[ids]
        return np.sort(rng.choice(len(ids), math.ceil(CHOSEN * len(ids)), replace=False, p=weights / weights.sum()))

    def draw(self, item: Item, rng: np.random.Generator) -> Item:
        drawn = super().draw(item, rng)
        if not self._every_row:
            return drawn
        targets = np.full(drawn.tokens, IGNORED)
        targets[(drawn.rows or ())[0]] = drawn.target
        return replace(drawn, rows=None, target=targets)


class Learner(nn.Module):
    """A student with what it needs while it learns: a linear layer from each state's width to the teacher's.

    Attributes:
        student: a model of `distilbert.nn`.
        raise_states: of each hidden state that is compared; nothing (an identity) where the widths are the same.
        raise_vectors: of sentence vectors, which keep it; None where there are none.
    """

    def __init__(self, student: Any, states: int, width: int, kept: np.ndarray | None, *, vectors: int) -> None:
        """
        Args:
            student: a model of `distilbert.nn`.
            states: how many hidden states are compared, each with one of the teacher's of `width` numbers.
            kept: int64 [D], which of the teacher's numbers the student's began as; None where that cannot be said.
            vectors: the width of the teacher's sentence vectors; 0: none are compared.
        """
        super().__init__()
        self.student = student
        own = student.config.dim

        def raising(to: int) -> nn.Module:
            if own == to:
                return nn.Identity()
            layer = nn.Linear(own, to)
            with torch.no_grad():
                layer.bias.zero_()
                if kept is not None and to == width:  # at first they are where they come from
                    layer.weight.zero_()[torch.from_numpy(kept), torch.arange(own)] = 1.0
            return layer

        self.raise_states = nn.ModuleList(raising(width) for _ in range(states))
        self.raise_vectors = raising(vectors) if vectors else None


class Imitate:
    """Come close to the teacher: the weighted sum of the losses in losses.py and of the task's own.

    Means are over rows (texts, words, masks) for outputs and labels, over tokens for all else. An item without a label
    has the teacher's word alone.
    """

    whole_steps = False

    def __init__(
        self,
        base: TaskObjective,
        lessons: Lessons,
        weights: LossWeights,
        wanted: Wanted,
        *,
        kind: str,
        heads: int = 1,
        columns: np.ndarray | None = None,
        every_row: bool = False,
    ) -> None:
        """
        Args:
            base: the task's objective on the student's items.
            wanted: of the student; the lessons have the teacher's counterparts.
            kind: of output: "classes", "several" (labels that stand each for itself), "numbers", "span" or "vectors".
            heads: of the relations.
            columns: int64 [V], the teacher's pieces that the student has; None for all.
            every_row: whether the soft loss is over all tokens, not over the masked ones alone.
        """
        self.items: Sequence[Item] = [
            TaughtItem(**{field.name: getattr(item, field.name) for field in fields(Item)}, number=number)
            for number, item in enumerate(base.items)
        ]
        self._base, self._lessons, self._weights, self._wanted = base, lessons, weights, wanted
        self._soft = _SOFT[kind]
        self._heads, self._columns, self._every_row = heads, columns, every_row

    def draw(self, item: Item, rng: np.random.Generator) -> Item:
        return self._base.draw(item, rng)

    def loss(self, model: Learner, items: Sequence[Item], whole: Whole) -> Tensor:
        student, weights = model.student, self._weights
        heard, batch = listen(student, items, self._wanted)
        numbers = [item.number for item in items if isinstance(item, TaughtItem)]
        lesson = self._lessons.of(numbers, items, device_of(student))
        truth = lesson.output
        if self._columns is not None:
            truth = truth[:, torch.from_numpy(self._columns).to(truth.device)]
        output = heard.output if model.raise_vectors is None else model.raise_vectors(heard.output)
        rows = whole.tokens if self._every_row else whole.weight
        loss = weights.soft * self._soft(output, truth, batch, weights.temperature) / rows
        if weights.hard:
            loss = loss + weights.hard * self._base.loss_of(student, output, batch, items) / whole.weight
        inside = loss.new_zeros(())
        raised = [layer(state) for layer, state in zip(model.raise_states, heard.states, strict=True)]
        if weights.hidden:
            inside = inside + weights.hidden * sum(map(squared_loss, raised, lesson.states)) / len(raised)
        if weights.cosine:
            inside = inside + weights.cosine * cosine_loss(raised[-1], lesson.states[-1])
        if weights.attention:
            pairs = zip(heard.relations, lesson.relations, strict=True)
            each = [relation_loss(own, theirs, batch.view, batch.mask, self._heads) for own, theirs in pairs]
            inside = inside + weights.attention * sum(each) / len(each)
        return loss + inside / whole.tokens


def _classes(output: Tensor, truth: Tensor, _batch: Packed, temperature: float) -> Tensor:
    return soft_loss(output, truth, temperature)


def _several(output: Tensor, truth: Tensor, _batch: Packed, temperature: float) -> Tensor:
    return soft_binary_loss(output, truth, temperature)


def _numbers(output: Tensor, truth: Tensor, _batch: Packed, _temperature: float) -> Tensor:
    return squared_loss(output, truth)


def _span(output: Tensor, truth: Tensor, batch: Packed, temperature: float) -> Tensor:
    """The mean of the two softmaxes over each text's own tokens: where an answer starts and where it ends."""
    said, right = (batch.view.pad(own.float(), -torch.inf).transpose(1, 2) for own in (output, truth))  # [B, 2, T]
    return soft_loss(said, right, temperature) / 2


def _vectors(output: Tensor, truth: Tensor, _batch: Packed, _temperature: float) -> Tensor:
    return cosine_loss(output, truth)


_SOFT: dict[str, Callable[[Tensor, Tensor, Packed, float], Tensor]] = {
    "classes": _classes,
    "several": _several,
    "numbers": _numbers,
    "span": _span,
    "vectors": _vectors,
}


def taught_items(items: Sequence[Item], read: Sequence[Item]) -> list[int]:
    """The numbers of the items that teacher and student read with the same rows: those of which something can be told.

    Two tokenizers may cut a long sentence at different words. Raises InputError where nothing is left.
    """
    if len(items) != len(read):
        raise InputError("the two tokenizers cut long texts differently: give a shorter text, or a larger max_length")
    same = [
        number for number, (own, theirs) in enumerate(zip(items, read, strict=True)) if _counts(own) == _counts(theirs)
    ]
    if not same:
        raise InputError("teacher and student have no text that they read alike")
    return same


def _counts(item: Item) -> list[int] | None:
    return None if item.rows is None else [len(rows) for rows in item.rows]


def mapped_item(item: Item, pieces: np.ndarray) -> Item:
    """The student's item as the teacher reads it: `pieces` [V] are the teacher's ids of the student's."""
    return replace(item, texts=tuple(pieces[ids] for ids in item.texts))
