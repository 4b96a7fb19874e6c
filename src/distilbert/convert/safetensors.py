"""Safetensors files: read by `checkpoint`, written here tensor by tensor, so that a model is never whole in memory."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

from ..checkpoint import Tensor
from .weight import Weight, encode

__all__ = ["from_tensors", "write"]

_BYTES = {"F32": 4, "F16": 2, "BF16": 2}


def from_tensors(tensors: Mapping[str, Tensor]) -> dict[str, Weight]:
    """The places that a safetensors header names, as weights to convert."""
    return {name: Weight(name, tensor.shape, tensor.dtype, tensor.read) for name, tensor in tensors.items()}


def write(path: Path, weights: Mapping[str, Weight], stored_as: str) -> None:
    """Write `weights` under their keys in this mapping."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, weight in weights.items():
        start, end = end, end + _BYTES[stored_as] * math.prod(weight.shape)
        header[name] = {"dtype": stored_as, "shape": list(weight.shape), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # so that the tensors are aligned
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for weight in weights.values():
            file.write(encode(weight, stored_as).data)
