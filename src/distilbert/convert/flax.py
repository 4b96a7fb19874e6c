"""Flax's files (`flax_model.msgpack`): nested dictionaries of arrays in MessagePack. Extra `convert`.

An array is MessagePack's extension type 1: its shape, NumPy's name of its type, and its bytes in C order. One of more
than a gigabyte is cut into chunks.
"""

import math
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CheckpointError, import_extra, short_repr, translated
from ..folder.weights import NUMBERS, Weight
from .foreign_names import in_torch_form

_ARRAY = 1
_CHUNKED = "__msgpack_chunked_array__"
_TYPES = {"bfloat16": "BF16"} | {str(numbers): name for name, numbers in NUMBERS.items() if name != "BF16"}
_DEEPEST = 32  # names have some ten parts


def read(path: Path) -> dict[str, Weight]:
    """The weights by PyTorch's names. Raises CheckpointError naming the file and what is wrong with it."""
    msgpack = import_extra("msgpack", "reading .msgpack files needs msgpack: pip install 'distilbert[convert]'")
    errors = (msgpack.UnpackException, ValueError, TypeError, RecursionError, OverflowError)
    with translated(errors, CheckpointError, f"{path}: not a whole MessagePack file"):
        content = path.read_bytes()
        tree = msgpack.unpackb(content, ext_hook=_array, raw=False, max_ext_len=len(content))
    if not isinstance(tree, dict):
        raise CheckpointError(f"{path}: must hold a dictionary of weights, not {short_repr(tree)}")
    tree = tree.get("params", tree)
    stored = {}
    for parts, (dtype, numbers) in _leaves(path, tree, ()):
        name = "/".join(parts)
        stored[parts] = Weight(name, numbers.shape, dtype, path, partial(np.asarray, numbers))
    return in_torch_form(path, stored)


def _array(code: int, data: bytes) -> tuple[str, np.ndarray]:
    """(safetensors' name of the type, numbers) of an extension; bfloat16 as uint16. Raises ValueError for others."""
    import msgpack

    if code != _ARRAY:
        raise ValueError(f"extension type {code} is not an array")
    shape, name, numbers = msgpack.unpackb(data, raw=True, max_bin_len=len(data))
    name = name.decode() if isinstance(name, bytes) else name
    if name not in _TYPES:
        raise ValueError(f"an array holds {short_repr(name)}")
    dtype = _TYPES[name]
    if not all(type(count) is int and count >= 0 for count in shape) or len(numbers) != (
        math.prod(shape) * NUMBERS[dtype].itemsize
    ):
        raise ValueError(f"an array has not the {short_repr(shape)} numbers that it is said to have")
    return dtype, np.frombuffer(numbers, NUMBERS[dtype]).reshape(shape)


def _leaves(path: Path, tree: Any, parts: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], tuple[str, np.ndarray]]]:
    """The arrays of nested dictionaries, by the parts of their names."""
    if isinstance(tree, tuple):
        yield parts, tree
        return
    if not isinstance(tree, Mapping) or len(parts) > _DEEPEST or not all(isinstance(part, str) for part in tree):
        raise CheckpointError(f"{path}: {short_repr('/'.join(parts))} is neither an array nor a dictionary of arrays")
    if _CHUNKED in tree:
        yield parts, _joined(path, tree, parts)
        return
    for part, below in tree.items():
        yield from _leaves(path, below, (*parts, part))


def _joined(path: Path, tree: Mapping[str, Any], parts: tuple[str, ...]) -> tuple[str, np.ndarray]:
    """An array that was cut into flat chunks: {"shape": {"0": …}, "chunks": {"0": …}}."""
    errors, name = (KeyError, IndexError, TypeError, ValueError), "/".join(parts)
    with translated(errors, CheckpointError, f"{path}: {name} is in chunks that do not fit"):
        shape = [tree["shape"][str(axis)] for axis in range(len(tree["shape"]))]
        chunks = [tree["chunks"][str(index)] for index in range(len(tree["chunks"]))]
        return chunks[0][0], np.concatenate([numbers for _, numbers in chunks]).reshape(shape)
