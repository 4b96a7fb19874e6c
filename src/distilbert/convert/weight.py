"""A weight in any file: what is known of it before it is read, and how its numbers are written."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..errors import CheckpointError

__all__ = ["STORED_AS", "DType", "Weight", "encode"]

DType = Literal["float32", "float16", "bfloat16"]
STORED_AS: dict[DType, str] = {"float32": "F32", "float16": "F16", "bfloat16": "BF16"}
_LARGEST = {"F16": 65504.0, "BF16": float(np.uint32(0x7F7F0000).view(np.float32))}


@dataclass(frozen=True, eq=False)
class Weight:
    """A tensor of a file. Nothing is read before `read()`.

    Attributes:
        name: as the file calls it.
        shape: of the tensor.
        dtype: as safetensors calls it: "F32", "F16", "BF16", "F64", "I64", …
        read: gives the numbers as float32 of that shape, a view of the mapped file where that is possible.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], np.ndarray]


def encode(weight: Weight, stored_as: str) -> np.ndarray:
    """The weight's numbers as they are written: little-endian F32, F16, or BF16 (its bits in a uint16).

    Rounds to the nearest, ties to even. Raises CheckpointError for a number that the format cannot hold.
    """
    array = np.ascontiguousarray(weight.read(), "<f4")
    if stored_as == "F32":
        return array
    if (np.abs(array) > _LARGEST[stored_as]).any():
        raise CheckpointError(f"{weight.name} holds {np.abs(array).max():g}, too large for {stored_as}; use float32")
    if stored_as == "F16":
        return array.astype("<f2")
    bits = array.view("<u4")
    rounded = (bits + (0x7FFF + ((bits >> 16) & 1))) >> 16
    return np.where(np.isnan(array), (bits >> 16) | 0x40, rounded).astype("<u2")
