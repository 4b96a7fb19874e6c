"""The head of a regression while it is trained: it learns numbers of any size as well as those near 0 and 1."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


class NumbersHead(nn.Linear):
    """A linear head whose weights count in spreads from the mean of the numbers that it learns.

    An optimizer's steps are of one size, whatever the numbers: lengths of 300 and rates of 0.002 are the same to it.
    """

    def __init__(self, head: nn.Linear, numbers: Sequence[float], *, fresh: bool) -> None:
        """It gives what `head` gives; a fresh one begins at the mean of the numbers, and with their spread."""
        super().__init__(head.in_features, head.out_features)
        self.mean, self.spread = float(np.mean(numbers)), float(np.std(numbers)) or 1.0
        with torch.no_grad():
            self.weight.copy_(head.weight if fresh else head.weight / self.spread)
            self.bias.copy_(torch.zeros_like(head.bias) if fresh else (head.bias - self.mean) / self.spread)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).float() * self.spread + self.mean

    def in_spreads(self, numbers: Tensor) -> Tensor:
        """The numbers as the weights count."""
        return (numbers - self.mean) / self.spread

    def plain(self) -> nn.Linear:
        """The same as a head of the numbers themselves."""
        head = nn.Linear(self.in_features, self.out_features)
        with torch.no_grad():
            head.weight.copy_(self.weight.cpu() * self.spread)
            head.bias.copy_(self.bias.cpu() * self.spread + self.mean)
        return head


def save_plain(model: Any, out: Path) -> None:
    """Write a model; its head, if it is a `NumbersHead`, as one of the numbers themselves."""
    head = getattr(model, "classifier", None)
    if not isinstance(head, NumbersHead):
        model.save_pretrained(out)
        return
    model.classifier = head.plain()
    try:
        model.save_pretrained(out)
    finally:
        model.classifier = head


def in_spreads(model: Any, *numbers: Tensor) -> list[Tensor]:
    """Numbers as the model's head counts them: in spreads from their mean, if it is a `NumbersHead`."""
    head = getattr(model, "classifier", None)
    return [head.in_spreads(each.float()) for each in numbers] if isinstance(head, NumbersHead) else list(numbers)
