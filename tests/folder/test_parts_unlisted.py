"""Sentence-transformers folders that were copied without their modules.json: the names of their parts' folders tell."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import distilbert
from conftest import Maker
from distilbert import CheckpointWarning
from distilbert.convert import convert, export_onnx, quantize
from distilbert.folder.layout import WEIGHTS
from distilbert.folder.sentence import read_sentence_folder
from distilbert.pooling import Pooling
from helpers.json_files import write
from helpers.sentence_folders import TEXTS, compose, embed


def test_parts_without_modules_json_are_read_by_their_names(folder: Path, tmp_path: Path) -> None:
    """A last Normalize has no files, so that folder is often left behind too."""
    write(folder / "1_Pooling/config.json", {"pooling_mode": "cls"})
    write(folder / "2_Dense/config.json", {"in_features": 32, "out_features": 3})
    arrays = {"linear.weight": np.eye(3, 32, dtype=np.float32), "linear.bias": np.ones(3, np.float32)}
    save_file(arrays, folder / "2_Dense" / WEIGHTS)
    write(folder / "sentence_bert_config.json", {"max_seq_length": 30, "do_lower_case": True})
    kinds = {"": "Transformer", "1_Pooling": "Pooling", "2_Dense": "Dense", "3_Normalize": "Normalize"}
    compose(folder, kinds)
    listed, expected = read_sentence_folder(folder), embed(folder)
    assert listed is not None
    (folder / "modules.json").unlink()
    with pytest.warns(CheckpointWarning, match=r"has no modules\.json; its vectors are made as the folders"):
        np.testing.assert_array_equal(embed(folder), expected)
    read = read_sentence_folder(folder)
    assert read is not None
    assert (read.text.max_length, read.text.lower_case) == (30, True)
    assert (read.pooling, read.normalize) == (Pooling(("cls",)), True)
    with pytest.warns(CheckpointWarning, match="has no"):
        quantize(folder, tmp_path / "int8", data=TEXTS)
    for out, make in (("converted", convert), ("exported", export_onnx)):
        make(folder, tmp_path / out)
    for out in ("int8", "converted", "exported"):  # what is written lists them
        modules = json.loads((tmp_path / out / "modules.json").read_text())
        assert [module["path"] for module in modules] == [*kinds]
    np.testing.assert_array_equal(embed(tmp_path / "converted"), expected)


def test_without_modules_json_the_mean_is_as_of_any_encoder(
    folder: Path, recwarn: pytest.WarningsRecorder, tmp_path: Path
) -> None:
    """What PyPI's packages of models ship."""
    (folder / "modules.json").unlink()
    vectors = embed(folder)
    shutil.copytree(folder, tmp_path / "plain", ignore=shutil.ignore_patterns("1_Pooling"))
    np.testing.assert_array_equal(vectors, embed(tmp_path / "plain"))
    assert not recwarn.list
    (folder / "0_Transformer").mkdir()
    for name in ("config.json", WEIGHTS, "vocab.txt", "tokenizer_config.json"):
        (folder / name).rename(folder / "0_Transformer" / name)
    np.testing.assert_array_equal(vectors, embed(folder))


def test_parts_beside_a_head_are_leftovers(make_checkpoint: Maker) -> None:
    """As where a classifier was trained from a sentence encoder in the same folder."""
    folder = make_checkpoint()
    expected = distilbert.load(folder)("a good film")
    write(folder / "1_Pooling/config.json", {"pooling_mode": "cls"})
    write(folder / "sentence_bert_config.json", {"max_seq_length": 3})
    assert distilbert.load(folder)("a good film") == expected


@pytest.mark.parametrize("name", ["1_Pooling copy", "2_", "3_notes.txt"])
def test_what_is_no_part(name: str, folder: Path) -> None:
    (folder / "modules.json").unlink()
    expected = embed(folder)
    if name.endswith(".txt"):
        (folder / name).touch()
    else:
        (folder / name).mkdir()
    np.testing.assert_array_equal(embed(folder), expected)
