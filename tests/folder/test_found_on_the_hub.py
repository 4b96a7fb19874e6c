"""Folders as repositories on the hub really are: what is odd but harmless is read, what is wrong says what it is."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import distilbert
from conftest import Maker
from distilbert import DistilBertError
from distilbert.folder.layout import CONFIG, INDEX, VOCABULARY, WEIGHTS

TEXT = "a charming film ."


def edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def old_names(folder: Path) -> None:
    """As TensorFlow called the weights of every LayerNorm."""
    arrays = {}
    for name, array in load_file(folder / WEIGHTS).items():
        module, _, last = name.rpartition(".")
        is_norm = module.lower().endswith("norm")
        arrays[f"{module}.{ {'weight': 'gamma', 'bias': 'beta'}[last] }" if is_norm else name] = array
    assert sum(name.endswith("layer_norm.gamma") for name in arrays) == 4
    save_file(arrays, folder / WEIGHTS)


def with_mark(folder: Path) -> None:
    """As an editor on Windows saves text."""
    for name in (CONFIG, "tokenizer_config.json"):
        (folder / name).write_bytes(b"\xef\xbb\xbf" + (folder / name).read_bytes())


HARMLESS: dict[str, Callable[[Path], object]] = {
    "old names": old_names,
    "byte order marks": with_mark,
    "architectures null": lambda folder: edit(folder / CONFIG, architectures=None),
    "no architecture": lambda folder: edit(folder / CONFIG, architectures=[]),
    "an architecture of one's own": lambda folder: edit(
        folder / CONFIG, architectures=["MyClassifier"], auto_map={"AutoModel": "modeling.MyModel"}
    ),
    "labels in a list": lambda folder: edit(folder / CONFIG, id2label=["LABEL_0", "LABEL_1"], label2id=None),
    "an index beside the whole file": lambda folder: (folder / INDEX).write_text("{}"),
    "another format beside it": lambda folder: (folder / "pytorch_model.bin").write_bytes(b"x"),
    "no limit of length": lambda folder: edit(folder / "tokenizer_config.json", model_max_length=10**30),
    "a folder called tokenizer.json": lambda folder: (folder / "tokenizer.json").mkdir(),
    "other ends of lines": lambda folder: (folder / VOCABULARY).write_bytes(
        (folder / VOCABULARY).read_bytes().replace(b"\n", b"\r\n")
    ),
    "64 bits": lambda folder: save_file(
        {name: array.astype(np.float64) for name, array in load_file(folder / WEIGHTS).items()}, folder / WEIGHTS
    ),
}


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS.keys())
def test_what_is_harmless_gives_the_same_answer(change: Callable[[Path], object], make_checkpoint: Maker) -> None:
    folder = make_checkpoint()
    expected = distilbert.load(folder)(TEXT)
    change(folder)
    assert distilbert.load(folder)(TEXT) == expected


def called(old: str, new: str) -> Callable[[Path], object]:
    return lambda folder: (folder / old).rename(folder / new)


def emptied(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(b"")


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "capitals of config": (called(CONFIG, "Config.JSON"), "(there is Config.JSON: call it config.json)"),
    "capitals of weights": (called(WEIGHTS, "MODEL.SAFETENSORS"), "it has 'MODEL.SAFETENSORS'; if these are"),
    "capitals of vocabulary": (called(VOCABULARY, "VOCAB.TXT"), "(there is VOCAB.TXT: call it vocab.txt)"),
    "weights by another name": (called(WEIGHTS, "model.fp16.safetensors"), "call it model.safetensors"),
    "a shard alone": (called(WEIGHTS, "model-00001-of-00002.safetensors"), "bring along model.safetensors.index.json"),
    "config of no bytes": (emptied(CONFIG), "config.json: not valid JSON (it is empty)"),
    "weights of no bytes": (emptied(WEIGHTS), "model.safetensors: not a whole safetensors file (it is empty)"),
    "settings of no bytes": (emptied("tokenizer_config.json"), "tokenizer_config.json: not valid JSON (it is empty)"),
    "a width that is no whole number": (lambda folder: edit(folder / CONFIG, dim=32.0), "dim must be a whole number"),
}


@pytest.mark.parametrize(("change", "message"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_says_what_it_is(change: Callable[[Path], object], message: str, make_checkpoint: Maker) -> None:
    folder = make_checkpoint()
    change(folder)
    with pytest.raises(DistilBertError) as caught:
        distilbert.load(folder)(TEXT)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
