"""NumPy's `.npz` files: a zip archive of arrays, which NumPy itself reads without unpickling."""

import math
import tokenize
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from ..errors import CheckpointError, InputError, short_repr, translated
from ..folder.weights import Weight
from .archive import ZIP_ERRORS
from .rounding import dtype_name, encode

# NumPy parses an array's header as Python
_ERRORS = (*ZIP_ERRORS, ArithmeticError, KeyError, MemoryError, SyntaxError, TypeError, tokenize.TokenError)
_DENSEST = 100  # times that a file of weights can shrink; a zip bomb shrinks a thousandfold


def read(path: Path) -> dict[str, Weight]:
    """The arrays by name. Raises CheckpointError naming the file and what is wrong with it."""
    weights = {}
    with translated(_ERRORS, CheckpointError, f"{path}: not a whole .npz file"), zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
        if sum(info.file_size for info in infos) > _DENSEST * path.stat().st_size:
            raise CheckpointError(f"{path}: would grow more than {_DENSEST}-fold, which no weights do")
        for info in infos:
            name = info.filename.removesuffix(".npy")
            if name == info.filename or name in weights:
                raise CheckpointError(f"{path}: member {short_repr(info.filename)} is not an array, or is there twice")
            with archive.open(info) as file:
                shape, dtype = _header(file)
                rest = info.file_size - file.tell()
            if dtype.hasobject:
                raise CheckpointError(f"{path}: {short_repr(name)} holds Python objects, which are never unpickled")
            if dtype.itemsize * math.prod(shape) != rest:
                stated = f"{short_repr(shape)} of {str(dtype)[:100]}"
                raise CheckpointError(f"{path}: {short_repr(name)} says {stated}, but has {rest} bytes")
            weights[name] = _weight(path, info, name, shape, dtype)
    return weights


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = npy.read_magic(file)
    if version == (1, 0):
        shape, _, dtype = npy.read_array_header_1_0(file)
    else:
        shape, _, dtype = npy.read_array_header_2_0(file)
    return shape, dtype


def _weight(path: Path, info: zipfile.ZipInfo, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Weight:
    def array() -> np.ndarray:
        unread = translated(_ERRORS, CheckpointError, f"{path}: {short_repr(name)} cannot be read")
        with unread, zipfile.ZipFile(path) as archive, archive.open(info) as file:
            return npy.read_array(file, allow_pickle=False)

    return Weight(name, shape, dtype_name(dtype), path, array)


def write(path: Path, weights: Mapping[str, Weight], stored_as: str) -> None:
    """Write `weights` under their keys. Raises InputError for bfloat16, which NumPy does not have."""
    if stored_as == "BF16":
        raise InputError("a .npz file cannot hold bfloat16: NumPy has no such type; use float32 or float16")
    with zipfile.ZipFile(path, "w") as archive:
        for name, weight in weights.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as file:
                npy.write_array(file, encode(weight, stored_as), allow_pickle=False)
