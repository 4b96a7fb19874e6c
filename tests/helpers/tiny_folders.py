"""Model folders of a few numbers, written by hand: for tests of how a checkpoint is read."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from conftest import random_weights
from distilbert import DistilBertConfig
from distilbert.folder.checkpoint import Head, key_table, open_checkpoint
from distilbert.folder.layout import WEIGHTS
from distilbert.folder.weight_names import PREFIX

HEADS = list(Head)

WITH_LABELS = (Head.SEQUENCE_CLASSIFICATION, Head.TOKEN_CLASSIFICATION)

WORDS = f"{PREFIX}embeddings.word_embeddings.weight"

PROJECTOR = "vocab_projector.weight"

Weights = dict[str, np.ndarray]

MakeTiny = Callable[..., tuple[Path, DistilBertConfig, Weights]]


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
def make_tiny(tmp_path: Path) -> MakeTiny:
    """`make_tiny(head, **config keys)` -> a tiny folder, its config and its weights."""

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
