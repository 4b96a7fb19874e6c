"""`convert` and `export` write a tokenizer.json that says by itself all that the source's files say."""

import json
import warnings
from pathlib import Path

import pytest
import tokenizers

import distilbert
from conftest import Maker
from distilbert import BertTokenizer, TokenizerError, TokenizerWarning
from distilbert.convert import convert, export_onnx, quantize
from distilbert.convert.tokenizer_json import write_tokenizer_json
from helpers.tokenizer_folders import TEXTS, single_folders, write_folder

WORDS = [text for text in TEXTS if text]


def alone(folder: Path) -> list[list[int]]:
    """The ids that Hugging Face's library gives for the folder's tokenizer.json, and nothing else of it."""
    backend = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    backend.no_truncation()
    backend.no_padding()
    return [encoding.ids for encoding in backend.encode_batch(WORDS)]


def ours(folder: Path) -> list[list[int]]:
    return [encoding.ids.tolist() for encoding in BertTokenizer.from_folder(folder).encode_batch(WORDS)]


@pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.slow)])
def test_any_folder_gets_one_that_says_it_all(tmp_path: Path, every: int) -> None:
    """Every key of the tokenizer's files, in every form of a folder; and the folder itself reads as before."""
    with warnings.catch_warnings(action="ignore", category=TokenizerWarning):
        for number, (label, files) in enumerate([*single_folders()][::every]):
            if "split special" in label or label == "vocab: class unknown":  # the format has no place for the first
                continue
            folder = write_folder(tmp_path / str(number), files)
            before, side = ours(folder), BertTokenizer.from_folder(folder).cut_left
            write_tokenizer_json(folder, folder)
            assert alone(folder) == ours(folder) == before, label
            assert BertTokenizer.from_folder(folder).cut_left == side, label
            assert write_tokenizer_json(folder, folder) is None, label  # there is nothing more to say


def test_written_folders_read_as_before_in_transformers(make_checkpoint: Maker, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    source = make_checkpoint()
    settings = {"do_lower_case": False, "additional_special_tokens": ["[E1]", "<url>"], "model_max_length": 32}
    (source / "tokenizer_config.json").write_text(json.dumps(settings))
    expected = transformers.AutoTokenizer.from_pretrained(source)(WORDS)["input_ids"]
    report = convert(source, tmp_path / "converted")
    assert "tokenizer.json is made of all that the tokenizer's files say" in report.notes
    export_onnx(source, tmp_path / "exported", layout="transformers.js")
    for folder in (tmp_path / "converted", tmp_path / "exported"):
        assert alone(folder) == ours(folder) == expected
        assert transformers.AutoTokenizer.from_pretrained(folder)(WORDS)["input_ids"] == expected


def test_one_that_says_it_all_stays_as_it_is(make_checkpoint: Maker, tmp_path: Path) -> None:
    source = make_checkpoint()
    BertTokenizer.from_folder(source).save(source / "tokenizer.json")
    content = json.loads((source / "tokenizer.json").read_text())
    content["truncation"] = {"direction": "Left", "max_length": 32, "strategy": "LongestFirst", "stride": 0}
    (source / "tokenizer.json").write_text(json.dumps(content))
    report = convert(source, tmp_path / "out")
    assert not any("tokenizer" in note for note in report.notes)
    assert (tmp_path / "out" / "tokenizer.json").read_bytes() == (source / "tokenizer.json").read_bytes()


def test_a_tokenizer_for_one_version_of_transformers_comes_along(make_checkpoint: Maker, tmp_path: Path) -> None:
    source = make_checkpoint()
    BertTokenizer.from_folder(source).save(source / "tokenizer.4.0.0.json")
    settings = {"fast_tokenizer_files": ["tokenizer.json", "tokenizer.4.0.0.json"]}
    (source / "tokenizer_config.json").write_text(json.dumps(settings))
    report = convert(source, tmp_path / "out")
    assert "tokenizer.4.0.0.json" in report.files
    assert alone(tmp_path / "out") == ours(tmp_path / "out") == ours(source)


def test_a_tokenizer_that_cannot_be_read_does_not_stop_the_weights(make_checkpoint: Maker, tmp_path: Path) -> None:
    source = make_checkpoint()
    (source / "tokenizer_config.json").write_text('{"tokenizer_class": "BertJapaneseTokenizer"}')
    report = convert(source, tmp_path / "out")
    (note,) = [note for note in report.notes if "tokenizer.json" in note]
    assert note.startswith("no tokenizer.json could be made: vocab.txt: tokenizer_class 'BertJapaneseTokenizer' cuts")
    assert not (tmp_path / "out" / "tokenizer.json").exists()


@pytest.mark.parametrize(
    ("left", "reason"),
    [
        ([], "no tokenizer.json and no vocab.txt; bring along the model's tokenizer"),
        (["Vocab.txt"], "no tokenizer.json and no vocab.txt (there is Vocab.txt: call it vocab.txt); bring along"),
        (["spiece.model"], "spiece.model is a SentencePiece model, which is not read; bring along a tokenizer.json"),
    ],
)
def test_a_folder_without_a_tokenizer_is_told_what_it_cannot_do(
    left: list[str], reason: str, make_checkpoint: Maker, tmp_path: Path
) -> None:
    source = make_checkpoint()
    (source / "vocab.txt").unlink()
    for name in left:
        (source / name).touch()
    report = convert(source, tmp_path / "out")
    (note,) = [note for note in report.notes if "tokenizer" in note]
    assert note.startswith(f"there is no tokenizer, so only token ids can be read, not text ({source}: {reason}")
    assert f"note: {note}" in str(report)
    with pytest.warns(TokenizerWarning, match="exported: there is no tokenizer, so only token ids"):
        export_onnx(source, tmp_path / "exported")
    with pytest.raises(TokenizerError, match=r"no tokenizer\.json and no vocab\.txt"):
        distilbert.load(tmp_path / "out")


def test_what_is_odd_is_said_of_the_source_alone(
    make_checkpoint: Maker, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    """And not of the folder that the new one is made in."""
    source = make_checkpoint()
    BertTokenizer.from_folder(source).save(source / "tokenizer.json")
    content = json.loads((source / "tokenizer.json").read_text())
    content["normalizer"]["lowercase"] = False
    (source / "tokenizer.json").write_text(json.dumps(content))
    (source / "tokenizer_config.json").unlink()
    quantize(source, tmp_path / "out", data=WORDS)
    (warning,) = recwarn.list
    assert str(warning.message).startswith(f"{source / 'tokenizer.json'}: its normalizer is not used")
