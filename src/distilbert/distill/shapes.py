"""Shapes of students that are worth a trial, by the shape of their teacher."""

from typing import Literal

from ..arguments import Shape
from ..config import DistilBertConfig

_DEPTHS = (1 / 6, 1 / 3, 1 / 2)  # of the teacher's layers
# of the teacher's width and of its hidden units: thinner layers keep more than narrower ones (docs/distillation.md)
_SIZES = ((1.0, 1 / 4), (1.0, 1 / 2), (2 / 3, 1 / 3))


def candidate_shapes(teacher: DistilBertConfig, vocab_size: int | Literal["auto"]) -> list[Shape]:
    """Up to nine shapes below the teacher's."""
    found = {
        Shape(
            layers=max(1, round(teacher.n_layers * depth)),
            dim=max(1, round(teacher.n_heads * width)) * teacher.head_dim,
            hidden_dim=max(1, round(teacher.hidden_dim * hidden)),
            vocab_size=vocab_size,
        )
        for depth in _DEPTHS
        for width, hidden in _SIZES
    }
    return sorted(found, key=lambda shape: (shape.layers, shape.dim, shape.hidden_dim))


def shape_name(shape: Shape) -> str:
    """As `Shape.parse` takes it."""
    return f"{shape.layers}x{shape.dim}" + (f"x{shape.hidden_dim}" if shape.hidden_dim else "")
