"""Safetensors files, written tensor by tensor, so that a model is never whole in memory."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

from ..folder.weights import NUMBERS, Weight
from .rounding import encode


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
