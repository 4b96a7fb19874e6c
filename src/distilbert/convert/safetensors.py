"""Safetensors files: read by `checkpoint`, written here tensor by tensor, so that a model is never whole in memory."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ..errors import CheckpointError
from ..folder.checkpoint import Tensor, read_header
from .weight import NUMBERS, Weight, as_float32, encode, mapped


def read(path: Path) -> dict[str, Weight]:
    """The tensors of one file, by name. Raises CheckpointError naming the file and what is wrong with it."""
    return {name: _weight(tensor) for name, tensor in read_header(path).items()}


def _weight(tensor: Tensor) -> Weight:
    def numbers() -> np.ndarray:
        if tensor.dtype not in NUMBERS:
            raise CheckpointError(f"{tensor.path}: {tensor.name} is stored as {tensor.dtype}, which is not read here")
        return as_float32(mapped(tensor.path, tensor.offset, tensor.shape, NUMBERS[tensor.dtype]), tensor.dtype)

    return Weight(tensor.name, tensor.shape, tensor.dtype, numbers)


def write(path: Path, weights: Mapping[str, Weight], stored_as: str) -> None:
    """Write `weights` under their keys in this mapping."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, weight in weights.items():
        start, end = end, end + NUMBERS[stored_as].itemsize * math.prod(weight.shape)
        header[name] = {"dtype": stored_as, "shape": list(weight.shape), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # so that the tensors are aligned
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for weight in weights.values():
            file.write(encode(weight, stored_as).data)
