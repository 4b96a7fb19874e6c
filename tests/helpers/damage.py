"""Ways to damage the bytes of a file of a model folder, and ways that do no harm."""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from distilbert.folder.layout import INDEX
from helpers.damaged_formats import archive_member, message_pack, numbers, onnx_graph


def damaged(content: bytes, file: str, random: Random) -> tuple[bytes, str]:
    """The content of a file of this name after one to three kinds of damage, and what they were."""
    steps = []
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        content, step = random.choice(_ways(file))(content, random)
        steps.append(step)
    return content, " and ".join(steps)


Way = Callable[[bytes, Random], tuple[bytes, str]]


def _ways(file: str) -> list[Way]:
    of_kind = _WAYS.get(Path(file).suffix, [])
    return [*of_kind, *OF_ANY_FILE]


def _flip(content: bytes, random: Random) -> tuple[bytes, str]:
    damaged = bytearray(content)
    bits = [random.randrange(max(8 * len(content), 1)) for _ in range(random.choice((1, 1, 2, 8, 64)))]
    for bit in bits if content else []:
        damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged), f"bits {bits[:8]} flipped"


def _cut(content: bytes, random: Random) -> tuple[bytes, str]:
    length = random.choice((0, 1, random.randrange(len(content) + 1), max(len(content) - 1, 0)))
    return content[:length], f"cut to {length} bytes"


def _splice(content: bytes, random: Random) -> tuple[bytes, str]:
    """A part is put, or moved, somewhere else, or left out."""
    start, place = (random.randrange(len(content) + 1) for _ in range(2))
    stop = min(len(content), start + random.choice((1, 8, 100, 1000, len(content))))
    rest = content if random.random() < 0.5 else content[:start] + content[stop:]
    part = b"" if random.random() < 0.3 else content[start:stop]
    return rest[:place] + part + rest[place:], f"bytes {start} to {stop} spliced to {place}"


def _overwrite(content: bytes, random: Random) -> tuple[bytes, str]:
    start = random.randrange(len(content) + 1)
    length = min(random.choice((1, 4, 8, 64, 1000)), len(content) - start)
    filling = random.choice((bytes(length), b"\xff" * length, random.randbytes(length), b"[" * length, b'"' * length))
    return content[:start] + filling + content[start + length :], f"{length} bytes at {start} overwritten"


class _Raw(str):
    """Text to be put into JSON as it stands."""


NASTY: list[Any] = [
    None, True, False, 0, 1, -1, 2, 3, 7, 127, 1024, 2**31 - 1, 2**31, 2**32, 2**53, 2**63 - 1, 2**63, 2**64, -(2**63),
    10**40, 0.5, -0.0, 1e308, float("nan"), float("inf"), float("-inf"), "", "0", "null", "a", "\0", "\ud800", "a\nb",
    "../../x", "/etc/passwd", "x" * 100_000, "%s%n{}", "gelu", "relu", "[UNK]", "bert", "F32", "BF16", [], [[]], {},
    {"a": 1}, [None], {"": None}, [0, 1], [-1, 4], list(range(1000)), {str(i): "x" for i in range(3)},
    _Raw("9" * 5000), _Raw("1e999999"), _Raw("[" * 90 + "]" * 90), _Raw("[" * 3000 + "]" * 3000), _Raw("undefined"),
]  # fmt: skip


def _json(content: bytes, random: Random) -> tuple[bytes, str]:
    """A value of the document is replaced, taken away, doubled, renamed, or changes places with another."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return _splice(content, random)
    what = _damage(document, random)
    return _dump(document).encode("utf-8", "surrogatepass"), what


def _header(content: bytes, random: Random) -> tuple[bytes, str]:
    """The same within the header of a safetensors file, whose length is made to fit again (mostly)."""
    length = int.from_bytes(content[:8], "little")
    try:
        header = json.loads(content[8 : 8 + length])
    except (ValueError, RecursionError):
        return _splice(content, random)
    what = _damage(header, random)
    text = _dump(header).encode("utf-8", "surrogatepass")
    text += b" " * (-len(text) % 8)
    stated = len(text) if random.random() < 0.9 else random.choice((0, 1, len(text) + 1, 2**32, 2**63, 2**64 - 1))
    return stated.to_bytes(8, "little") + text + content[8 + length :], f"header: {what}"


def _damage(document: Any, random: Random) -> str:
    places = list(_places(document))
    if not places:
        return "nothing"
    holder, key = random.choice(places)
    # big documents are mostly leaves far down; what stands at the top matters more
    if random.random() < 0.5 and isinstance(document, dict | list):
        holder, key = document, random.choice(list(document) if isinstance(document, dict) else range(len(document)))
    value = holder[key]
    way = random.choice(("nasty", "nasty", "nasty", "number", "delete", "rename", "swap", "double"))
    if way == "number" and type(value) in (int, float):
        holder[key] = random.choice((value + 1, value - 1, -value, value * 2, value * 1000, value // 2, value + 0.5))
    elif way == "delete":
        del holder[key]
    elif way == "rename" and isinstance(holder, dict):
        holder[random.choice((key + "x", "", "hidden_size", "dim", "\ud800", key.upper()))] = holder.pop(key)
    elif way == "swap":
        other, place = random.choice(places)
        holder[key], other[place] = other[place], holder[key]
    elif way == "double" and isinstance(holder, list):
        holder.append(value)
    else:
        holder[key] = copy.deepcopy(random.choice(NASTY))  # a second step may damage it
    return f"{way} at {str(key)[:40]!r}: {str(value)[:40]} -> {str(holder[key])[:40] if way == 'nasty' else ''}"


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """(holder, key) of every value in a document."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in list(items):
        yield value, key
        yield from _places(child)


def _dump(value: Any) -> str:
    """JSON, with what is raw as it stands. A value that was put into itself ends in null."""

    def dump(value: Any, depth: int) -> str:
        if isinstance(value, _Raw):
            return str(value)
        if depth > 40 or not isinstance(value, dict | list):
            return json.dumps(None if isinstance(value, dict | list) else value)
        if isinstance(value, dict):
            return "{" + ", ".join(f"{json.dumps(str(k))}: {dump(v, depth + 1)}" for k, v in value.items()) + "}"
        return "[" + ", ".join(dump(each, depth + 1) for each in value) + "]"

    return dump(value, 0)


def _message_pack(content: bytes, random: Random) -> tuple[bytes, str]:
    return message_pack(content, lambda document: _damage(document, random)) or _splice(content, random)


def _member(content: bytes, random: Random) -> tuple[bytes, str]:
    ways = (_flip, _cut, _splice, _overwrite, numbers)
    return archive_member(content, random, random.choice(ways)) or _splice(content, random)


def _onnx(content: bytes, random: Random) -> tuple[bytes, str]:
    return onnx_graph(content, random) or _splice(content, random)


def _lines(content: bytes, random: Random) -> tuple[bytes, str]:
    lines = content.split(b"\n")
    index, other = random.randrange(len(lines)), random.randrange(len(lines))
    way = random.choice(("drop", "double", "swap", "blank", "nul", "long", "many", "shuffle", "special", "not UTF-8"))
    if way == "drop":
        del lines[index]
    elif way == "double":
        lines[index] = lines[other]
    elif way == "swap":
        lines[index], lines[other] = lines[other], lines[index]
    elif way == "many":
        lines += [b"piece%d" % number for number in range(random.choice((1, 1000, 50_000)))]
    elif way == "shuffle":
        random.shuffle(lines)
    elif way == "special":
        lines.remove(random.choice([line for line in lines if line.startswith(b"[")] or lines))
    else:
        lines[index] = {"blank": b"", "nul": b"a\0b", "long": b"x" * 100_000, "not UTF-8": b"\xff\xfe"}[way]
    return b"\n".join(lines), f"{way} at line {index}"


def harmless(content: bytes, file: str, random: Random) -> tuple[bytes, str]:
    """Another way to write the same file."""
    if file.endswith(".txt"):
        return content.replace(b"\n", b"\r\n"), "other line ends"
    document = json.loads(content)
    if isinstance(document, dict) and file != INDEX and random.random() < 0.5:
        if file != "tokenizer.json":  # the library refuses what it does not know there
            document["no_such_key"] = [1, {"deep": None}]
        document = dict(random.sample(list(document.items()), len(document)))
        return json.dumps(document).encode(), "another order and a key more"
    return json.dumps(document, indent=random.randrange(6), ensure_ascii=False).encode(), "other spaces"


OF_ANY_FILE: tuple[Way, ...] = (_flip, _cut, _splice, _overwrite)
_WAYS: dict[str, list[Way]] = {
    ".json": [_json] * 4,
    ".txt": [_lines] * 4,
    ".safetensors": [_header] * 6,
    ".bin": [_member] * 6,
    ".ot": [_member] * 6,
    ".npz": [_member] * 6,
    ".msgpack": [_message_pack] * 4 + [numbers] * 2,
    ".onnx": [_onnx] * 4 + [numbers] * 2,
    ".h5": [numbers] * 6,
    ".index": [numbers] * 6,
}
