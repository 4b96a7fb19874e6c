"""A small assembler of pickles, and what becomes of the files made of them."""

import pickle
import struct
import zipfile
from pathlib import Path

import pytest

from distilbert import CheckpointError
from distilbert.convert.formats import read_file


class Raw(bytes):
    """Opcodes as they are."""


def name(module: str, attribute: str) -> Raw:
    return Raw(pickle.GLOBAL + f"{module}\n{attribute}\n".encode())


def code(value: object) -> bytes:
    """Opcodes that push a value."""
    match value:
        case Raw():
            return value
        case None:
            return pickle.NONE
        case bool():
            return pickle.NEWTRUE if value else pickle.NEWFALSE
        case int():
            length = value.bit_length() // 8 + 1
            return pickle.LONG1 + bytes([length]) + value.to_bytes(length, "little", signed=True)
        case float():
            return pickle.BINFLOAT + struct.pack(">d", value)
        case str():
            return pickle.BINUNICODE + struct.pack("<I", len(value.encode())) + value.encode()
        case tuple():
            return pickle.MARK + b"".join(map(code, value)) + pickle.TUPLE
        case dict():
            items = b"".join(code(key) + code(item) for key, item in value.items())
            return pickle.EMPTY_DICT + pickle.MARK + items + pickle.SETITEMS
    raise TypeError(value)


def call(function: Raw, *arguments: object) -> Raw:
    return Raw(function + code(arguments) + pickle.REDUCE)


def storage(key: str = "0", kind: str = "FloatStorage", size: int = 6) -> Raw:
    return Raw(code(("storage", name("torch", kind), key, "cpu", size)) + pickle.BINPERSID)


def tensor(
    of: object = None, offset: object = 0, shape: object = (2, 3), strides: object = (3, 1), *more: object
) -> Raw:
    arguments = (storage() if of is None else of, offset, shape, strides, False, {}, *more)
    return call(name("torch._utils", "_rebuild_tensor_v2"), *arguments)


def write_zip(path: Path, root: object, storages: dict[str, bytes] | None = None, **members: bytes) -> Path:
    """An archive as torch.save writes it around any pickle; one storage of six float32 by default."""
    data = pickle.PROTO + b"\2" + code(root) + pickle.STOP
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", data)
        for key, content in ({"0": bytes(24)} if storages is None else storages).items():
            archive.writestr(f"archive/data/{key}", content)
        for member, content in members.items():
            archive.writestr(f"archive/{member}", content)
    return path


def refused(path: Path, match: str) -> None:
    with pytest.raises(CheckpointError, match=match) as caught:
        read_file(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def module(attributes: object, kind: str = "Module") -> Raw:
    return Raw(name("__torch__", kind) + pickle.EMPTY_TUPLE + pickle.NEWOBJ + code(attributes) + pickle.BUILD)
