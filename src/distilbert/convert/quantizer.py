"""Quantizer: a float checkpoint -> the same in int8, some matrices left in float32, in memory or as files."""

import dataclasses
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from .. import int8
from ..errors import CheckpointError
from ..files import write_json, written_whole
from ..folder.checkpoint import Checkpoint, key_table
from ..folder.layout import CONFIG, WEIGHTS
from ..folder.weight_names import PREFIX, WORDS
from ..folder.weights import Weight

_STRENGTH = 0.65  # of smoothing; chosen by measurement, see docs/performance.md
_LEAST = 1e-5  # of the largest: columns that are smaller count as this


class Quantizer:
    """Makes checkpoints in int8 of a float one. Each matrix is quantised once, however many checkpoints have it.

    Args:
        source: the float checkpoint.
        bits: of the matrices' weights, 8 or 7; embeddings have 8.
        word_bits: of the word embeddings, 8 or 4.
        ranges: of the matrices' inputs, by `engine.input_ranges`; smoothing follows from them. None for no smoothing.
    """

    def __init__(
        self, source: Checkpoint, *, bits: int = 8, word_bits: int = 8, ranges: Mapping[str, np.ndarray] | None = None
    ) -> None:
        self.source = source
        self._bits, self._word_bits = bits, word_bits
        self._ranges = ranges
        self._table = key_table(source.config, source.head)
        self.quantize = cache(self._quantize)
        self.divisor = cache(self._divisor)

    def checkpoint(self, float32: Iterable[str] = ()) -> Checkpoint:
        """The checkpoint, in memory, with the matrices `float32` (see `int8.Scheme`) as they are."""
        scheme = self.scheme(float32)
        arrays = self.arrays(scheme)
        path = self.source.weights_files[0]  # where errors say that it is from
        tensors = {
            name: Weight(name, array.shape, int8.STORED_AS.get(name.rpartition(".")[2], "F32"), path, lambda a=array: a)  # type: ignore[misc]
            for name, array in arrays.items()
        }
        config = self.source.config
        config = dataclasses.replace(config, extra={**config.extra, int8.KEY: scheme.to_dict()})
        return dataclasses.replace(self.source, config=config, tensors=tensors)

    def write(self, folder: Path, float32: Iterable[str] = ()) -> None:
        """The same as config.json and model.safetensors, in a folder that is there."""
        scheme = self.scheme(float32)
        arrays = {name: np.ascontiguousarray(array) for name, array in self.arrays(scheme).items()}
        with written_whole(folder / WEIGHTS) as path:
            save_file(arrays, path, metadata={"format": "pt"})
        config = self.source.config.without_dtype().to_dict()
        config |= {int8.KEY: scheme.to_dict(), "architectures": [self.source.head.value]}
        write_json(folder / CONFIG, config)

    def scheme(self, float32: Iterable[str] = ()) -> int8.Scheme:
        return int8.Scheme(
            bits=self._bits, word_bits=self._word_bits, float32=tuple(float32), smoothed=self._ranges is not None
        )

    def arrays(self, scheme: int8.Scheme) -> dict[str, np.ndarray]:
        """The weights by their names in the quantised folder (see int8.py)."""
        table, arrays = int8.table(self._table, scheme), {}
        for name in self._table:
            base = name.removesuffix(".weight")
            if name not in self.source.tensors:  # a tied projector
                continue
            if name in table:
                arrays[name] = self.source.tensors[name].read()
                continue
            parts = ("int4", "row_scale") if f"{base}.int4" in table else ("int8", "scale")
            arrays |= zip((f"{base}.{part}" for part in parts), self.quantize(name), strict=True)
            smoothing = int8.smoothing_of(base)
            if smoothing in table:
                arrays[smoothing] = 1 / self.divisor(smoothing)
        return arrays

    def _quantize(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        weight = self.source.tensors[name].read()
        if name == WORDS and self._word_bits == 4:
            return int8.quantize_rows(weight)
        smoothing = int8.smoothing_of(name.removesuffix(".weight"))
        if self._ranges is not None and smoothing:
            weight = weight * self.divisor(smoothing)
        return int8.quantize(name, weight, 8 if int8.is_embedding(name) else self._bits)

    def _divisor(self, smoothing: str) -> np.ndarray:
        """What a matrix's input is divided by, and its weights multiplied by: float32 [D], from the sizes of both.

        Equation 4 of Xiao et al. 2022, https://arxiv.org/abs/2211.10438.
        """
        assert self._ranges is not None
        inputs = self._ranges[smoothing]
        matrices = [name for name in self._table if int8.smoothing_of(name.removesuffix(".weight")) == smoothing]
        weights = np.max([np.abs(self.source.tensors[name].read()).max(0) for name in matrices], axis=0)
        divisor = _bounded(inputs) ** _STRENGTH / _bounded(weights) ** (1 - _STRENGTH)
        return divisor.astype(np.float32)


def check_finite(checkpoint: Checkpoint) -> None:
    """Raises CheckpointError naming a weight that cannot be quantised."""
    for name, tensor in checkpoint.tensors.items():
        if int8.is_quantized(name, tensor.shape) and not np.isfinite(tensor.read()).all():
            raise CheckpointError(f"{checkpoint.folder}: {name} holds numbers that are not finite")


def _bounded(sizes: np.ndarray) -> np.ndarray:
    return np.maximum(sizes, _LEAST * sizes.max() or 1.0)


def matrix_groups(layers: int) -> list[tuple[str, ...]]:
    """The matrices of the encoder that are of one type together, by their names without `.weight`, layer by layer."""
    parts = [("attention.q_lin", "attention.k_lin", "attention.v_lin"), ("attention.out_lin",), ("ffn.lin1",)]
    parts.append(("ffn.lin2",))
    return [
        tuple(f"{PREFIX}transformer.layer.{layer}.{part}" for part in group)
        for layer in range(layers)
        for group in parts
    ]
