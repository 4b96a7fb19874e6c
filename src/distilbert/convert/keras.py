"""Keras' HDF5 files as Transformers' classes for TensorFlow wrote them (`tf_model.h5`). Extra `convert`.

They are read by pyfive, which is Python alone and follows no link out of the file: HDF5's own library, in C, ends the
process on some damaged files.
"""

import math
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import CheckpointError, import_extra, short_repr, translated
from ..folder.weights import Weight
from .foreign_names import in_torch_form
from .rounding import dtype_name

_CONTIGUOUS = 1  # HDF5's number of the layout of data sets that are not compressed
_DENSEST = 100  # times that compressed weights can shrink; a zip bomb shrinks a thousandfold


def read(path: Path) -> dict[str, Weight]:
    """The weights by PyTorch's names. Raises CheckpointError naming the file and what is wrong with it."""
    # whatever a Python parser meets in a damaged file; warnings are of parts of it that are not asked for
    with translated(Exception, CheckpointError, f"{path}: not a whole HDF5 file"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stored = dict(_stored(path))
    if not stored:
        raise CheckpointError(f"{path}: not what Transformers' classes for TensorFlow save (it lists no weights)")
    return in_torch_form(path, stored)


def _stored(path: Path) -> Iterator[tuple[tuple[str, ...], Weight]]:
    """Weights by the parts of their names, the first of which, the model itself, is left out."""
    size = path.stat().st_size
    file = _open(path)
    for layer in _names(file, "layer_names"):
        for name in _names(file[layer], "weight_names"):
            yield tuple(name.removesuffix(":0").split("/"))[1:], _weight(path, f"{layer}/{name}", file, size)


def _weight(path: Path, name: str, file: Any, size: int) -> Weight:
    data = file[name]
    if not hasattr(data, "shape"):
        raise CheckpointError(f"{path}: {short_repr(name)} is not an array")
    shape, numbers = tuple(data.shape), data.dtype.newbyteorder("<")
    nbytes = math.prod(shape) * numbers.itemsize
    if nbytes > _DENSEST * size:
        raise CheckpointError(f"{path}: {short_repr(name)} has {list(shape)} numbers, more than the file holds")
    if data.id.layout_class == _CONTIGUOUS and data.id.data_offset + nbytes > size:
        raise CheckpointError(f"{path}: the numbers of {short_repr(name)} do not lie in the file")
    return Weight(name, shape, dtype_name(data.dtype), path, partial(_numbers, path, name, shape))


def _open(path: Path) -> Any:
    pyfive = import_extra("pyfive", "reading .h5 files needs pyfive: pip install 'distilbert[convert]'")
    return pyfive.File(str(path))


def _names(group: Any, attribute: str) -> list[str]:
    """A list of names; Keras cuts one that is too long for an attribute into several, numbered from 0."""
    parts = [attribute] if attribute in group.attrs else sorted(
        (key for key in group.attrs if key.startswith(attribute) and key.removeprefix(attribute).isdecimal()),
        key=lambda key: int(key.removeprefix(attribute)),
    )  # fmt: skip
    names = [name for part in parts for name in np.ravel(group.attrs[part])]
    return [name.decode() if isinstance(name, bytes) else str(name) for name in names]


def _numbers(path: Path, name: str, shape: tuple[int, ...]) -> np.ndarray:
    with translated(Exception, CheckpointError, f"{path}: {short_repr(name)} cannot be read"):
        numbers = np.asarray(_open(path)[name][()])
    if numbers.shape != shape:  # an array that lies elsewhere, in whole or in part
        raise CheckpointError(f"{path}: {short_repr(name)} is not an array that lies in the file")
    return numbers
