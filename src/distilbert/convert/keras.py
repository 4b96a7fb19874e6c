"""Keras' HDF5 files as Transformers' classes for TensorFlow wrote them (`tf_model.h5`). Extra `convert`.

An HDF5 file can point to other files, by links, by external storage and by virtual data sets. None of that is followed.
"""

import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CheckpointError, MissingExtraError, error_text, short_repr
from ..folder.weights import NUMBERS, Weight
from .foreign_names import in_torch_form

_DENSEST = 100  # times that compressed weights can shrink; a bomb shrinks a thousandfold
_ERRORS = (
    OSError,
    KeyError,
    RuntimeError,
    ValueError,
    TypeError,
    OverflowError,
    AttributeError,
)  # all that h5py raises


def read(path: Path) -> dict[str, Weight]:
    """The weights by PyTorch's names. Raises CheckpointError naming the file and what is wrong with it."""
    h5py = _h5py()
    stored: dict[tuple[str, ...], Weight] = {}
    try:
        with h5py.File(path, "r") as file:
            if "layer_names" not in file.attrs:
                raise CheckpointError(
                    f"{path}: not what Transformers' classes for TensorFlow save (it has no list of layers)"
                )
            size = path.stat().st_size
            for layer in _names(file.attrs["layer_names"]):
                group = _own_member(path, file, (layer,))
                for name in _names(group.attrs.get("weight_names", ())):
                    parts = tuple(name.removesuffix(":0").split("/"))
                    data = _own_member(path, group, tuple(name.split("/")))
                    stored[parts[1:]] = _weight(path, f"{layer}/{name}", data, size)  # the first is the model itself
    except _ERRORS as error:
        raise CheckpointError(f"{path}: not a whole HDF5 file ({error_text(error)})") from None
    return in_torch_form(path, stored)


def _h5py() -> Any:
    try:
        import h5py
    except ImportError:
        raise MissingExtraError("reading .h5 files needs h5py: pip install 'distilbert[convert]'") from None
    return h5py


def _names(attribute: Any) -> list[str]:
    return [name.decode() if isinstance(name, bytes) else str(name) for name in np.ravel(attribute)]


def _own_member(path: Path, group: Any, parts: tuple[str, ...]) -> Any:
    """What lies under a name in the file itself. Raises CheckpointError for a link to somewhere else."""
    for part in parts:
        if part in ("", ".", "..") or type(group.get(part, getlink=True)).__name__ != "HardLink":
            raise CheckpointError(f"{path}: {short_repr('/'.join(parts))} is not in the file")
        group = group[part]
    return group


def _weight(path: Path, name: str, data: Any, size: int) -> Weight:
    if not hasattr(data, "shape") or data.external or data.is_virtual:
        raise CheckpointError(f"{path}: {short_repr(name)} is not an array that lies in the file")
    numbers = data.dtype.newbyteorder("<")
    dtype = next((ours for ours, known in NUMBERS.items() if ours != "BF16" and known == numbers), str(data.dtype))
    if math.prod(data.shape) * data.dtype.itemsize > _DENSEST * size:
        raise CheckpointError(f"{path}: {short_repr(name)} would grow more than {_DENSEST}-fold, which no weights do")
    return Weight(name, tuple(data.shape), dtype, path, partial(_numbers, path, name))


def _numbers(path: Path, name: str) -> np.ndarray:
    try:
        with _h5py().File(path, "r") as file:
            numbers: np.ndarray = file[name][()]
            return numbers
    except _ERRORS as error:
        raise CheckpointError(f"{path}: {short_repr(name)} cannot be read ({error_text(error)})") from None
