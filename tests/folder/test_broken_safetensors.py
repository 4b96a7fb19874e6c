"""Broken and lying safetensors files: an error on one line that names the file, never a read outside it."""

import json
from typing import Any

import numpy as np
import pytest

from distilbert import CheckpointError
from distilbert.folder.checkpoint import open_checkpoint
from distilbert.folder.layout import WEIGHTS
from helpers.tiny_folders import MakeTiny, write_raw


def test_a_file_cut_anywhere_is_not_whole(make_tiny: MakeTiny) -> None:
    folder, _, _ = make_tiny()
    content = (folder / WEIGHTS).read_bytes()
    header = int.from_bytes(content[:8], "little")
    for length in (0, 1, 7, 8, 9, 8 + header // 2, 8 + header, 9 + header, len(content) // 2, len(content) - 1):
        (folder / WEIGHTS).write_bytes(content[:length])
        with pytest.raises(CheckpointError, match=r"model\.safetensors: not a whole safetensors file"):
            open_checkpoint(folder)
    (folder / WEIGHTS).write_bytes(content + b"\0")
    with pytest.raises(CheckpointError, match="not a whole safetensors file"):
        open_checkpoint(folder)


def lies(header: dict[str, Any], end: int) -> dict[str, Any]:
    """Names of lies -> headers that tell them, of a file with `end` bytes of data."""
    first, second, *_, last = header
    half = header[first]["data_offsets"][1] // 2

    def changed(name: str, **changes: object) -> dict[str, Any]:
        return header | {name: header[name] | changes}

    begin = header[last]["data_offsets"][0]
    return {
        "offsets outside the file": changed(last, data_offsets=[begin, end + 4]),
        "far outside": changed(last, data_offsets=[2**62, 2**63]),
        "overlapping": changed(second, data_offsets=header[first]["data_offsets"]),
        "half overlapping": changed(second, data_offsets=[half, header[second]["data_offsets"][1]]),
        "backwards": changed(last, data_offsets=[end, begin]),
        "negative": changed(last, data_offsets=[-4, end]),
        "not integers": changed(last, data_offsets=[0.5, 1e3]),
        "one offset": changed(last, data_offsets=[0]),
        "no offsets": {**header, last: {"dtype": "F32", "shape": [2]}},
        "shape larger than its bytes": changed(last, shape=[3]),
        "shape smaller": changed(last, shape=[1]),
        "shape that overflows": changed(last, shape=[2**33, 2**33]),
        "shape that wraps to its size": changed(last, shape=[2**63, 2, 2]),
        "negative shape": changed(last, shape=[-2]),
        "shape of strings": changed(last, shape=["2"]),
        "null shape": changed(last, shape=None),
        "another dtype": changed(last, dtype="F64"),
        "a dtype that is none": changed(last, dtype="F31"),
        "null dtype": changed(last, dtype=None),
        "a list": [header],
        "null": None,
        "a number": 5,
        "tensors that are strings": dict.fromkeys(header, "F32"),
        "metadata of numbers": header | {"__metadata__": {"a": 5}},
        "a tensor missing": {name: entry for name, entry in header.items() if name != second},
    }


@pytest.mark.parametrize("lie", lies({n: {"data_offsets": [0, 0]} for n in "abc"}, 0))
def test_a_header_that_lies(lie: str, make_tiny: MakeTiny) -> None:
    folder, _, _ = make_tiny()
    content = (folder / WEIGHTS).read_bytes()
    length = int.from_bytes(content[:8], "little")
    data = content[8 + length :]
    header = lies(json.loads(content[8 : 8 + length]), len(data))[lie]
    write_raw(folder / WEIGHTS, json.dumps(header).encode(), data)
    with pytest.raises(CheckpointError, match=r"model\.safetensors: not a whole safetensors file") as caught:
        open_checkpoint(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("length", [2**64 - 1, 2**63, 2**40, 100_000_001, 10_000])
def test_a_header_that_says_it_is_longer_than_the_file(length: int, make_tiny: MakeTiny) -> None:
    folder, _, _ = make_tiny()
    content = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(length.to_bytes(8, "little") + content[8:])
    with pytest.raises(CheckpointError, match="not a whole safetensors file"):
        open_checkpoint(folder)


@pytest.mark.parametrize(
    "header",
    [b"not json", b"\xff\xfe{}", b"{}garbage", b'{"a":' * 5000, b"[" * 100_000, b"{" + b'"x":' * 99, b"NaN", b"", b" "],
    ids=lambda header: repr(header[:10]),
)
def test_a_header_that_is_not_json(header: bytes, make_tiny: MakeTiny) -> None:
    folder, _, _ = make_tiny()
    write_raw(folder / WEIGHTS, header, b"")
    with pytest.raises(CheckpointError, match="not a whole safetensors file"):
        open_checkpoint(folder)


def test_a_name_that_stands_twice_in_the_header_is_one_tensor_or_an_error(make_tiny: MakeTiny) -> None:
    """JSON readers differ in which of the two they take; none may take a place that was not checked."""
    folder, _, weights = make_tiny()
    content = (folder / WEIGHTS).read_bytes()
    length = int.from_bytes(content[:8], "little")
    data, bias = content[8 + length :], weights["qa_outputs.bias"]
    for twice in ([0, 8], [len(data) + 4096, len(data) + 4104]):
        entry = json.dumps({"dtype": "F32", "shape": [2], "data_offsets": twice})
        for header in (
            content[8 : 8 + length - 1].decode() + f', "qa_outputs.bias": {entry}}}',
            f'{{"qa_outputs.bias": {entry}, ' + content[9 : 8 + length].decode(),
        ):
            write_raw(folder / WEIGHTS, header.encode(), data)
            try:
                read = open_checkpoint(folder).tensors["qa_outputs.bias"].read()
            except CheckpointError:
                continue
            np.testing.assert_array_equal(read, bias)
