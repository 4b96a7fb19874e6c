"""The objective of distillation: a student's outputs come close to its teacher's, and to labels where there are any.

Each task's own objective (train/objectives.py) says what an item is, and its loss against a label.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..arguments import LossWeights
from ..config_keys import Problem
from ..nn import Packed
from ..train.numbers import in_spreads
from ..train.objective import Item, Objective, StepTotals, TaskObjective, device_of
from .losses import cosine_loss, relation_loss, soft_binary_loss, soft_loss, squared_loss
from .projections import StudentWithProjections
from .teacher import RequestedOutputs, read_model
from .teacher_cache import TeacherOutputs

# of the student's and the teacher's output, the batch and the temperature
SoftLoss = Callable[[Tensor, Tensor, Packed, float], Tensor]


@dataclass(frozen=True, eq=False)
class NumberedItem(Item):
    """An item and its number, by which the teacher's outputs for it are found."""

    number: int = -1


class EmbedTexts(TaskObjective):
    """Texts whose vectors are compared with the teacher's; there are no labels."""

    def __init__(self, texts: Sequence[np.ndarray], rows: np.ndarray | None) -> None:
        super().__init__([Item((ids,), None if rows is None else (rows,), None) for ids in texts])

    def loss_of(self, model: Any, output: Tensor, batch: Packed, items: Sequence[Item]) -> Tensor:
        return output.new_zeros(())


class DistillationObjective(Objective):
    """The weighted sum of the losses in losses.py and of the task's own.

    Means are over rows (texts, words, masks) for outputs and labels, over tokens for hidden states and attention. For
    an item without a label the teacher's losses are all there is.
    """

    def __init__(
        self,
        base: TaskObjective,
        teacher_outputs: TeacherOutputs,
        weights: LossWeights,
        requested: RequestedOutputs,
        *,
        soft: SoftLoss,
        heads: int = 1,
        columns: np.ndarray | None = None,
        every_row: bool = False,
    ) -> None:
        """
        Args:
            base: the task's objective on the student's items.
            requested: of the student; `teacher_outputs` have the teacher's counterparts.
            heads: of the relations.
            columns: int64 [V], the teacher's pieces that the student has; None for all.
            every_row: whether the soft loss is over all tokens, not over the masked ones alone.
        """
        self.items = [
            NumberedItem(**{field.name: getattr(item, field.name) for field in fields(Item)}, number=number)
            for number, item in enumerate(base.items)
        ]
        self._base, self._teacher_outputs, self._weights, self._requested = base, teacher_outputs, weights, requested
        self._soft, self._heads, self._columns, self._every_row = soft, heads, columns, every_row

    def draw(self, item: Item, rng: np.random.Generator) -> Item:
        return self._base.draw(item, rng)

    def loss(self, model: StudentWithProjections, items: Sequence[Item], totals: StepTotals) -> Tensor:
        student, weights = model.student, self._weights
        ours, batch = read_model(student, items, self._requested)
        numbers = [item.number for item in items if isinstance(item, NumberedItem)]
        teacher = self._teacher_outputs.of(numbers, items, device_of(student))
        truth = teacher.output
        if self._columns is not None:
            truth = truth[:, torch.from_numpy(self._columns).to(truth.device)]
        output = ours.output if model.vector_projection is None else model.vector_projection(ours.output)
        rows = totals.tokens if self._every_row else totals.weight
        said, told = in_spreads(student, output, truth)
        loss = weights.soft * self._soft(said, told, batch, weights.temperature) / rows
        if weights.hard:
            loss = loss + weights.hard * self._base.loss_of(student, output, batch, items) / totals.weight
        per_token = loss.new_zeros(())
        states = [project(state) for project, state in zip(model.state_projections, ours.states, strict=True)]
        if weights.hidden:
            per_token = per_token + weights.hidden * sum(map(squared_loss, states, teacher.states)) / len(states)
        if weights.cosine:
            per_token = per_token + weights.cosine * cosine_loss(states[-1], teacher.states[-1])
        if weights.attention:
            pairs = zip(ours.relations, teacher.relations, strict=True)
            losses = [relation_loss(*pair, batch.view, batch.mask, self._heads) for pair in pairs]
            per_token = per_token + weights.attention * sum(losses) / len(losses)
        return loss + per_token / totals.tokens


def soft_loss_of(task: str, problem: Problem | None) -> SoftLoss:
    """The loss of a task's outputs against its teacher's."""
    if task == "question-answering":
        return _span
    if task == "sentence-similarity":
        return lambda output, truth, *_: cosine_loss(output, truth)
    if problem == "multi_label_classification":
        return lambda output, truth, _, temperature: soft_binary_loss(output, truth, temperature)
    if problem == "regression":
        return lambda output, truth, *_: squared_loss(output, truth)
    return lambda output, truth, _, temperature: soft_loss(output, truth, temperature)


def _span(output: Tensor, truth: Tensor, batch: Packed, temperature: float) -> Tensor:
    """The mean of two softmaxes over the tokens of each text: where an answer starts and where it ends."""
    student, teacher = (batch.view.pad(x.float(), -torch.inf).transpose(1, 2) for x in (output, truth))  # [B, 2, T]
    return soft_loss(student, teacher, temperature) / 2
