"""The tokenizer of every form of a folder, and what is said where there can be none."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from tokenizers import normalizers, pre_tokenizers

from distilbert import BertTokenizer, TokenizerError, TokenizerWarning
from helpers.uncased import (
    CLS,
    MASK,
    SEP,
    UNK,
    VOCAB,
    transformers_tokenizer,
    uncased,
)

PROBE = ["A naïve FILM in 東京 —  and [MASK]?", "plain text", ""]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "vocab.txt").write_bytes(VOCAB.read_bytes())
    return tmp_path


def write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value), encoding="utf-8")


def both(folder: Path) -> Iterator[tuple[list[int], list[int]]]:
    """Ids of PROBE by us and by Transformers, from the same folder."""
    transformers = pytest.importorskip("transformers")
    theirs = transformers.DistilBertTokenizer.from_pretrained(folder)
    for ours, text in zip(BertTokenizer.from_folder(folder).encode_batch(PROBE), PROBE, strict=True):
        yield ours.ids.tolist(), theirs(text)["input_ids"]


def test_a_vocab_alone_is_lower_cased(folder: Path) -> None:
    tokenizer = BertTokenizer.from_folder(str(folder))
    assert [e.ids.tolist() for e in tokenizer.encode_batch(PROBE)] == [
        e.ids.tolist() for e in uncased.encode_batch(PROBE)
    ]
    assert tokenizer.max_length is None


@pytest.mark.parametrize("form", ["vocab.txt", "tokenizer.json"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"do_lower_case": False},
        {"do_lower_case": False, "strip_accents": True},
        {"do_lower_case": True, "strip_accents": False},
        {"do_lower_case": True, "strip_accents": None},
        {"do_lower_case": None},
        {"tokenize_chinese_chars": False},
        {"mask_token": {"content": "[MASK]", "lstrip": False, "__type": "AddedToken"}},
    ],
    ids=str,
)
def test_tokenizer_config_says_how_to_read(folder: Path, form: str, options: dict[str, Any]) -> None:
    write(folder / "tokenizer_config.json", options)
    if form == "tokenizer.json":  # the config wins over what this file says, as in Transformers
        uncased.backend.save(str(folder / "tokenizer.json"))
        (folder / "vocab.txt").unlink()
    ours = [e.ids.tolist() for e in BertTokenizer.from_folder(folder).encode_batch(PROBE)]
    expected = BertTokenizer.from_file(
        VOCAB,
        options.get("do_lower_case") is not False,
        options.get("strip_accents"),
        chinese_chars=options.get("tokenize_chinese_chars", True),
    )
    assert ours == [e.ids.tolist() for e in expected.encode_batch(PROBE)]


@pytest.mark.parametrize("options", [{"do_lower_case": False}, {"strip_accents": False}, {}], ids=str)
def test_folders_that_transformers_saved(tmp_path: Path, options: dict[str, Any]) -> None:
    transformers_tokenizer(**options).save_pretrained(tmp_path)
    assert (tmp_path / "tokenizer.json").is_file()
    for ours, theirs in both(tmp_path):
        assert ours == theirs


def test_a_tokenizer_json_alone_is_lower_cased_and_that_is_said(tmp_path: Path) -> None:
    """As Transformers does, whatever the file says, unless a key or another class says otherwise."""
    BertTokenizer.from_file(VOCAB, lower_case=False).save(tmp_path / "tokenizer.json")
    with pytest.warns(TokenizerWarning, match="its normalizer is not used"):
        encoding = BertTokenizer.from_folder(tmp_path).encode("Film film")
    assert encoding.ids[1] == encoding.ids[2] == uncased.token_id("film")
    for options in ({"do_lower_case": False}, {"tokenizer_class": "PreTrainedTokenizerFast"}):
        write(tmp_path / "tokenizer_config.json", options)
        encoding = BertTokenizer.from_folder(tmp_path).encode("Film film")
        assert (encoding.ids[1], encoding.ids[2]) == (UNK, uncased.token_id("film"))


def test_truncation_and_padding_of_a_tokenizer_json_are_not_ours(tmp_path: Path) -> None:
    """sentence-transformers saves both; lengths are the caller's to choose."""
    backend = BertTokenizer.from_file(VOCAB).backend
    backend.enable_truncation(8)
    backend.enable_padding(length=8)
    backend.save(str(tmp_path / "tokenizer.json"))
    tokenizer = BertTokenizer.from_folder(tmp_path)
    assert [len(e) for e in tokenizer.encode_batch(["a", "a " * 30])] == [3, 32]


def test_a_vocab_with_other_line_ends(folder: Path) -> None:
    expected = uncased.encode(PROBE[0]).ids.tolist()
    text = VOCAB.read_text(encoding="utf-8")
    for ending in ("\r\n", "\r", "\n"):
        for last in ("", ending):
            (folder / "vocab.txt").write_bytes((text.rstrip("\n").replace("\n", ending) + last).encode())
            tokenizer = BertTokenizer.from_folder(folder)
            assert tokenizer.vocab_size == 6000
            assert tokenizer.encode(PROBE[0]).ids.tolist() == expected


def test_special_tokens_by_other_names(folder: Path) -> None:
    names = {"cls_token": "<s>", "sep_token": {"content": "</s>"}, "unk_token": "<unk>", "mask_token": "<mask>"}
    text = VOCAB.read_text(encoding="utf-8")
    for ours, theirs in (("[CLS]", "<s>"), ("[SEP]", "</s>"), ("[UNK]", "<unk>"), ("[MASK]", "<mask>")):
        text = text.replace(ours, theirs)
    (folder / "vocab.txt").write_text(text, encoding="utf-8")
    write(folder / "special_tokens_map.json", names)
    tokenizer = BertTokenizer.from_folder(folder)
    assert tokenizer.encode("film <mask> ♞").ids.tolist() == [CLS, uncased.token_id("film"), MASK, UNK, SEP]
    assert (tokenizer.cls_token_id, tokenizer.mask_token_id, tokenizer.mask_token) == (CLS, MASK, "<mask>")
    # and from a tokenizer.json, the names come from tokenizer_config.json
    tokenizer.backend.save(str(folder / "tokenizer.json"))
    (folder / "special_tokens_map.json").rename(folder / "tokenizer_config.json")
    again = BertTokenizer.from_folder(folder)
    assert again.encode("film <mask> ♞").ids.tolist() == tokenizer.encode("film <mask> ♞").ids.tolist()
    assert (again.cls_token_id, again.mask_token_id, again.unk_token_id) == (CLS, MASK, UNK)


@pytest.mark.parametrize("form", ["added_tokens.json", "tokenizer_config.json"])
def test_tokens_that_were_added_to_a_vocab(folder: Path, form: str) -> None:
    if form == "added_tokens.json":
        write(folder / form, {"@user": 6000, "<url>": 6001})
    else:
        decoder = {str(i): {"content": c, "special": False} for i, c in [(6001, "<url>"), (6000, "@user")]}
        write(folder / form, {"added_tokens_decoder": decoder})
    tokenizer = BertTokenizer.from_folder(folder)
    assert tokenizer.encode("see @user at <url>").ids.tolist()[2::2] == [6000, 6001]
    assert tokenizer.vocab_size == 6002


@pytest.mark.parametrize(
    ("length", "expected"),
    [(512, 512), (512.0, 512), (1, 1), (None, None), (1000000000000000019884624838656, None), (1e30, None)],
)
def test_model_max_length(folder: Path, length: object, expected: int | None) -> None:
    write(folder / "tokenizer_config.json", {"model_max_length": length})
    assert BertTokenizer.from_folder(folder).max_length == expected


# what cannot be used ----------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["[UNK]", "[CLS]", "[SEP]"])
def test_a_vocabulary_that_lacks_a_special_token(folder: Path, token: str) -> None:
    text = VOCAB.read_text(encoding="utf-8").replace(token, "[other]")
    (folder / "vocab.txt").write_text(text, encoding="utf-8")
    with pytest.raises(TokenizerError, match=rf"vocab\.txt: lacks '\[{token[1:4]}\]'; is it the vocabulary of a BERT"):
        BertTokenizer.from_folder(folder)


def test_a_tokenizer_json_whose_unknown_token_is_not_in_its_vocabulary(tmp_path: Path) -> None:
    pieces = {"[CLS]": 0, "[SEP]": 1, "a": 2}
    backend = tokenizers.Tokenizer(tokenizers.models.WordPiece(pieces, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(TokenizerError, match=r"tokenizer\.json: .*\[UNK\]"):
        BertTokenizer.from_folder(tmp_path)


def test_a_tokenizer_that_drops_letters(tmp_path: Path) -> None:
    backend = BertTokenizer.from_file(VOCAB).backend
    backend.normalizer = normalizers.Replace(tokenizers.Regex("[a-z]"), "")
    backend.save(str(tmp_path / "tokenizer.json"))
    write(tmp_path / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast"})
    with pytest.raises(TokenizerError, match=r"tokenizer\.json: the tokenizer drops the letter 'a'"):
        BertTokenizer.from_folder(tmp_path)


WRONG_SETTINGS = [
    ("mask_token", ""),
    ("mask_token", 5),
    ("cls_token", ["[CLS]"]),
    ("unk_token", {"content": "\ud800"}),
    ("do_lower_case", "yes"),
    ("strip_accents", 1),
    ("tokenize_chinese_chars", []),
    ("model_max_length", 0),
    ("model_max_length", -5),
    ("model_max_length", "512"),
    ("model_max_length", True),
    ("model_max_length", float("nan")),
    ("added_tokens_decoder", ["x"]),
    ("added_tokens_decoder", {"x": {"content": "y"}}),
    ("added_tokens_decoder", {"6000": "y"}),
    ("added_tokens_decoder", {"6000": {"text": "y"}}),
    ("added_tokens_decoder", {"6000": {"content": 5}}),
    ("added_tokens_decoder", {"7000": {"content": "[new]"}}),
    ("added_tokens_decoder", {"6000": {"content": "y", "special": "yes"}}),
]


@pytest.mark.parametrize(("key", "value"), WRONG_SETTINGS, ids=str)
def test_a_wrong_setting_is_named(folder: Path, key: str, value: object) -> None:
    write(folder / "tokenizer_config.json", {key: value})
    with pytest.raises(TokenizerError) as caught:
        BertTokenizer.from_folder(folder)
    assert str(caught.value).startswith(f"{folder / 'tokenizer_config.json'}: ")
    assert key.split("_")[0] in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"])
@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"5", b'{"a":' * 9_000, b"\xff\xfe", b'{"model": {}}'], ids=lambda c: str(c[:9])
)
def test_broken_json_is_named(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    if content == b'{"model": {}}' and name != "tokenizer.json":
        assert BertTokenizer.from_folder(folder).vocab_size == 6000
        return
    with pytest.raises(TokenizerError) as caught:
        BertTokenizer.from_folder(folder)
    assert str(caught.value).startswith(f"{folder / name}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff", b"[UNK]\n[CLS]\n[SE", b"\0" * 1000])
def test_a_broken_vocab_is_named(folder: Path, content: bytes) -> None:
    (folder / "vocab.txt").write_bytes(content)
    with pytest.raises(TokenizerError, match=r"vocab\.txt: (lacks|not UTF-8)"):
        BertTokenizer.from_folder(folder)


def test_no_tokenizer_at_all(tmp_path: Path) -> None:
    with pytest.raises(TokenizerError, match=r"no tokenizer\.json and no vocab\.txt; bring along"):
        BertTokenizer.from_folder(tmp_path)
    with pytest.raises(TokenizerError, match="no such file"):
        BertTokenizer.from_file(tmp_path / "vocab.txt")


def test_pipes_and_folders_in_place_of_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "vocab.txt")
    os.mkfifo(tmp_path / "tokenizer_config.json")
    (tmp_path / "tokenizer.json").mkdir()
    with pytest.raises(TokenizerError, match=r"no tokenizer\.json and no vocab\.txt"):
        BertTokenizer.from_folder(tmp_path)
    with pytest.raises(TokenizerError, match=r"vocab\.txt: not a file"):
        BertTokenizer.from_file(tmp_path / "vocab.txt")
