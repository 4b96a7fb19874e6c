"""A weight in any file: what is known of it before it is read, and how its numbers are read and written."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..errors import CheckpointError, short_repr

DType = Literal["float32", "float16", "bfloat16"]
STORED_AS: dict[DType, str] = {"float32": "F32", "float16": "F16", "bfloat16": "BF16"}
_LARGEST = {"F16": 65504.0, "BF16": float(np.uint32(0x7F7F0000).view(np.float32))}
_FLOATS = ("F64", "F32", "F16", "BF16")
_BLOCK = 1 << 20
# by safetensors' names; the bits of a bfloat16 are the upper half of a float32's
NUMBERS: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}


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


def mapped(path: Path, offset: int, shape: tuple[int, ...], numbers: np.dtype[Any]) -> np.ndarray:
    """A view of the part of a file that begins at `offset`."""
    if 0 in shape:  # nothing cannot be mapped
        return np.empty(shape, numbers)
    return np.memmap(path, numbers, "r", offset, shape)


def as_float32(array: np.ndarray, dtype: str) -> np.ndarray:
    """Numbers of safetensors' `dtype`, in either byte order, as float32; not copied where they are that already.

    Raises CheckpointError for numbers that are not floating-point, or too large.
    """
    if dtype not in _FLOATS:
        raise CheckpointError(f"a weight is stored as {short_repr(dtype)}; use one of {', '.join(_FLOATS)}")
    if dtype == "BF16":
        return (array.astype("<u4") << 16).view("<f4")
    with np.errstate(over="raise"):
        try:
            return array.astype("<f4", copy=False)
        except FloatingPointError:
            raise CheckpointError(f"a weight holds {np.abs(array).max():g}, too large for float32") from None


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
