"""The numbers of weights: every floating-point type is read exactly, mapped where possible, and never before use."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from distilbert import CheckpointError
from distilbert.folder.checkpoint import Head, key_table, open_checkpoint
from distilbert.folder.layout import WEIGHTS
from distilbert.folder.weight_names import PREFIX
from distilbert.folder.weights import read_header
from helpers.tiny_folders import MakeTiny, check_equal, tiny, write, write_raw


def bfloat16(array: np.ndarray) -> np.ndarray:
    return (array.view(np.uint32) >> 16).astype("<u2")


STORED_AS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "F16": lambda array: array.astype("<f2"),
    "F64": lambda array: array.astype("<f8"),
    "BF16": bfloat16,
}


@pytest.mark.parametrize("dtype", list(STORED_AS))
def test_other_float_dtypes_are_read_as_float32_exactly(dtype: str, make_tiny: MakeTiny) -> None:
    folder, _, weights = make_tiny()
    special = np.array([0.0, -0.0, np.inf, -np.inf, 65504, 2**-24], np.float32)  # 2^-24: float16's smallest
    weights[f"{PREFIX}transformer.layer.0.ffn.lin1.bias"] = special
    for name, array in weights.items():  # numbers that the dtype holds exactly
        weights[name] = (bfloat16(array).astype(np.uint32) << 16).view(np.float32)
        if dtype == "F16":
            weights[name] = weights[name].astype(np.float16).astype(np.float32)
    write(folder / WEIGHTS, {key: (dtype, a.shape, STORED_AS[dtype](a).tobytes()) for key, a in weights.items()})
    check_equal(folder, weights, Head.QUESTION_ANSWERING)


def test_weights_that_are_not_aligned_are_read_all_the_same(make_tiny: MakeTiny) -> None:
    folder, _, weights = make_tiny()
    tensors = {key: ("F32", array.shape, array.tobytes()) for key, array in weights.items()}
    buffer = {f"{PREFIX}embeddings.position_ids": ("U8", (1,), b"\1")}  # all that follows lies at odd places
    write(folder / WEIGHTS, buffer | tensors)
    check_equal(folder, weights, Head.QUESTION_ANSWERING)
    assert not any(tensor.mappable for tensor in open_checkpoint(folder).tensors.values())


@pytest.mark.parametrize(("dtype", "size"), [("I64", 8), ("I32", 4), ("I8", 1), ("U8", 1), ("BOOL", 1), ("F8_E4M3", 1)])
def test_weights_that_are_not_floats_are_named(dtype: str, size: int, make_tiny: MakeTiny) -> None:
    folder, _, weights = make_tiny()
    tensors = {key: ("F32", array.shape, array.tobytes()) for key, array in weights.items()}
    tensors["qa_outputs.bias"] = (dtype, (2,), bytes(2 * size))
    write(folder / WEIGHTS, tensors)
    with pytest.raises(
        CheckpointError, match=rf"qa_outputs\.bias is stored as {dtype}; save the model in F32 or F16 or F64 or BF16"
    ):
        open_checkpoint(folder)
    (tensor,) = (t for t in read_header(folder / WEIGHTS).values() if t.dtype == dtype)
    with pytest.raises(CheckpointError, match=rf"qa_outputs\.bias is stored as {dtype}"):
        tensor.read()


OPEN_LARGE = """
import resource, sys
from distilbert.folder.checkpoint import open_checkpoint
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
checkpoint = open_checkpoint(sys.argv[1])
views = [tensor.read() for tensor in checkpoint.tensors.values()]
assert sum(view.nbytes for view in views) > 1e9
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_opening_a_gigabyte_reads_none_of_it(tmp_path: Path) -> None:
    config = tiny(Head.NONE, vocab_size=2**26)
    (tmp_path / "config.json").write_text(json.dumps(config.to_dict()))
    header, end = {}, 0
    for name, shape in key_table(config, Head.NONE).items():
        start, end = end, end + 4 * int(np.prod(shape))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}
    write_raw(tmp_path / WEIGHTS, json.dumps(header).encode(), b"")
    with (tmp_path / WEIGHTS).open("r+b") as file:
        file.truncate(file.seek(0, os.SEEK_END) + end)  # a sparse file: zeros on no disk space
    done = subprocess.run([sys.executable, "-c", OPEN_LARGE, str(tmp_path)], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 30_000  # kB


def test_a_weight_in_float32_is_a_view_of_the_file(make_tiny: MakeTiny) -> None:
    folder, _, _ = make_tiny()
    for tensor in open_checkpoint(folder).tensors.values():
        read = tensor.read()
        assert isinstance(read.base, np.memmap) or isinstance(read, np.memmap)
        assert not read.flags.writeable
