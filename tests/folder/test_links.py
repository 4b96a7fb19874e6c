"""Links out of a model folder: no text of another file of this machine is read, and nothing is copied from there."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import distilbert
from conftest import Maker
from distilbert import ConfigError, DistilBertError
from distilbert.convert import convert, export_onnx, quantize
from distilbert.folder.checkpoint import Head

SECRET = "a password of this machine"


@pytest.fixture
def sentences(make_checkpoint: Maker) -> Path:
    """A folder of sentence-transformers with a Pooling of its own."""
    folder = make_checkpoint(Head.NONE, name="sentences")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling/config.json").write_text(json.dumps({"pooling_mode_mean_tokens": True}))
    kinds = {"": "Transformer", "1_Pooling": "Pooling"}
    (folder / "modules.json").write_text(json.dumps([
        {"idx": idx, "name": str(idx), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for idx, (path, kind) in enumerate(kinds.items())
    ]))  # fmt: skip
    return folder


def train(source: Path, out: Path) -> None:
    pytest.importorskip("accelerate")
    from distilbert.train import FinetuneArguments, finetune

    data = out.with_name("pairs.tsv")
    data.write_text("sentence1\tsentence2\tscore\na film\ta movie\t0.9\na film\tno\t0.1\n")
    finetune(FinetuneArguments(task="sentence-similarity", model=source, train=data, out=out, max_steps=1), quiet=True)


def distill(source: Path, out: Path) -> None:
    pytest.importorskip("accelerate")
    from distilbert.distill import DistillArguments, distill

    data = out.with_name("texts.txt")
    data.write_text("a film\na movie\n")
    distill(
        DistillArguments(task="sentence-similarity", teacher=source, train=data, out=out, max_steps=1, layers=1),
        quiet=True,
    )


WAYS: dict[str, Callable[[Path, Path], Any]] = {
    "convert": convert,
    "export": export_onnx,
    "quantize": lambda source, out: quantize(source, out, data=["a film"]),
    "train": train,
    "distill": distill,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "name", ["config.json", "special_tokens_map.json", "tokenizer_config.json", "vocab.txt", "1_Pooling"]
)
def test_what_a_link_leads_to_is_not_copied(way: str, name: str, sentences: Path, tmp_path: Path) -> None:
    if way == "distill" and name == "1_Pooling":
        pytest.skip("a student has a Pooling of its own")
    outside = tmp_path / "outside" / name
    outside.parent.mkdir()
    if (sentences / name).exists():
        shutil.move(sentences / name, outside)
    else:
        outside.write_text(json.dumps({"auths": SECRET}))
    (sentences / name).symlink_to(outside)
    distilbert.load(sentences)("a film")  # a file of the same name is read
    with pytest.raises(ConfigError, match=rf"{name}.*: is a link out of the folder, which is not copied; put the file"):
        WAYS[way](sentences, tmp_path / "out")
    copied = [path for path in (tmp_path / "out").rglob("*") if path.is_file() and path.suffix != ".tsv"]
    assert copied == []


@pytest.mark.parametrize("way", ["convert", "quantize"])
def test_links_within_the_folder_and_a_folder_that_is_one_are_followed(
    way: str, sentences: Path, tmp_path: Path
) -> None:
    (sentences / "files").mkdir()
    shutil.move(sentences / "vocab.txt", sentences / "files" / "pieces.txt")
    (sentences / "vocab.txt").symlink_to(Path("files") / "pieces.txt")
    (tmp_path / "link").symlink_to(sentences)
    WAYS[way](tmp_path / "link", tmp_path / "out")
    assert not (tmp_path / "out" / "vocab.txt").is_symlink()
    assert distilbert.load(tmp_path / "out")("a film").shape == (32,)


REFUSED = "is a link out of the folder, which is not (read|copied); put the file itself there"
TEXT_FILES = [
    "config.json",
    "tokenizer.json",
    "vocab.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "modules.json",
    "config_sentence_transformers.json",
    "sentence_bert_config.json",
    "1_Pooling/config.json",
]


@pytest.mark.parametrize("name", TEXT_FILES)
def test_a_secret_under_the_name_of_a_text_file_is_not_read(name: str, sentences: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n" * 9)
    (sentences / name).unlink(missing_ok=True)
    (sentences / name).symlink_to(tmp_path / "secret")
    for way in (distilbert.load, lambda source: convert(source, tmp_path / "out")):
        with pytest.raises(DistilBertError, match=f"{name}: {REFUSED}") as raised:
            way(sentences)
        assert SECRET not in str(raised.value)
    assert not (tmp_path / "out").exists()


def test_weights_are_read_wherever_they_lie(sentences: Path, tmp_path: Path) -> None:
    """They are numbers alone, and large: people keep them once."""
    expected = distilbert.load(sentences)("a film")
    shutil.move(sentences / "model.safetensors", tmp_path / "large")
    (sentences / "model.safetensors").symlink_to(tmp_path / "large")
    np.testing.assert_array_equal(distilbert.load(sentences)("a film"), expected)
    convert(sentences, tmp_path / "out")
    assert not (tmp_path / "out" / "model.safetensors").is_symlink()
    np.testing.assert_array_equal(distilbert.load(tmp_path / "out")("a film"), expected)


@pytest.mark.parametrize("way", ["convert", "export", "quantize"])
@pytest.mark.parametrize("place", ["snapshots/0123", "../folder"])
def test_the_hubs_cache_is_made_of_links(place: str, way: str, sentences: Path, tmp_path: Path) -> None:
    """A snapshot leads to ../../blobs, whose names are hashes; older clients filled any folder with such links."""
    repository = tmp_path / "models--owner--name"
    for name in ("blobs", "snapshots"):
        (repository / name).mkdir(parents=True)
    folder = repository / place
    for number, path in enumerate(path for path in sorted(sentences.rglob("*")) if path.is_file()):
        blob = repository / "blobs" / f"{number:040x}"
        shutil.copyfile(path, blob)
        link = folder / path.relative_to(sentences)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(blob, link.parent))
    np.testing.assert_array_equal(distilbert.load(folder)("a film"), distilbert.load(sentences)("a film"))
    WAYS[way](folder, tmp_path / "out")
    assert not any(path.is_symlink() for path in (tmp_path / "out").rglob("*"))
