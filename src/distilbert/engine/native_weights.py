"""A checkpoint's weights as the native kernels read them: packed once, kept in the cache, and mapped by every process.

The order is that in which `Model` in native/src/model.cpp takes them. Widths are padded with zeros to a multiple of 16.
A layer's int8 weights lie as [out / 16][in / group][16][group], its float32 weights as [out / 16][in][16].
"""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .. import int8
from ..cache import cache_folder, keep, kept_name, open_kept
from ..folder.checkpoint import HEAD_LAYERS, NORM, Checkpoint, Head
from ..folder.fingerprint import fingerprint
from ..folder.weight_names import PREFIX, WORDS

_MOST = 8  # packed files that are kept; that of DistilBERT-base has 45 MB
_ALIGNED = 64  # bytes
_PANEL = 16
_SOURCES = ("engine/native_weights.py", "int8.py", "__init__.py")


class Kernels(NamedTuple):
    """The kernels of a processor: how their weights lie (see native/src/kernels.h)."""

    name: str
    group: int
    bits: int


def open_weights(checkpoint: Checkpoint, head: Head, kernels: Kernels) -> list[np.ndarray]:
    """The weights in the order of `Model`, as arrays that are aligned: of files where that is possible."""
    tables = [] if checkpoint.bits is None else list(_stored_tables(checkpoint))
    return tables + _packed(checkpoint, head, kernels)


def _packed(checkpoint: Checkpoint, head: Head, kernels: Kernels) -> list[np.ndarray]:
    place = cache_folder()
    path = place and place / f"{_name(checkpoint, head, kernels)}.weights"
    if path:
        if not (found := _mapped(path)):
            keep(path, lambda temporary: _write(temporary, path.stem, _pack(checkpoint, head, kernels)), _MOST)
            found = _mapped(path)
        if found:
            return found
    return [_aligned(array) for array in _pack(checkpoint, head, kernels)]


def _aligned(array: np.ndarray) -> np.ndarray:
    """A copy in memory that begins at a cache line, as kept files do: AMX reads others at a fraction of its speed."""
    memory = np.empty(array.nbytes + _ALIGNED, np.uint8)
    start = -memory.ctypes.data % _ALIGNED
    copy = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[:] = array
    return copy


def _name(checkpoint: Checkpoint, head: Head, kernels: Kernels) -> str:
    """Of all that the packed weights are made of."""
    files = checkpoint.weights_files
    states = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return kept_name((checkpoint.config.to_dict(), head.value, kernels, fingerprint(files), states), _SOURCES)


# a kept file: the arrays, aligned; JSON with its name and their types, shapes and places; its length ----------------


def _write(path: Path, name: str, arrays: Iterator[np.ndarray]) -> None:
    with path.open("wb") as file:
        entries = []
        for array in arrays:
            entries.append((array.dtype.str, array.shape, file.tell()))
            file.write(np.ascontiguousarray(array).data)
            file.write(bytes(-file.tell() % _ALIGNED))
        table = json.dumps({"name": name, "arrays": entries}).encode()
        file.write(table + len(table).to_bytes(8, "little"))


def _mapped(path: Path) -> list[np.ndarray]:
    """The arrays of a kept file; none where it is not there, not whole, or another one."""
    file = open_kept(path)
    if file is None:
        return []
    with file:
        try:
            whole = np.memmap(file, np.uint8, "r")
            table = json.loads(whole[-8 - int.from_bytes(whole[-8:].tobytes(), "little") : -8].tobytes())
            if table["name"] != path.stem:
                return []
            return [_array(whole, *entry) for entry in table["arrays"]]
        except (OSError, ValueError, KeyError, TypeError, OverflowError):
            return []


def _array(whole: np.ndarray, kind: str, shape: list[int], offset: int) -> np.ndarray:
    numbers = np.dtype(kind)
    return whole[offset : offset + math.prod(shape) * numbers.itemsize].view(numbers).reshape(shape)


# packing --------------------------------------------------------------------------------------------------------------


def _stored_tables(checkpoint: Checkpoint) -> Iterator[np.ndarray]:
    """The embeddings of a quantised folder, mapped from its file."""
    for table in ("word_embeddings", "position_embeddings"):
        base = f"{PREFIX}embeddings.{table}"
        values, scale = ("int4", "row_scale") if f"{base}.int4" in checkpoint.tensors else ("int8", "scale")
        yield checkpoint.tensors[f"{base}.{values}"].stored()
        yield np.require(checkpoint.tensors[f"{base}.{scale}"].read(), np.float32, ["C", "A"])


def _pack(checkpoint: Checkpoint, head: Head, kernels: Kernels) -> Iterator[np.ndarray]:
    packer = _Packer(checkpoint, kernels)
    if checkpoint.bits is None:
        for table in ("word_embeddings", "position_embeddings"):
            yield from checkpoint.int8_weight(f"{PREFIX}embeddings.{table}.weight", 8)
    yield from packer.norm(f"{PREFIX}embeddings.LayerNorm")
    for index in range(checkpoint.config.n_layers):
        layer = f"{PREFIX}transformer.layer.{index}"
        yield from packer.matrix(*(f"{layer}.attention.{part}_lin" for part in "qkv"))
        yield from packer.matrix(f"{layer}.attention.out_lin")
        yield from packer.norm(f"{layer}.sa_layer_norm")
        yield from packer.matrix(f"{layer}.ffn.lin1")
        yield from packer.matrix(f"{layer}.ffn.lin2")
        yield from packer.norm(f"{layer}.output_layer_norm")
    for name in HEAD_LAYERS[head]:
        if name == NORM:
            yield from packer.norm(name)
        else:
            yield from packer.linear(name) if head is Head.MASKED_LM else packer.dense(name)


class _Packer:
    """The arrays of each kind of layer."""

    def __init__(self, checkpoint: Checkpoint, kernels: Kernels) -> None:
        self.checkpoint = checkpoint
        self.kernels = kernels

    def norm(self, name: str) -> Iterator[np.ndarray]:
        for part in ("weight", "bias"):
            yield padded(self.checkpoint.tensors[f"{name}.{part}"].read(), _PANEL)

    def matrix(self, *names: str) -> Iterator[np.ndarray]:
        """Layers of the encoder that read the same rows, in the type that the folder says."""
        scheme = self.checkpoint.scheme
        if scheme and names[0] in scheme.float32:
            yield from self.dense(*names)
            return
        yield from self.linear(*names)
        if scheme and scheme.smoothed and (smoothing := int8.smoothing_of(names[0])):
            yield padded(self.checkpoint.tensors[smoothing].read(), _PANEL)

    def linear(self, *names: str) -> Iterator[np.ndarray]:
        """Layers that read the same rows, side by side: weights, scales, biases, sums of weights."""
        parts = [[*pack_linear(*self.int8(name), self.kernels.group), self.bias(name)] for name in names]
        values, sums, scale, bias = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        yield from (values, scale, bias, sums)

    def int8(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """The weights [in, out] and scales of a layer; those of a projector may be the word embeddings'."""
        weight = f"{name}.weight"
        stored = self.checkpoint.tensors
        if weight not in stored and f"{name}.int8" not in stored:
            weight = WORDS
        values, scale = self.checkpoint.int8_weight(weight, self.kernels.bits)
        return (values.T if int8.is_embedding(weight) else values), scale

    def bias(self, name: str) -> np.ndarray:
        return padded(self.checkpoint.tensors[f"{name}.bias"].read(), _PANEL)

    def dense(self, *names: str) -> Iterator[np.ndarray]:
        """Layers in float32 that read the same rows, side by side: weights and biases."""
        weights = [self.checkpoint.tensors[f"{name}.weight"].read() for name in names]
        full = np.concatenate([padded(padded(weight, _PANEL).T, _PANEL).T for weight in weights])  # [out, in]
        yield np.ascontiguousarray(full.reshape(len(full) // _PANEL, _PANEL, -1).transpose(0, 2, 1))
        yield np.concatenate([self.bias(name) for name in names])


def padded(array: np.ndarray, multiple: int) -> np.ndarray:
    """With zeros at the end of its last dimension."""
    missing = -array.shape[-1] % multiple
    return np.pad(array, [(0, 0)] * (array.ndim - 1) + [(0, missing)])


def pack_linear(values: np.ndarray, scale: np.ndarray, group: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """int8 weights [in, out] and scales [out] -> weights [out / 16, in / group, 16, group], sums and scales [out]."""
    full = padded(padded(values, _PANEL).T, _PANEL)  # [out, in]
    panels = full.reshape(len(full) // _PANEL, _PANEL, -1, group).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(panels), full.sum(1, dtype=np.int32), padded(scale, _PANEL)
