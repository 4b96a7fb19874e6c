"""An objective: what the loop trains a model on. Each task's is in objectives.py, a student's in distill/.

The loop knows nothing else of a task: another way of training is another objective.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from ..batch import Batch
from ..nn import Packed

AnyModel = Any  # one of distilbert.nn, whose `run` and `loss` an nn.Module does not declare


@dataclass(frozen=True, eq=False)
class Item:
    """One training item: a text, or several that belong together, such as a pair.

    Attributes:
        texts: int64 [T_i], the token ids of each text.
        rows: of each text, the positions whose last hidden state the head reads; None: every position of every text.
        target: the label, in the form that the objective reads.
        weight: of the item in the mean loss: the number of its labels, or the sum of their weights.
    """

    texts: tuple[np.ndarray, ...]
    rows: tuple[np.ndarray, ...] | None
    target: Any
    weight: float = 1.0

    @property
    def tokens(self) -> int:
        return sum(map(len, self.texts))


@dataclass(frozen=True)
class StepTotals:
    """Totals of a step over all its batches and processes, by which a batch divides its sums to get its share.

    Attributes:
        weight: of all items.
        tokens: of all texts, special tokens included.
    """

    weight: float
    tokens: int

    @classmethod
    def of(cls, items: Sequence[Item]) -> Self:
        return cls(sum(item.weight for item in items), sum(item.tokens for item in items))


class Objective:
    """What the loop asks of a task: base of all objectives.

    Attributes:
        items: all training items.
        whole_steps: whether the items of a step have to be in one batch, as in-batch negatives do.
    """

    items: Sequence[Item]
    whole_steps = False

    def draw(self, item: Item, rng: np.random.Generator) -> Item:
        """The item as it is trained on in this step, for example with masks drawn anew; by default as it is."""
        return item

    def loss(self, model: AnyModel, items: Sequence[Item], totals: StepTotals) -> Tensor:
        """The items' share of the mean loss of the whole step: a scalar."""
        raise NotImplementedError


class TaskObjective(Objective):
    """What the tasks' objectives have in common.

    An item without a label (`IGNORE` in its place) adds nothing to the loss; only distillation has such items.
    """

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = items

    def loss(self, model: AnyModel, items: Sequence[Item], totals: StepTotals) -> Tensor:
        batch = pack(model, items)
        return self.loss_of(model, model.run(batch), batch, items) / totals.weight

    def loss_of(self, model: AnyModel, output: Tensor, batch: Packed, items: Sequence[Item]) -> Tensor:
        """The sum of the items' losses, from the model's output [K, …] of their rows."""
        raise NotImplementedError


def batch_of(items: Sequence[Item]) -> Batch:
    """The items' texts, and the rows of each that the head reads."""
    texts = [text for item in items for text in item.texts]
    return Batch.pack(texts, None if items[0].rows is None else [rows for item in items for rows in item.rows or ()])


def pack(model: AnyModel, items: Sequence[Item]) -> Packed:
    """The items' texts as one packed batch on the model's device."""
    return packed_on(device_of(model), batch_of(items))


def packed_on(device: torch.device, batch: Batch) -> Packed:
    """A batch of training on a device."""
    return Packed.from_batch(batch, device, in_parts=device.type == "cpu")


def pooled(states: Tensor, batch: Packed) -> Tensor:
    """The mean of each text's rows, states [K, D] -> float32 [B, D]."""
    padded = batch.row_view.pad(states)
    if batch.rows is None and batch.mask is not None:
        return (padded.sum(1) / batch.mask.sum(1, keepdim=True)).float()
    return padded.mean(1).float()


def device_of(model: AnyModel) -> torch.device:
    device: torch.device = next(model.parameters()).device
    return device
