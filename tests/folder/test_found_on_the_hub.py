"""Folders as repositories on the hub really are: what is odd but harmless is read, what is wrong says what it is."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import distilbert
from conftest import Maker
from distilbert import DistilBertError, HubError
from distilbert.convert import convert
from distilbert.folder.layout import CONFIG, INDEX, VOCABULARY, WEIGHTS
from helpers.json_files import edit
from helpers.sentence_folders import write_sentence_folder

TEXT = "a charming film ."


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
    "a side of null": lambda folder: edit(folder / "tokenizer_config.json", truncation_side=None),
    "another way to write the kind": lambda folder: edit(folder / CONFIG, model_type="DistilBERT"),
    "another name of the activation": lambda folder: edit(folder / CONFIG, activation="gelu_python"),
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
    "an index of a variant": (
        called(WEIGHTS, "model.safetensors.index.fp16.json"),
        "it has model.safetensors.index.fp16.json; call it model.safetensors.index.json",
    ),
    "weights cut off": (
        lambda folder: (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:-9]),
        "not a whole safetensors file; bring it along again",
    ),
    "a config in UTF-16": (
        lambda folder: (folder / CONFIG).write_text((folder / CONFIG).read_text(), encoding="utf-16"),
        "config.json: not UTF-8 text; save it as UTF-8",
    ),
    "labels and indices that changed places": (
        lambda folder: edit(folder / CONFIG, id2label={"bad": 0, "good": 1}),
        "id2label has 'bad', which is not an index (0: name)",
    ),
    "a problem that there is not": (
        lambda folder: edit(folder / CONFIG, problem_type="multi_label"),
        "config.json: problem_type must be one of regression,",
    ),
    "a preset of Keras": (
        lambda folder: (folder / CONFIG).write_text(
            json.dumps(
                {"class_name": "DistilBertBackbone", "config": {}, "registered_name": "keras_hub>DistilBertBackbone"}
            )
        ),
        "this is a 'keras_hub>DistilBertBackbone', by its model_type or architectures; only a DistilBERT runs here",
    ),
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


@pytest.mark.parametrize(
    ("share", "warned"), [(1, False), (0.96, False), (0.5, True)], ids=["whole", "its end is padding", "half"]
)
def test_a_vocabulary_that_was_cut_short(
    share: float, warned: bool, make_checkpoint: Maker, recwarn: pytest.WarningsRecorder
) -> None:
    folder = make_checkpoint()
    lines = (folder / VOCABULARY).read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / VOCABULARY).write_text("".join(lines[: int(share * len(lines))]), encoding="utf-8")
    distilbert.load(folder)(TEXT)
    message = "has 3000 pieces and its model embeds 6000; unless it was trained so, the vocabulary was cut short"
    assert [message in str(each.message) for each in recwarn] == [True] * warned


OPTIONAL = ["tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "modules.json"]


@pytest.mark.parametrize("file", [CONFIG, WEIGHTS, VOCABULARY, "1_Pooling/config.json", *OPTIONAL])
def test_a_link_that_leads_nowhere(file: str, make_checkpoint: Maker) -> None:
    """As in a copy of the hub's cache whose blobs were removed: the rest would be read as another model."""
    folder = write_sentence_folder(make_checkpoint)
    (folder / file).unlink(missing_ok=True)
    (folder / file).symlink_to("../../blobs/0123")
    for action in (lambda: distilbert.load(folder), lambda: convert(folder, folder.with_name("out"))):
        with pytest.raises(DistilBertError) as caught:
            action()
        assert f"{file}: is a link to '../../blobs/0123', where there is nothing" in str(caught.value)
    assert not folder.with_name("out").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("https://huggingface.co/owner/model", "give its name alone, owner/model"),
        ("huggingface.co/owner/model/tree/main", "give its name alone, owner/model"),
        ("hf://owner/model", "give its name alone, owner/model"),
        ("file:///models/one", "give a folder's path, or a name on the hub"),
        ("owner/model@main", "give the revision apart"),
    ],
)
def test_a_model_that_is_named_as_other_programs_do(name: str, message: str) -> None:
    with pytest.raises(HubError, match=message):
        distilbert.load(name)
