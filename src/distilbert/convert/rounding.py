"""How the numbers of a weight are called, and written: as float32, or rounded to float16 or bfloat16."""

from typing import Any, Literal

import numpy as np

from ..errors import CheckpointError, short_repr
from ..folder.weights import NUMBERS, Weight

DType = Literal["float32", "float16", "bfloat16"]
STORED_AS: dict[DType, str] = {"float32": "F32", "float16": "F16", "bfloat16": "BF16"}
_LARGEST = {"F16": 65504.0, "BF16": float(np.uint32(0x7F7F0000).view(np.float32))}
_BLOCK = 1 << 20


def dtype_name(numbers: np.dtype[Any]) -> str:
    """Safetensors' name of a type of NumPy's; NumPy's own, cut, where it has none. NumPy has no bfloat16."""
    known = (name for name in NUMBERS if name != "BF16" and NUMBERS[name] == numbers.newbyteorder("<"))
    return next(known, short_repr(numbers))


def encode(weight: Weight, stored_as: str) -> np.ndarray:
    """The weight's numbers as they are written: little-endian F32, F16, or BF16 (its bits in a uint16).

    Rounds to the nearest, ties to even. Raises CheckpointError for a number that the format cannot hold.
    """
    numbers = np.ascontiguousarray(weight.read(), "<f4")
    if stored_as == "F32":
        return numbers
    flat = numbers.reshape(-1)
    out = np.empty(flat.shape, NUMBERS[stored_as])
    for start in range(0, len(flat), _BLOCK):  # by blocks, so that what is made on the way stays small
        block = flat[start : start + _BLOCK]
        largest = np.fmax.reduce(np.abs(block))  # of those that are not NaN
        if largest > _LARGEST[stored_as]:
            raise CheckpointError(f"{weight.name} holds {largest:g}, too large for {stored_as}; use float32")
        out[start : start + _BLOCK] = block.astype("<f2") if stored_as == "F16" else _bfloat16(block)
    return out.reshape(numbers.shape)


def _bfloat16(numbers: np.ndarray) -> np.ndarray:
    """The upper halves of float32 numbers, rounded; a NaN stays one."""
    bits = numbers.view("<u4")
    rounded = (bits + (0x7FFF + ((bits >> 16) & 1))) >> 16
    return np.where(np.isnan(numbers), (bits >> 16) | 0x40, rounded)
