"""Safetensors files: read under any framework's names, and written tensor by tensor, so a model is never in memory."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

from ..folder.weights import NUMBERS, Weight, read_header
from .foreign_names import in_torch_form
from .rounding import encode


def read(path: Path) -> dict[str, Weight]:
    """The weights by PyTorch's names, those too that Transformers' classes for TensorFlow and Flax saved."""
    weights = read_header(path)
    if any(name.endswith("/kernel:0") for name in weights):  # TensorFlow
        return in_torch_form(path, {tuple(name.removesuffix(":0").split("/")): each for name, each in weights.items()})
    if any(name.endswith(".kernel") for name in weights):  # Flax
        return in_torch_form(path, {tuple(name.split(".")): each for name, each in weights.items()})
    return weights


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
