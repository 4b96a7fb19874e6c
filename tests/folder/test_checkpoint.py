"""Checkpoints: every head in every form of file, strict both ways, whole or not at all, and never read before use."""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

import distilbert
from conftest import Maker, random_weights
from distilbert import CheckpointError, ConfigError, DistilBertConfig, DistilBertError
from distilbert.folder import checkpoint as module
from distilbert.folder.checkpoint import Head, key_table, open_checkpoint, save_checkpoint
from distilbert.folder.layout import INDEX, WEIGHTS
from distilbert.folder.weight_names import PREFIX
from distilbert.folder.weights import read_header

HEADS = list(Head)
WITH_LABELS = (Head.SEQUENCE_CLASSIFICATION, Head.TOKEN_CLASSIFICATION)
WORDS = f"{PREFIX}embeddings.word_embeddings.weight"
PROJECTOR = "vocab_projector.weight"
Weights = dict[str, np.ndarray]


def tiny(head: Head, **changes: object) -> DistilBertConfig:
    values: dict[str, object] = {
        "vocab_size": 11, "max_position_embeddings": 7, "dim": 4, "n_layers": 2, "n_heads": 2, "hidden_dim": 6,
        "architectures": [head.value], "num_labels": 3,
    }  # fmt: skip
    return DistilBertConfig.from_dict(values | changes)


def write(path: Path, tensors: Mapping[str, tuple[str, tuple[int, ...], bytes]]) -> None:
    """A safetensors file written by hand: tensors as (dtype, shape, bytes)."""
    header, data = {}, b""
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    write_raw(path, json.dumps(header).encode(), data)


def write_raw(path: Path, header: bytes, data: bytes) -> None:
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)


def write_weights(folder: Path, config: DistilBertConfig, weights: Weights, name: str = WEIGHTS) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config.to_dict()))
    write(folder / name, {key: ("F32", array.shape, array.tobytes()) for key, array in weights.items()})
    return folder


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., tuple[Path, DistilBertConfig, Weights]]:
    """`make(head, **config keys)` -> a tiny folder, its config and its weights."""

    def make(head: Head = Head.QUESTION_ANSWERING, **changes: object) -> tuple[Path, DistilBertConfig, Weights]:
        config = tiny(head, **changes)
        weights = random_weights(config, head)
        return write_weights(tmp_path / "model", config, weights), config, weights

    return make


def check_equal(folder: Path, weights: Mapping[str, np.ndarray], head: Head) -> None:
    checkpoint = open_checkpoint(folder)
    assert checkpoint.head is head
    assert list(checkpoint.tensors) == [name for name in key_table(checkpoint.config, head) if name in weights]
    for name, tensor in checkpoint.tensors.items():
        read = tensor.read()
        assert read.dtype == np.float32
        assert read.tobytes() == weights[name].tobytes(), name  # bit for bit
        assert read.shape == weights[name].shape


# heads ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("head", HEADS)
def test_every_head_is_recognised(head: Head, make: Any) -> None:
    folder, _, weights = make(head)
    check_equal(folder, weights, head)


@pytest.mark.parametrize("head", [head for head in HEADS if head is not Head.MULTIPLE_CHOICE])
def test_every_head_is_recognised_by_its_weights_alone(head: Head, make: Any) -> None:
    folder, _, weights = make(head)
    write_weights(folder, tiny(head, architectures=None), weights)
    check_equal(folder, weights, head)
    # a name that is none of ours says nothing
    write_weights(folder, tiny(head, architectures=["MyDistilBertModel"]), weights)
    check_equal(folder, weights, head)


@pytest.mark.parametrize("head", HEADS)
def test_the_encoder_of_any_head_can_be_asked_for_alone(head: Head, make: Any) -> None:
    """The published base models name no head and keep the masked-LM head's weights."""
    folder, _, weights = make(head)
    write_weights(folder, tiny(Head.NONE), weights)
    check_equal(folder, weights, Head.NONE)


def test_the_weights_of_another_head_are_left_unread(make: Any) -> None:
    folder, config, weights = make(Head.QUESTION_ANSWERING)
    write_weights(folder, config, weights | random_weights(tiny(Head.MASKED_LM), Head.MASKED_LM) | weights)
    check_equal(folder, weights, Head.QUESTION_ANSWERING)


@pytest.mark.parametrize("head", HEADS)
def test_base_weights_without_their_prefix(head: Head, make: Any) -> None:
    folder, config, weights = make(head)
    write_weights(folder, config, {name.removeprefix(PREFIX): array for name, array in weights.items()})
    check_equal(folder, weights, head)


@pytest.mark.parametrize("stored", HEADS)
@pytest.mark.parametrize("declared", HEADS)
def test_a_config_that_says_another_head_than_the_weights(declared: Head, stored: Head, make: Any) -> None:
    folder, _, weights = make(stored)
    write_weights(folder, tiny(declared), weights)
    if declared in (Head.NONE, stored):
        assert open_checkpoint(folder).head is declared
    elif (declared, stored) == (Head.SEQUENCE_CLASSIFICATION, Head.MULTIPLE_CHOICE):  # they differ in a shape alone
        assert open_checkpoint(folder).config.num_labels == 1
    elif (declared, stored) == (Head.MULTIPLE_CHOICE, Head.SEQUENCE_CLASSIFICATION):
        with pytest.raises(CheckpointError, match=r"classifier\.weight has shape \[\d, 4\], but .* asks for \[\d, 4\]"):
            open_checkpoint(folder)
    else:
        with pytest.raises(CheckpointError, match=f"config.json says {declared.value}, but the weights (lack|hold) "):
            open_checkpoint(folder)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("stored", [True, False])
def test_tied_and_untied_projectors(tied: bool, stored: bool, make: Any) -> None:
    folder, config, weights = make(Head.MASKED_LM, tie_word_embeddings=tied)
    if not stored:
        del weights[PROJECTOR]
        write_weights(folder, config, weights)
    if stored or tied:
        check_equal(folder, weights, Head.MASKED_LM)
        assert (PROJECTOR in open_checkpoint(folder).tensors) is stored
    else:
        with pytest.raises(CheckpointError, match=f"lack {PROJECTOR} of a DistilBertForMaskedLM"):
            open_checkpoint(folder)


@pytest.mark.parametrize("head", WITH_LABELS)
def test_labels_that_do_not_match_the_head(head: Head, make: Any) -> None:
    folder, _, weights = make(head)
    write_weights(folder, tiny(head, id2label={"0": "a", "1": "b"}, num_labels=2), weights)
    with pytest.raises(ConfigError, match=r"config\.json: id2label names 2 labels, but the classifier has 3"):
        open_checkpoint(folder)
    write_weights(folder, tiny(head, num_labels=2), weights)
    assert open_checkpoint(folder).config.labels == ("LABEL_0", "LABEL_1", "LABEL_2")


# names and files --------------------------------------------------------------------------------------


def test_old_names_of_layer_norms(make: Any) -> None:
    folder, config, weights = make()
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): array
        for name, array in weights.items()
    }
    assert old.keys() != weights.keys()
    write_weights(folder, config, old)
    check_equal(folder, weights, Head.QUESTION_ANSWERING)


@pytest.mark.parametrize("prefix", [PREFIX, ""])
def test_the_buffer_of_old_versions_is_no_weight(prefix: str, make: Any) -> None:
    folder, _, weights = make()
    tensors = {prefix + name.removeprefix(PREFIX) if name.startswith(PREFIX) else name: array
               for name, array in weights.items()}  # fmt: skip
    buffer = {f"{prefix}embeddings.position_ids": ("I64", (1, 7), bytes(56))}
    write(folder / WEIGHTS, buffer | {name: ("F32", a.shape, a.tobytes()) for name, a in tensors.items()})
    check_equal(folder, weights, Head.QUESTION_ANSWERING)


def shard(folder: Path, weights: Weights, count: int = 3) -> dict[str, str]:
    """Split the folder's weights; returns the weight map."""
    weight_map = {}
    for number in range(count):
        part = dict(list(weights.items())[number::count])
        file = f"model-{number + 1:05}-of-{count:05}.safetensors"
        write(folder / file, {key: ("F32", array.shape, array.tobytes()) for key, array in part.items()})
        weight_map |= dict.fromkeys(part, file)
    (folder / WEIGHTS).unlink(missing_ok=True)
    write_index(folder, weight_map)
    return weight_map


def write_index(folder: Path, weight_map: object) -> None:
    (folder / INDEX).write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": weight_map}))


@pytest.mark.parametrize("head", HEADS)
def test_shards(head: Head, make: Any) -> None:
    folder, _, weights = make(head)
    shard(folder, weights)
    check_equal(folder, weights, head)


def test_files_that_are_links_into_the_hubs_cache(make: Any, tmp_path: Path) -> None:
    folder, _, weights = make()
    shard(folder, weights)
    (tmp_path / "blobs").mkdir()
    (tmp_path / "snapshots").mkdir()
    for number, path in enumerate(sorted(folder.iterdir())):
        path.rename(tmp_path / "blobs" / f"{number:064x}")
        path.symlink_to(f"../blobs/{number:064x}")
    check_equal(folder, weights, Head.QUESTION_ANSWERING)


def bfloat16(array: np.ndarray) -> np.ndarray:
    return (array.view(np.uint32) >> 16).astype("<u2")


STORED_AS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "F16": lambda array: array.astype("<f2"),
    "F64": lambda array: array.astype("<f8"),
    "BF16": bfloat16,
}


@pytest.mark.parametrize("dtype", list(STORED_AS))
def test_other_float_dtypes_are_read_as_float32_exactly(dtype: str, make: Any) -> None:
    folder, _, weights = make()
    special = np.array([0.0, -0.0, np.inf, -np.inf, 65504, 2**-24], np.float32)  # 2^-24: float16's smallest
    weights[f"{PREFIX}transformer.layer.0.ffn.lin1.bias"] = special
    for name, array in weights.items():  # numbers that the dtype holds exactly
        weights[name] = (bfloat16(array).astype(np.uint32) << 16).view(np.float32)
        if dtype == "F16":
            weights[name] = weights[name].astype(np.float16).astype(np.float32)
    write(folder / WEIGHTS, {key: (dtype, a.shape, STORED_AS[dtype](a).tobytes()) for key, a in weights.items()})
    check_equal(folder, weights, Head.QUESTION_ANSWERING)


def test_weights_that_are_not_aligned_are_read_all_the_same(make: Any) -> None:
    folder, _, weights = make()
    tensors = {key: ("F32", array.shape, array.tobytes()) for key, array in weights.items()}
    buffer = {f"{PREFIX}embeddings.position_ids": ("U8", (1,), b"\1")}  # all that follows lies at odd places
    write(folder / WEIGHTS, buffer | tensors)
    check_equal(folder, weights, Head.QUESTION_ANSWERING)
    assert not any(tensor.mappable for tensor in open_checkpoint(folder).tensors.values())


def test_a_folder_with_an_unusual_name_runs(make_checkpoint: Maker) -> None:
    plain = distilbert.load(make_checkpoint())
    odd = distilbert.load(make_checkpoint(name="модель 模型 ü #1 'a' \"b\"\n%20"))
    assert odd("a good film") == plain("a good film")


def test_a_path_that_is_no_unicode_is_refused(make_checkpoint: Maker) -> None:
    folder = make_checkpoint()
    with pytest.raises(CheckpointError, match=r"mod\\udcffel.*valid Unicode; rename it") as caught:
        distilbert.load(folder.rename(folder.parent / os.fsdecode(b"mod\xffel")))
    str(caught.value).encode()  # can be printed


# strict both ways -------------------------------------------------------------------------------------


@pytest.mark.parametrize("head", HEADS)
def test_each_missing_weight_is_named(head: Head, make: Any) -> None:
    folder, config, weights = make(head, tie_word_embeddings=False)
    for name in weights:
        write_weights(folder, config, {key: array for key, array in weights.items() if key != name})
        with pytest.raises(CheckpointError, match=f"lack .*{name.split('.')[0]}") as caught:
            open_checkpoint(folder)
        # without a single weight of its part, the part itself is named
        assert name in str(caught.value) or f"says {head.value}" in str(caught.value)
        assert str(caught.value).startswith(f"{folder}: ")


@pytest.mark.parametrize(
    "name",
    [f"{PREFIX}embeddings.{name}" for name in ("token_type_embeddings.weight", "", "x\ny", "x" * 10_000, "\u202e")],
)
def test_an_unexpected_weight_is_named_on_one_line(name: str, make: Any) -> None:
    folder, config, weights = make()
    write_weights(folder, config, weights | {name: np.zeros(1, np.float32)})
    with pytest.raises(CheckpointError, match=r"weights hold .*, which a DistilBertForQuestionAnswering") as caught:
        open_checkpoint(folder)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < len(str(folder)) + 300


def test_a_layer_more_or_less_than_the_config_says(make: Any) -> None:
    folder, _, weights = make()
    write_weights(folder, tiny(Head.QUESTION_ANSWERING, n_layers=1), weights)
    with pytest.raises(CheckpointError, match=r"hold distilbert\.transformer\.layer\.1\..* and 13 more"):
        open_checkpoint(folder)
    write_weights(folder, tiny(Head.QUESTION_ANSWERING, n_layers=1024), weights)
    with pytest.raises(CheckpointError, match=r"lack distilbert\.transformer\.layer\.2\.attention\.q_lin\.weight, "):
        open_checkpoint(folder)


@pytest.mark.parametrize("head", HEADS)
def test_each_wrong_shape_is_named(head: Head, make: Any) -> None:
    folder, config, weights = make(head)
    for name, array in weights.items():
        wrong = (
            array[..., np.newaxis] if array.ndim == 1 else array.T if array.shape[0] != array.shape[1] else array[:2]
        )
        write_weights(folder, config, weights | {name: np.ascontiguousarray(wrong)})
        with pytest.raises(CheckpointError, match=rf"{name} has shape \[.*\], but config\.json asks for \[") as caught:
            open_checkpoint(folder)
        assert str(list(array.shape)) in str(caught.value)
        assert str(list(wrong.shape)) in str(caught.value)


@pytest.mark.parametrize(("dtype", "size"), [("I64", 8), ("I32", 4), ("I8", 1), ("U8", 1), ("BOOL", 1), ("F8_E4M3", 1)])
def test_weights_that_are_not_floats_are_named(dtype: str, size: int, make: Any) -> None:
    folder, _, weights = make()
    tensors = {key: ("F32", array.shape, array.tobytes()) for key, array in weights.items()}
    tensors["qa_outputs.bias"] = (dtype, (2,), bytes(2 * size))
    write(folder / WEIGHTS, tensors)
    with pytest.raises(
        CheckpointError, match=rf"qa_outputs\.bias is stored as {dtype}; use one of F32, F16, F64, BF16"
    ):
        open_checkpoint(folder)
    (tensor,) = (t for t in read_header(folder / WEIGHTS).values() if t.dtype == dtype)
    with pytest.raises(CheckpointError, match=rf"qa_outputs\.bias is stored as {dtype}"):
        tensor.read()


# broken files -----------------------------------------------------------------------------------------


def test_a_file_cut_anywhere_is_not_whole(make: Any) -> None:
    folder, _, _ = make()
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
def test_a_header_that_lies(lie: str, make: Any) -> None:
    folder, _, _ = make()
    content = (folder / WEIGHTS).read_bytes()
    length = int.from_bytes(content[:8], "little")
    data = content[8 + length :]
    header = lies(json.loads(content[8 : 8 + length]), len(data))[lie]
    write_raw(folder / WEIGHTS, json.dumps(header).encode(), data)
    with pytest.raises(CheckpointError, match=r"model\.safetensors: not a whole safetensors file") as caught:
        open_checkpoint(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("length", [2**64 - 1, 2**63, 2**40, 100_000_001, 10_000])
def test_a_header_that_says_it_is_longer_than_the_file(length: int, make: Any) -> None:
    folder, _, _ = make()
    content = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(length.to_bytes(8, "little") + content[8:])
    with pytest.raises(CheckpointError, match="not a whole safetensors file"):
        open_checkpoint(folder)


@pytest.mark.parametrize(
    "header",
    [b"not json", b"\xff\xfe{}", b"{}garbage", b'{"a":' * 5000, b"[" * 100_000, b"{" + b'"x":' * 99, b"NaN", b"", b" "],
    ids=lambda header: repr(header[:10]),
)
def test_a_header_that_is_not_json(header: bytes, make: Any) -> None:
    folder, _, _ = make()
    write_raw(folder / WEIGHTS, header, b"")
    with pytest.raises(CheckpointError, match="not a whole safetensors file"):
        open_checkpoint(folder)


def test_a_name_that_stands_twice_in_the_header_is_one_tensor_or_an_error(make: Any) -> None:
    """JSON readers differ in which of the two they take; none may take a place that was not checked."""
    folder, _, weights = make()
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


@pytest.mark.parametrize(
    "place",
    [
        "../other.safetensors",
        "/etc/passwd",
        "sub/other.safetensors",
        "",
        ".",
        "..",
        "a\0b",
        "x" * 5000,
        "gone.safetensors",
    ],
    ids=lambda place: place[:25],
)
def test_an_index_that_points_elsewhere(place: str, make: Any, tmp_path: Path) -> None:
    folder, _, weights = make()
    weight_map = shard(folder, weights)
    (folder / "sub").mkdir()
    for target in (tmp_path / "other.safetensors", folder / "sub" / "other.safetensors"):
        target.write_bytes((folder / "model-00001-of-00003.safetensors").read_bytes())
    write_index(folder, weight_map | {WORDS: place})
    with pytest.raises(
        CheckpointError, match=r"index\.json: .*(points outside the folder|is not in the folder)"
    ) as caught:
        open_checkpoint(folder)
    assert len(str(caught.value)) < 2 * len(str(folder)) + 300


def test_an_index_that_names_pipes_and_folders(make: Any) -> None:
    folder, _, weights = make()
    weight_map = shard(folder, weights)
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to("loop")
    for place in ("folder", "pipe", "loop"):
        write_index(folder, weight_map | {WORDS: place})
        with pytest.raises(CheckpointError, match=f"names '{place}', which is not in the folder"):
            open_checkpoint(folder)


def test_an_index_that_lists_wrong_names(make: Any) -> None:
    folder, _, weights = make()
    weight_map = shard(folder, weights)
    one, two, three = sorted(set(weight_map.values()))
    here = next(name for name, file in weight_map.items() if file == one)
    for wrong in (
        {name: file for name, file in weight_map.items() if name != here},  # stored, not listed
        weight_map | {"more.weight": two},  # listed, not stored
        weight_map | {here: three},  # listed for another shard
    ):
        write_index(folder, wrong)
        with pytest.raises(CheckpointError, match=r"index\.json: .* must be listed for 'model-.*' and stored in it"):
            open_checkpoint(folder)
    # the same weight in two shards
    (folder / two).write_bytes((folder / one).read_bytes())
    write_index(folder, weight_map)
    with pytest.raises(CheckpointError, match="must be listed for"):
        open_checkpoint(folder)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"weight_map": []}', '{"weight_map": {"a": 5}}', '{"weight_map":']
)
def test_a_broken_index(content: str, make: Any) -> None:
    folder, _, _ = make()
    (folder / WEIGHTS).unlink()
    (folder / INDEX).write_text(content)
    with pytest.raises(CheckpointError, match=r"index\.json: (not valid JSON|must hold an object|weight_map must map)"):
        open_checkpoint(folder)


def test_an_empty_index_lacks_every_weight(make: Any) -> None:
    folder, _, _ = make()
    (folder / WEIGHTS).unlink()
    write_index(folder, {})
    with pytest.raises(CheckpointError, match="weights lack"):
        open_checkpoint(folder)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "rust_model.ot", "tf_model.h5", "flax_model.msgpack"])
def test_weights_in_another_format_name_the_command_that_converts_them(name: str, make: Any) -> None:
    folder, _, _ = make()
    (folder / WEIGHTS).rename(folder / name)
    with pytest.raises(CheckpointError, match=rf"no model\.safetensors; it has {name}: `distilbert convert .* OUT`"):
        open_checkpoint(folder)


SHARD = "pytorch_model-00001-of-00002.bin"


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ([SHARD], f"it has {SHARD}, one of several; bring along pytorch_model.bin.index.json, which"),
        (
            [SHARD, "pytorch_model.bin.index.json"],
            "it has pytorch_model.bin.index.json: `distilbert convert .*/model OUT`",
        ),
        (["model-00001-of-00002.safetensors"], "it has model-00001-of-00002.safetensors, one of several"),
        (["onnx/model.onnx", "onnx/model_quantized.onnx"], "it has onnx/model.onnx: `distilbert convert .*/model OUT`"),
        (["openvino_model.bin", "openvino_model.xml"], "this is an OpenVINO model"),
        (["adapter_model.bin", "adapter_config.json"], "this is an adapter"),
        (["optimizer.bin", "consolidated.00.pth"], "it has consolidated.00.pth: `distilbert convert .*.pth OUT`"),
        ([], "this is a config.json without weights; bring along model.safetensors"),
    ],
)
def test_what_lies_in_place_of_the_weights(files: list[str], reason: str, make: Any) -> None:
    folder, _, _ = make()
    (folder / WEIGHTS).unlink()
    for name in files:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    with pytest.raises(CheckpointError, match=f"no model.safetensors; {reason}"):
        open_checkpoint(folder)


def test_an_adapter_that_was_not_merged(make: Any) -> None:
    folder, _, weights = make()
    renamed = {name.replace("q_lin.weight", "q_lin.base_layer.weight"): array for name, array in weights.items()}
    lora = "distilbert.transformer.layer.0.attention.q_lin.lora_A.default.weight"
    safetensors.numpy.save_file(renamed | {lora: np.zeros((4, 32), np.float32)}, folder / WEIGHTS)
    with pytest.raises(CheckpointError, match=r"an adapter \(LoRA\) that was not merged; call PEFT"):
        open_checkpoint(folder)


def test_no_weights_no_config_and_no_folder(make: Any, tmp_path: Path) -> None:
    folder, _, _ = make()
    (folder / WEIGHTS).unlink()
    for place in (None, "a folder", "a pipe"):
        if place == "a folder":
            (folder / WEIGHTS).mkdir()
        elif place == "a pipe":
            (folder / WEIGHTS).rmdir()
            os.mkfifo(folder / WEIGHTS)
        with pytest.raises(CheckpointError, match=r"no model\.safetensors; this is "):
            open_checkpoint(folder)
    (folder / "config.json").unlink()
    with pytest.raises(ConfigError, match=r"config\.json: no such file"):
        open_checkpoint(folder)
    with pytest.raises(ConfigError, match=r"config\.json: no such file"):
        open_checkpoint(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("config.json", r"config\.json: cannot be read \(Permission denied\)"),
        (WEIGHTS, r"model\.safetensors: cannot be read \(Permission denied\)"),
        ("vocab.txt", r"vocab\.txt: cannot be read \(Permission denied\)"),
        ("tokenizer_config.json", r"tokenizer_config\.json: cannot be read \(Permission denied\)"),
        (".", r"config\.json: cannot be read \(Permission denied\)"),
    ],
)
def test_files_that_may_not_be_read(name: str, reason: str, make_checkpoint: Maker) -> None:
    source = make_checkpoint()
    distilbert.load(source)
    with tempfile.TemporaryDirectory() as place:  # tmp_path lies where only its owner may go
        Path(place).chmod(0o777)
        folder = shutil.copytree(source, Path(place) / "model")
        distilbert.load(folder)
        (folder / name).chmod(0)
        if os.geteuid() == 0:  # for root, permissions do not count
            os.seteuid(65534)
        try:
            with pytest.raises(DistilBertError, match=reason):
                distilbert.load(folder)
        finally:
            os.seteuid(os.getuid())
            (folder / name).chmod(0o777)


def test_huge_sizes_in_the_config_take_no_memory(make: Any) -> None:
    folder, config, _ = make()
    most = 2**31 - 1
    for key in ("vocab_size", "max_position_embeddings", "dim", "hidden_dim"):
        values = config.to_dict() | {key: most}
        (folder / "config.json").write_text(json.dumps(values | {"n_heads": 1}))
        with pytest.raises(CheckpointError, match=f"has shape .* asks for .*{most}"):
            open_checkpoint(folder)


# saving -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.float64])
def test_what_is_saved_is_opened_bit_for_bit(head: Head, dtype: type, tmp_path: Path) -> None:
    config = tiny(head)
    weights = {name: array.astype(dtype) for name, array in random_weights(config, head).items()}
    weights[WORDS].flat[:4] = [np.nan, -0.0, np.inf, np.finfo(dtype).tiny]
    save_checkpoint(tmp_path / "new" / "model", config, weights)
    folder = tmp_path / "new" / "model"
    check_equal(folder, {name: array.astype(np.float32) for name, array in weights.items()}, head)
    assert open_checkpoint(folder).config == config
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", WEIGHTS]
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o666 & ~current_umask()}


def current_umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def test_arrays_of_any_layout_are_saved(tmp_path: Path) -> None:
    config = tiny(Head.NONE)
    weights = random_weights(config, Head.NONE)
    odd = {name: np.asfortranarray(array) for name, array in weights.items()}
    odd[WORDS] = np.repeat(weights[WORDS], 2, axis=1)[:, ::2]
    odd[f"{PREFIX}embeddings.LayerNorm.bias"] = odd[f"{PREFIX}embeddings.LayerNorm.bias"].astype(">f4")
    save_checkpoint(tmp_path, config, odd)
    check_equal(tmp_path, weights, Head.NONE)


@pytest.mark.parametrize("head", HEADS)
def test_transformers_opens_what_we_save(head: Head, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    labels = 2 if head is Head.QUESTION_ANSWERING else 3  # Transformers takes these two for labels
    config = tiny(head, num_labels=labels, torch_dtype="float16", dtype="float16")  # as the file it came from
    weights = random_weights(config, head)
    weights.pop(PROJECTOR, None)  # tied
    save_checkpoint(tmp_path, config, weights)
    model, report = getattr(transformers, head.value).from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    theirs = model.state_dict()
    strip = len(PREFIX) if head is Head.NONE else 0
    for name, array in weights.items():
        assert theirs[name[strip:]].numpy().tobytes() == array.tobytes(), name


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("shard_size", ["1GB", "1KB"])
def test_we_open_what_transformers_saves(head: Head, shard_size: str, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    labels = {"num_labels": 3} if head in WITH_LABELS else {}
    theirs_config = transformers.DistilBertConfig(
        vocab_size=11, max_position_embeddings=7, dim=4, n_layers=2, n_heads=2, hidden_dim=6, **labels
    )
    model = getattr(transformers, head.value)(theirs_config)
    model.save_pretrained(tmp_path, max_shard_size=shard_size)
    assert (tmp_path / INDEX).is_file() == (shard_size == "1KB")
    theirs = {name if name in model.state_dict() else name.removeprefix(PREFIX): name
              for name in key_table(tiny(head), head)}  # fmt: skip
    state = {ours: model.state_dict()[name].numpy() for name, ours in theirs.items()}
    state.pop(PROJECTOR, None)  # tied: not stored
    check_equal(tmp_path, state, head)


def test_weights_that_do_not_fit_are_not_saved(tmp_path: Path) -> None:
    config = tiny(Head.QUESTION_ANSWERING)
    weights = random_weights(config, Head.QUESTION_ANSWERING)
    for wrong in (
        {name: array for name, array in weights.items() if name != "qa_outputs.bias"},
        weights | {"more.weight": np.zeros(1, np.float32)},
        weights | {"qa_outputs.bias": np.zeros(3, np.float32)},
        weights | {"qa_outputs.bias": np.zeros(2, np.int64)},
        weights | {"qa_outputs.bias": np.zeros(2, np.longdouble)},
        weights | {"qa_outputs.bias": np.array(["a", "b"])},
    ):
        with pytest.raises(CheckpointError, match=r"cannot save (qa_outputs\.bias|more\.weight): not "):
            save_checkpoint(tmp_path / "model", config, wrong)
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("stage", ["writing the weights", "writing the config", "syncing", "no permission"])
@pytest.mark.parametrize("exists", [True, False])
def test_a_failed_save_changes_nothing(
    stage: str, exists: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny(Head.NONE)
    before = random_weights(config, Head.NONE, seed=1)
    folder = tmp_path / "model"
    if exists:
        save_checkpoint(folder, config, before)

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    place: dict[str, tuple[object, str]] = {
        "writing the weights": (module, "save_file"),
        "writing the config": (Path, "write_text"),
        "syncing": (os, "fsync"),
        "no permission": (Path, "touch"),
    }
    monkeypatch.setattr(*place[stage], fail)
    with pytest.raises(
        CheckpointError, match=r"model: cannot be written \(.*No space left on device.*\); nothing in it"
    ):
        save_checkpoint(folder, tiny(Head.NONE, pad_token_id=9), random_weights(config, Head.NONE, seed=2))
    monkeypatch.undo()
    if exists:
        check_equal(folder, before, Head.NONE)
        assert open_checkpoint(folder).config == config
    assert sorted(path.name for path in folder.iterdir()) == (["config.json", WEIGHTS] if exists else [])


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from conftest import random_weights
from folder.test_checkpoint import tiny
from distilbert import CheckpointError
from distilbert.folder.checkpoint import Head, save_checkpoint
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
try:
    save_checkpoint(sys.argv[1], tiny(Head.NONE), random_weights(tiny(Head.NONE), Head.NONE, seed=2))
except CheckpointError as error:
    print(error)
"""


def test_a_disk_that_is_full_leaves_the_old_model(tmp_path: Path) -> None:
    config = tiny(Head.NONE)
    before = random_weights(config, Head.NONE, seed=1)
    save_checkpoint(tmp_path, config, before)
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path), str(Path(__file__).parents[1])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.startswith(f"{tmp_path}: cannot be written (")
    check_equal(tmp_path, before, Head.NONE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", WEIGHTS]


def test_a_file_in_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "model").write_text("")
    config = tiny(Head.NONE)
    with pytest.raises(CheckpointError, match="model: cannot be written"):
        save_checkpoint(tmp_path / "model", config, random_weights(config, Head.NONE))


def test_saving_over_a_model_that_is_open_leaves_what_was_read(make: Any) -> None:
    folder, config, weights = make(Head.NONE)
    read = open_checkpoint(folder).tensors[WORDS].read()
    save_checkpoint(folder, config, {name: -array for name, array in weights.items()})
    np.testing.assert_array_equal(read, weights[WORDS])


# memory -----------------------------------------------------------------------------------------------

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


def test_a_weight_in_float32_is_a_view_of_the_file(make: Any) -> None:
    folder, _, _ = make()
    for tensor in open_checkpoint(folder).tensors.values():
        read = tensor.read()
        assert isinstance(read.base, np.memmap) or isinstance(read, np.memmap)
        assert not read.flags.writeable


def test_limits_of_this_process_are_untouched() -> None:
    """The full disk was another process's."""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def test_a_setfit_model_says_that_its_head_is_not_read(make_checkpoint: Maker) -> None:
    from distilbert import CheckpointWarning, load

    folder = make_checkpoint(Head.NONE)
    (folder / "model_head.pkl").write_bytes(b"never read")
    with pytest.warns(CheckpointWarning, match=r"a SetFit model, whose head \(model_head\.pkl\) is .* not read"):
        load(folder)
