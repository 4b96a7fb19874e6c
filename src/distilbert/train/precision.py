"""Whether to compute in bfloat16: a short trial of the processor says it."""

import dataclasses
import time
from functools import cache
from typing import TypeVar

import torch

from ..arguments import LoopArguments

Settings = TypeVar("Settings", bound=LoopArguments)

_WIDTH, _TURNS = 256, 6  # of the matrices that are multiplied, and how often
_WORTH = 1.5  # by how much faster products have to be, for training has more to do than products


def with_precision(arguments: Settings) -> Settings:
    """The settings with a precision in place of "auto": bfloat16 on a CPU that is much faster with it, else float32."""
    if arguments.precision != "auto":
        return arguments
    on_cpu = arguments.device == "cpu" or not (torch.cuda.is_available() or torch.backends.mps.is_available())
    return dataclasses.replace(arguments, precision="bfloat16" if on_cpu and _bfloat16_is_faster() else "float32")


@cache
def _bfloat16_is_faster() -> bool:
    """By the best of several turns of each, one after the other: a busy machine then slows both."""
    turns = [(_seconds(torch.float32), _seconds(torch.bfloat16)) for _ in range(_TURNS)]
    single, half = map(min, zip(*turns, strict=True))
    return single > _WORTH * half


def _seconds(dtype: torch.dtype) -> float:
    """Of one product of matrices."""
    matrix = torch.ones(_WIDTH, _WIDTH, dtype=dtype)
    started = time.perf_counter()
    torch.mm(matrix, matrix)
    return time.perf_counter() - started
