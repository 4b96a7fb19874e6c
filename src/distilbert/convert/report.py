"""What a conversion did with every weight: the mapping report."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError, short_repr, translated
from ..files import write_json


@dataclasses.dataclass(frozen=True, slots=True)
class Mapped:
    """A weight that was written. `dtype` is how the source stored it, `stored_as` how it is stored now."""

    source: str
    target: str
    shape: tuple[int, ...]
    dtype: str
    stored_as: str


@dataclasses.dataclass(frozen=True, slots=True)
class LeftOut:
    """A weight of the source that was not written, and why."""

    source: str
    shape: tuple[int, ...]
    dtype: str
    reason: str


@dataclasses.dataclass(frozen=True, slots=True)
class Report:
    """The account of one conversion. `str(report)` is for people, `to_dict()` and `save()` for programs.

    Attributes:
        source, out: the folders (or file) read and written.
        model: what was made, such as "DistilBertForMaskedLM".
        mapped: the weights written, in the order of the forward pass.
        left_out: the weights that were not, and why.
        files: what was brought along beside the weights.
        notes: where the result differs from the source.
    """

    source: str
    out: str
    model: str
    mapped: tuple[Mapped, ...]
    left_out: tuple[LeftOut, ...]
    files: tuple[str, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values, ready for `json.dumps`."""
        return dataclasses.asdict(self)

    def save(self, path: str | Path) -> None:
        """Write `to_dict()` as JSON, whole or not at all. Raises InputError for a place that cannot be written."""
        with translated((OSError, ValueError), InputError, f"{short_repr(str(path))}: the report cannot be written"):
            write_json(Path(path), self.to_dict())

    def __str__(self) -> str:
        rows = [("source", "target", "shape", "dtype")]
        rows += [(w.source, w.target, _shape(w.shape), _dtypes(w)) for w in self.mapped]
        lines = [f"{self.source} -> {self.out} ({self.model})", "", *_columns(rows)]
        if self.left_out:
            lines += ["", "left out"]
            lines += _columns([(w.source, _shape(w.shape), w.dtype, w.reason) for w in self.left_out])
        if self.files:
            lines += ["", f"brought along: {', '.join(self.files)}"]
        lines += [f"note: {note}" for note in self.notes]
        return "\n".join(lines)


def _shape(shape: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, shape))}]"


def _dtypes(weight: Mapped) -> str:
    return weight.dtype if weight.dtype == weight.stored_as else f"{weight.dtype} -> {weight.stored_as}"


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows of equal length, their cells aligned."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
