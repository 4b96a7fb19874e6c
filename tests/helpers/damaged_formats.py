"""Damage within the formats of other programs that leaves the rest of a file sound."""

import io
import zipfile
from collections.abc import Callable
from random import Random
from typing import Any

Damaged = tuple[bytes, str]  # and how

_NUMBERS = (0, 1, 2, 7, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**53, 2**63 - 1, 2**64 - 1)


def numbers(content: bytes, random: Random) -> Damaged:
    """A number that stands at a place of its own size becomes another; mostly near the start, where headers are."""
    damaged = bytearray(content)
    size = random.choice((1, 2, 4, 8))
    reach = len(content) if random.random() < 0.4 else min(len(content), random.choice((64, 512, 4096)))
    if random.random() < 0.3:  # or near the end, where directories are
        place = max(0, len(content) - 1 - random.randrange(max(reach, 1)))
    else:
        place = random.randrange(max(reach, 1))
    place -= place % size
    before = int.from_bytes(content[place : place + size], "little")
    value = random.choice((*_NUMBERS, before + 1, before - 1, before * 2, before // 2, before + 4096)) % 2 ** (8 * size)
    damaged[place : place + size] = value.to_bytes(size, "little")
    return bytes(damaged[: len(content)]), f"{size} bytes at {place}: {before} -> {value}"


def archive_member(content: bytes, random: Random, damage: Callable[[bytes, Random], Damaged]) -> Damaged | None:
    """A member of a zip archive is damaged and its checksum made to fit; small ones first. None for no archive."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [(info, archive.read(info)) for info in archive.infolist()]
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError, EOFError):
        return None
    if not members:
        return None
    names = [info.filename for info, _ in members]
    telling = [place for place, name in enumerate(names) if name.endswith((".pkl", ".py", "byteorder", "version"))]
    chosen = random.choice(telling if telling and random.random() < 0.8 else range(len(members)))
    head = 128 if names[chosen].endswith(".npy") and random.random() < 0.8 else len(members[chosen][1])
    inner, what = damage(members[chosen][1][:head], random)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for place, (info, data) in enumerate(members):
            kept = zipfile.ZipInfo(info.filename)
            archive.writestr(kept, inner + data[head:] if place == chosen else data)
    return stream.getvalue(), f"{names[chosen]}: {what}"


def message_pack(content: bytes, damage: Callable[[Any], str]) -> Damaged | None:
    """A value of a MessagePack document is damaged. None for what is none, or what the damage makes of it."""
    import msgpack

    try:
        document = msgpack.unpackb(content, raw=False, max_ext_len=len(content))
        what = damage(document)
        return msgpack.packb(document, use_bin_type=True), what
    except (msgpack.UnpackException, ValueError, TypeError, OverflowError, RecursionError):
        return None


def onnx_graph(content: bytes, random: Random) -> Damaged | None:
    """A tensor or a node of an ONNX graph says something else. None for what is no graph."""
    import onnx
    from google.protobuf.message import DecodeError

    model = onnx.ModelProto()
    try:
        model.ParseFromString(content)
    except DecodeError:
        return None
    graph = model.graph
    if not graph.initializer or not graph.node:
        return None
    tensor, node = random.choice(graph.initializer), random.choice(graph.node)
    other = random.choice(graph.initializer)
    way = random.choice(("shape", "shape", "type", "name", "numbers", "elsewhere", "input", "kind", "twice", "gone"))
    if way == "shape":
        del tensor.dims[:]
        tensor.dims.extend(random.choice(((), (0,), (-1,), (2**40, 2**40), (1,) * 100, (3, 5), (8,))))
    elif way == "type":
        tensor.data_type = random.choice((0, 1, 2, 3, 7, 8, 10, 11, 16, 20, 99))
    elif way == "name":
        tensor.name = random.choice(("", other.name, "a/../b", "x" * 10_000, "\n", "classifier.weight"))
    elif way == "numbers":
        tensor.raw_data = random.choice((b"", b"\0", tensor.raw_data[:-1], tensor.raw_data * 2, bytes(1000)))
    elif way == "elsewhere":
        tensor.data_location = onnx.TensorProto.EXTERNAL
        for key, value in (
            ("location", random.choice(("", "/etc/passwd", "../vocab.txt", "vocab.txt", "none", ".", "\0"))),
            ("offset", random.choice(("0", "-1", "x", "9" * 30, "²"))),
            ("length", random.choice(("0", "-1", "x", "9" * 30))),
        ):
            tensor.external_data.add(key=key, value=value)
    elif way == "input" and node.input:
        node.input[random.randrange(len(node.input))] = random.choice(("", other.name, node.output[0], "none"))
    elif way == "kind":
        node.op_type = random.choice(("Add", "MatMul", "Gemm", "Constant", "Transpose", "", "DequantizeLinear"))
    elif way == "twice":
        graph.initializer.add().CopyFrom(tensor)
    else:
        graph.initializer.remove(tensor)
    return model.SerializeToString(), f"{way} of {tensor.name[:40]}"
