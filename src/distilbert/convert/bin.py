"""PyTorch's `.bin` files: zip archives, and the form from before PyTorch 1.6. Nothing is unpickled.

The zip form holds a pickle that describes the tensors (`data.pkl`; pickle_reader.py) and one member a storage
(`data/0`, …). The older form is five pickles, then each storage behind its length.
"""

import io
import math
import mmap
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from ..errors import CheckpointError, short_repr
from ..folder.weights import NUMBERS, Weight, mapped
from .archive import Add, Archive, open_archive, writing
from .pickle_reader import StorageRef, TensorRef, Unpickler
from .pickle_writer import Pickler
from .rounding import encode
from .state_dict import state_dict

ByteOrder = Literal["<", ">"]

_MAGIC, _OLD_VERSION = 0x1950A86A20F9469CFC6C, 1001  # the first two pickles of the older form
_MOST_PICKLE = 1 << 26  # bytes; a model of a thousand layers has a tenth of it
_BYTE_ORDERS: dict[bytes, ByteOrder] = {b"little": "<", b"big": ">"}


def read(path: Path) -> dict[str, Weight]:
    """The tensors of a state dict, by name. Raises CheckpointError naming the file and what is wrong."""
    return _read(path)[0]


def notes(path: Path) -> tuple[str, ...]:
    """Where in the file the weights lie, and what lies beside them that is not read."""
    return _read(path)[1]


def _read(path: Path) -> tuple[dict[str, Weight], tuple[str, ...]]:
    with path.open("rb") as file:
        is_zip = file.read(2) == b"PK"
    return read_archive(open_archive(path)) if is_zip else _read_old(path)


def read_archive(archive: Archive) -> tuple[dict[str, Weight], tuple[str, ...]]:
    """The tensors of the state dict, or of the TorchScript module, of a zip archive; and notes on what is not read."""
    place = f"{archive.path}: data.pkl"
    unpickler = Unpickler(io.BytesIO(archive.read("data.pkl", _MOST_PICKLE)), place)
    tensors, about = state_dict(unpickler.load(), place)
    order = archive.read("byteorder", 8) if "byteorder" in archive.stored else b"little"
    if order not in _BYTE_ORDERS:
        raise CheckpointError(f"{archive.path}: byteorder is {short_repr(order)}, not little or big")
    offsets = {}
    for key, storage in unpickler.storages.items():
        member = archive.place(f"data/{key}")
        if member.size != _bytes(storage):
            raise CheckpointError(
                f"{archive.path}: data/{key} has {member.size} bytes, but data.pkl says {_bytes(storage)}"
            )
        offsets[key] = member.offset
    return _weights(archive.path, tensors, offsets, _BYTE_ORDERS[order]), about


def _read_old(path: Path) -> tuple[dict[str, Weight], tuple[str, ...]]:
    size = path.stat().st_size
    if not size:
        raise CheckpointError(f"{path}: is empty")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as stream:
        unpickler = Unpickler(stream, path)  # type: ignore[arg-type]
        if unpickler.load() != _MAGIC or unpickler.load() != _OLD_VERSION:
            raise CheckpointError(f"{path}: not a file of torch.save")
        unpickler.load()  # about the machine; the storages are little-endian on every one
        tensors, about = state_dict(unpickler.load(), path)
        keys = unpickler.load()
        if not _are_all(keys, unpickler.storages):
            raise CheckpointError(f"{path}: its storages are not those that its tensors lie in")
        offsets = {}
        for key in keys:
            storage = unpickler.storages[key]
            if int.from_bytes(stream.read(8), "little") != storage.size:
                raise CheckpointError(
                    f"{path}: storage {short_repr(key)} has not the {storage.size} numbers told of it"
                )
            offsets[key] = stream.tell()
            if offsets[key] + _bytes(storage) > size:
                raise CheckpointError(f"{path}: ends within storage {short_repr(key)}")
            stream.seek(_bytes(storage), io.SEEK_CUR)
        if stream.tell() != size:
            raise CheckpointError(f"{path}: has {size - stream.tell()} bytes behind its last storage")
    return _weights(path, tensors, offsets, "<"), about


def _are_all(keys: object, storages: Collection[str]) -> bool:
    return isinstance(keys, list) and all(isinstance(key, str) for key in keys) and sorted(keys) == sorted(storages)


def _weights(
    path: Path, tensors: Mapping[str, TensorRef], offsets: Mapping[str, int], order: ByteOrder
) -> dict[str, Weight]:
    """`offsets` are where the storages begin. Tied weights share one storage, so that names may claim it twice."""
    claimed = sum(math.prod(ref.shape) * NUMBERS[ref.storage.dtype].itemsize for ref in tensors.values())
    if claimed > 2 * path.stat().st_size:
        raise CheckpointError(f"{path}: claims tensors of {claimed} bytes in a file of {path.stat().st_size}")

    def weight(name: str, ref: TensorRef) -> Weight:
        return Weight(
            name, ref.shape, ref.storage.dtype, path, lambda: _tensor(path, ref, offsets[ref.storage.key], order)
        )

    return {name: weight(name, ref) for name, ref in tensors.items()}


def _tensor(path: Path, ref: TensorRef, offset: int, order: ByteOrder) -> np.ndarray:
    numbers = NUMBERS[ref.storage.dtype].newbyteorder(order)
    storage = mapped(path, offset, (ref.storage.size,), numbers)
    strides = [stride * numbers.itemsize for stride in ref.strides]
    # NumPy checks once more that the view lies within the storage
    return np.ndarray(ref.shape, numbers, storage.data, ref.offset * numbers.itemsize, strides)


def _bytes(storage: StorageRef) -> int:
    return storage.size * NUMBERS[storage.dtype].itemsize


def write(path: Path, weights: Mapping[str, Weight], stored_as: str) -> None:
    """Write a state dict that `torch.load` reads, under the keys of `weights`."""
    pickler = Pickler()
    pickler.state_dict(weights, stored_as)
    with writing(path) as add:
        add("data.pkl", pickler.finish())
        write_storages(add, weights, stored_as)


def write_storages(add: Add, weights: Mapping[str, Weight], stored_as: str) -> None:
    """The numbers of the tensors that a Pickler has described."""
    add("byteorder", b"little")
    for key, weight in enumerate(weights.values()):
        add(f"data/{key}", encode(weight, stored_as).data.cast("B"))
    add("version", b"3\n")
