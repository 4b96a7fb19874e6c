"""Weights in files: where they lie, how their numbers are stored, and the one decoder of every floating-point type.

Headers are read, never the numbers: those are mapped when an engine or a reader asks for them.
"""

import json
import math
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from ..diagnosis import file_name, folder_name
from ..errors import CheckpointError, error_text, name_list, short_repr
from ..files import has_file, is_file, is_text, read_json
from .layout import (
    ANY_SHARD,
    BESIDE_WEIGHTS,
    CHECKPOINT_INDEX,
    FIRST_PART,
    FOREIGN,
    INDEX,
    MODULES,
    ONNX,
    PYTORCH_SUFFIXES,
    SHARDS_INDEX,
    VARIANT_INDEX,
    WEIGHTS,
)

# safetensors' names of types -> NumPy's; the bits of a bfloat16, which NumPy does not have, are in a uint16
NUMBERS: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}
FLOATS = ("F32", "F16", "F64", "BF16")
NOT_FLOAT = "is stored as {}; save the model in " + " or ".join(FLOATS)


@dataclass(frozen=True, eq=False)
class Weight:
    """A weight of a file, in any format. None of its numbers is read before `stored()` or `read()`.

    Attributes:
        name: as the file calls it.
        shape: of the tensor.
        dtype: as safetensors calls it: "F32", "F16", "BF16", "F64", "I64", …
        path: the file, links resolved.
        stored: gives the numbers in the type of the file (bfloat16 as uint16), a view of the file where possible.
        offset: where the numbers lie in the file as they are, in C order and little-endian; None where they do not.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    path: Path
    stored: Callable[[], np.ndarray]
    offset: int | None = None

    @property
    def nbytes(self) -> int:
        """How many bytes the numbers take. `dtype` must be one of `NUMBERS`."""
        return math.prod(self.shape) * NUMBERS[self.dtype].itemsize

    @property
    def mappable(self) -> bool:
        """Whether a runtime can use the bytes where they lie."""
        return self.offset is not None and (
            self.dtype in ("I8", "U8", "F32", "F16") and self.offset % NUMBERS[self.dtype].itemsize == 0
        )

    def read(self) -> np.ndarray:
        """The weight as float32 of its shape: a view of the mapped file where it is float32 already.

        Raises CheckpointError for a type that is not floating-point, and for numbers too large for float32.
        """
        if self.dtype not in FLOATS:
            raise CheckpointError(f"{self.path}: {self.name} {NOT_FLOAT.format(self.dtype)}")
        stored = self.stored()
        if self.dtype == "BF16":  # the upper half of a float32
            return (stored.astype("<u4") << 16).view("<f4")
        with np.errstate(over="raise"):
            try:
                return stored.astype("<f4", copy=False)
            except FloatingPointError:
                largest = np.abs(stored).max()
                raise CheckpointError(f"{self.path}: {self.name} holds {largest:g}, too large for float32") from None


def mapped(path: Path, offset: int, shape: tuple[int, ...], numbers: np.dtype[Any]) -> np.ndarray:
    """A view of the part of a file that begins at `offset`."""
    if 0 in shape:  # nothing cannot be mapped
        return np.empty(shape, numbers)
    return np.memmap(path, numbers, "r", offset, shape)


def read_header(path: Path) -> dict[str, Weight]:
    """The weights of one safetensors file, by name. The library checks that they tile the file.

    Raises CheckpointError naming the file and what is wrong with it.
    """
    try:
        if path.stat().st_size == 0:
            raise CheckpointError(f"{path}: not a whole safetensors file (it is empty); bring it along again")
        with path.open("rb") as file, safe_open(path, framework="numpy"):
            length = int.from_bytes(file.read(8), "little")
            header: dict[str, Any] = json.loads(file.read(length))
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error_text(error)})") from None
    except (SafetensorError, ValueError) as error:
        reason = f"; this is {what}" if (what := file_name(path)) else f"; bring it along again ({error_text(error)})"
        raise CheckpointError(f"{path}: not a whole safetensors file{reason}") from None
    header.pop("__metadata__", None)
    real = Path(os.path.realpath(path))  # the hub's cache keeps links to files elsewhere
    if not is_text(str(real)):
        raise CheckpointError(
            f"{short_repr(str(real))}: the runtime opens only paths that are valid Unicode; rename it"
        )

    def weight(name: str, dtype: str, shape: tuple[int, ...], offset: int) -> Weight:
        numbers = NUMBERS.get(dtype, NUMBERS["U8"])  # a type that is not known is refused before it is read
        return Weight(name, shape, dtype, real, partial(mapped, real, offset, shape, numbers), offset)

    return {
        name: weight(name, entry["dtype"], tuple(entry["shape"]), 8 + length + entry["data_offsets"][0])
        for name, entry in header.items()
    }


def read_shards(index: Path, read: Callable[[Path], dict[str, Weight]]) -> dict[str, Weight]:
    """All that the shards named by an index hold, each read by `read`; index and shards must agree."""
    weight_map = read_json(index, CheckpointError).get("weight_map")
    if not isinstance(weight_map, dict) or not all(isinstance(file, str) for file in weight_map.values()):
        raise CheckpointError(f"{index}: weight_map must map names to files")
    files = sorted(set(weight_map.values()))
    for file in files:
        if Path(file).name != file or file in ("", ".", ".."):
            raise CheckpointError(f"{index}: {short_repr(file)} points outside the folder")
        if not has_file(index.parent / file, CheckpointError):
            raise CheckpointError(f"{index}: names {short_repr(file)}, which is not in the folder; bring it along")
    weights: dict[str, Weight] = {}
    for file in files:
        shard = read(index.parent / file)
        if wrong := shard.keys() ^ {name for name in weight_map if weight_map[name] == file}:
            raise CheckpointError(f"{index}: {name_list(wrong)} must be listed for {short_repr(file)} and stored in it")
        weights |= shard
    return weights


def read_weights(folder: Path) -> dict[str, Weight]:
    """Every weight of the folder's one safetensors file or of its shards, by its name in the file.

    Raises CheckpointError where there is none, naming what `distilbert convert` makes one of.
    """
    if has_file(folder / WEIGHTS, CheckpointError):
        return read_header(folder / WEIGHTS)
    if has_file(folder / INDEX, CheckpointError):
        return read_shards(folder / INDEX, read_header)
    raise CheckpointError(f"{folder}: no {WEIGHTS}; {_what_there_is(folder)}")


def parts_name(folder: Path, names: Iterable[str]) -> str:
    """What a folder with files of these names has: shards of a variant, or some without their index; "" for neither."""
    if variant := next((path.name for path in sorted(folder.glob(VARIANT_INDEX))), ""):
        return f"it has {variant}; call it {INDEX}"
    if shard := next((name for name in names if fnmatch(name, ANY_SHARD)), ""):
        index = re.sub(r"-\d+-of-\d+", "", shard) + SHARDS_INDEX
        return f"it has {name_list([shard])}, one of several; bring along {index}, which lists them"
    return ""


def _what_there_is(folder: Path) -> str:
    """What a folder without weights has in their place, and the next step."""
    is_part = is_file(folder.parent / MODULES) or fnmatch(folder.name, FIRST_PART)
    root = folder.parent if is_part else folder
    names = [path.name for path in sorted(folder.glob("*")) if is_file(path)]
    suffixes = (*PYTORCH_SUFFIXES, CHECKPOINT_INDEX, *(Path(name).suffix for name in FOREIGN))
    kept = [name for name in names if name.endswith(suffixes) and not name.startswith(BESIDE_WEIGHTS)]
    known = (name for file in FOREIGN for name in (file, f"{file}{SHARDS_INDEX}"))
    if other := next((name for name in (*known, *ONNX) if is_file(folder / name)), ""):
        return f"it has {other}: `distilbert convert {root} OUT` makes one"
    if parts := parts_name(folder, names):
        return parts
    if kept:
        return f"it has {name_list(kept)}: `distilbert convert {folder / kept[0]} OUT` makes one"
    ours = Path(WEIGHTS).suffix
    renamed = [name for name in names if name.lower().endswith((ours, f"{ours}.txt")) and name[:8] != "adapter_"]
    if renamed:
        return f"it has {short_repr(renamed[0])}; if these are the model's weights, call it {WEIGHTS}"
    return f"this is {folder_name(folder)}"
