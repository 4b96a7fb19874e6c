"""The loss of the evaluation examples, which reports draw beside the training loss."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import nn

from ..arguments import LoopArguments
from ..batch import plan
from ..data.examples import Data, LabelledText, TaggedWords
from .loop import autocast
from .objective import Item, Objective, StepTotals


def evaluation_loss(
    model: nn.Module, objective: Objective, arguments: LoopArguments, accelerator: Accelerator
) -> float:
    """The mean loss of an objective's items as training has it, without dropout; what is random is the same each time.

    Items that have to be in one batch are taken in steps of `batch_size`, in order.
    """
    rng = np.random.default_rng(arguments.seed)
    items = [objective.draw(item, rng) for item in objective.items]
    weight, total = 0.0, 0.0
    with torch.no_grad(), autocast(arguments, accelerator.device):
        for batch in _batches(objective, items, arguments):
            totals = StepTotals.of(batch)
            if totals.weight:
                total += totals.weight * float(objective.loss(model, batch, totals))
                weight += totals.weight
    return total / weight if weight else float("nan")


def with_known_labels(part: Data[Any], labels: Sequence[str]) -> Data[Any] | None:
    """The examples whose labels a model has, as no other has a loss; None where there are none."""
    if part.labels == tuple(labels):
        return part
    known = [example for example in part.examples if _labels(example) <= {*labels}]
    return dataclasses.replace(part, examples=known, labels=tuple(labels)) if known else None


def _labels(example: Any) -> set[str]:
    match example:
        case LabelledText(label=str(label)):
            return {label}
        case LabelledText(label=tuple(labels)) | TaggedWords(labels=labels):
            return {*labels}
    return set()


def _batches(objective: Objective, items: Sequence[Item], arguments: LoopArguments) -> list[Sequence[Item]]:
    if objective.whole_steps:
        size = arguments.batch_size
        return [items[start : start + size] for start in range(0, len(items), size)]
    batches = plan([item.tokens for item in items], arguments.max_batch_tokens)
    return [[items[index] for index in batch] for batch in batches]
