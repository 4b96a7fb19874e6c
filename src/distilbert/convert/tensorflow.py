"""TensorFlow's checkpoints, in which Google published its BERTs: an index of places, and files of numbers beside it.

The index (`bert_model.ckpt.index`) is a sorted table of LevelDB's format, without compression: blocks of keys and
values, each key told by what differs from the one before. A value is a BundleEntryProto of TensorFlow's
tensor_bundle.proto, of which type, shape, shard, offset and size are read. Numbers are mapped where they lie.
"""

import math
import struct
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from ..errors import CheckpointError, short_repr, translated
from ..folder.layout import CHECKPOINT_INDEX
from ..folder.weights import NUMBERS, Weight, mapped
from ..links import check_read
from .foreign_names import in_torch_form

_MAGIC = 0xDB4775248B80FB57
_FOOTER = 48
_MOST_INDEX = 1 << 26  # bytes; that of BERT-large has 40 kB
_TRAILER = 5  # of a block: how it is compressed, and a checksum
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # kinds of fields in a protocol buffer
# tensorflow/core/framework/types.proto
_TYPES = {1: "F32", 2: "F64", 3: "I32", 4: "U8", 5: "I16", 6: "I8", 9: "I64", 10: "BOOL", 14: "BF16", 19: "F16"}
_OPTIMIZER = ("adam_m", "adam_v", "AdamWeightDecayOptimizer", "AdamWeightDecayOptimizer_1", "global_step")


def read(path: Path) -> dict[str, Weight]:
    """The weights by PyTorch's names, those of the optimizer left out; `path` is the index.

    Raises CheckpointError naming the file and what is wrong with it.
    """
    stored = {}
    errors = (struct.error, IndexError, ValueError, OverflowError)
    with translated(errors, CheckpointError, f"{path}: not a whole index of a TensorFlow checkpoint"):
        entries = dict(_entries(_index(path)))
        shards = _fields(entries.pop(b"", b"")).get(1, 0)
        for key, value in entries.items():
            name = key.decode()
            if name.startswith("_CHECKPOINTABLE_OBJECT_GRAPH") or ".ATTRIBUTES" in name:
                raise CheckpointError(
                    f"{path}: is a checkpoint of Keras objects, whose names say nothing of a BERT; "
                    "save the model with Transformers' save_pretrained, or as Google's BERTs are"
                )
            parts = tuple(name.split("/"))
            if not any(part in _OPTIMIZER for part in parts):
                stored[parts] = _weight(path, name, _fields(value), shards)
    return in_torch_form(path, stored)


def _index(path: Path) -> bytes:
    if path.stat().st_size > _MOST_INDEX:
        raise CheckpointError(f"{path}: has more than {_MOST_INDEX >> 20} MB, which no index of a checkpoint has")
    return path.read_bytes()


def _entries(table: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The keys and values of a LevelDB table."""
    footer = table[-_FOOTER:]
    if len(footer) < _FOOTER or struct.unpack("<Q", footer[-8:])[0] != _MAGIC:
        raise ValueError("it does not end as one")
    place = 0
    for _ in range(2):  # of the index of what is about the table, which is empty
        _, place = _varint(footer, place)
    handle = footer[place:]
    for _, block in _block(table, handle):
        yield from _block(table, block)


def _block(table: bytes, handle: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The keys and values of the block that a handle (offset, size) points to."""
    offset, place = _varint(handle, 0)
    size, _ = _varint(handle, place)
    block = table[offset : offset + size]
    if len(block) < size or len(table) < offset + size + _TRAILER:
        raise ValueError("a block reaches beyond the file")
    if table[offset + size] != 0:
        raise ValueError("a block is compressed, which TensorFlow never does")
    (restarts,) = struct.unpack("<I", block[-4:])
    end = len(block) - 4 * (restarts + 1)
    place, key = 0, b""
    while place < end:
        shared, place = _varint(block, place)
        fresh, place = _varint(block, place)
        length, place = _varint(block, place)
        if place + fresh + length > end or shared > len(key):
            raise ValueError("an entry reaches beyond its block")
        key = key[:shared] + block[place : place + fresh]
        place += fresh
        yield key, block[place : place + length]
        place += length


def _varint(data: bytes, place: int) -> tuple[int, int]:
    """A number of seven bits a byte, lowest first, and the place behind it."""
    value = 0
    for shift in range(0, 64, 7):
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise ValueError("a number has more than 64 bits")


def _messages(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(number, value) of each field of a protocol buffer."""
    place = 0
    while place < len(data):
        tag, place = _varint(data, place)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, place = _varint(data, place)
            yield number, value
            continue
        if kind == _BYTES:
            length, place = _varint(data, place)
        elif kind in (_FIXED32, _FIXED64):
            length = 4 if kind == _FIXED32 else 8
        else:
            raise ValueError("a field is of no kind that there is")
        if place + length > len(data):
            raise ValueError("a field reaches beyond its message")
        yield number, data[place : place + length]
        place += length


def _fields(data: bytes) -> dict[int, int | bytes]:
    return dict(_messages(data))


def _weight(path: Path, name: str, entry: dict[int, int | bytes], shards: int | bytes) -> Weight:
    """The weight that a BundleEntryProto tells of."""
    kind, shard, offset, size = (_whole(entry.get(field, 0)) for field in (1, 3, 4, 5))
    if 7 in entry:
        raise CheckpointError(f"{path}: {short_repr(name)} is stored in slices, which are not read here")
    shape = []
    for number, dimension in _messages(_bytes(entry.get(2, b""))):
        if number == 2:
            shape.append(_whole(_fields(_bytes(dimension)).get(1, 0)))
    dtype = _TYPES.get(kind, f"type {kind}")
    prefix = path.name.removesuffix(CHECKPOINT_INDEX)
    file = path.with_name(f"{prefix}.data-{shard:05}-of-{_whole(shards):05}")
    if dtype in NUMBERS:
        if math.prod(shape) * NUMBERS[dtype].itemsize != size:
            raise CheckpointError(f"{path}: {short_repr(name)} has {size} bytes, which its shape {shape} has not")
        check_read(file, CheckpointError)
        if not file.is_file() or file.stat().st_size < offset + size:
            raise CheckpointError(f"{file}: must lie beside {path.name}, and reach as far as it says")
    numbers = NUMBERS.get(dtype, NUMBERS["U8"])
    return Weight(name, tuple(shape), dtype, file, partial(mapped, file, offset, tuple(shape), numbers), offset)


def _whole(value: int | bytes) -> int:
    if not isinstance(value, int):
        raise ValueError("a field that must hold a number holds bytes")
    return value


def _bytes(value: int | bytes) -> bytes:
    if not isinstance(value, bytes):
        raise ValueError("a field that must hold a message holds a number")
    return value
