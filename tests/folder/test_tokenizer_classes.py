"""The class that a folder names for its tokenizer: read, or refused with the reason; what tokenizer.json decides."""

import json
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from tokenizers import models, pre_tokenizers

from distilbert import BertTokenizer, TokenizerError, TokenizerWarning
from helpers.hard_text import naughty_and_foreign
from helpers.tokenizer_folders import PIECES, base, write_folder
from helpers.tokenizer_rows import opened


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("BertJapaneseTokenizer", "cuts Japanese into words with MeCab first"),
        ("DistilBertJapaneseTokenizer", "cuts Japanese into words with MeCab first"),
        ("KoBertTokenizer", "cuts with SentencePiece"),
        ("XLMRobertaTokenizerFast", "cuts with SentencePiece"),
        ("AlbertTokenizer", "cuts with SentencePiece"),
        ("CamembertTokenizer", "cuts with SentencePiece"),
        ("DebertaV2Tokenizer", "cuts with SentencePiece"),
        ("RobertaTokenizer", "cuts into byte pairs"),
        ("MPNetTokenizer", "has special tokens of its own"),
        ("FunnelTokenizerFast", "has special tokens of its own"),
        ("OurOwnTokenizer", "is no WordPiece tokenizer of BERT"),
        ("PreTrainedTokenizerFast", "is what its tokenizer.json says, and there is none"),
    ],
)
@pytest.mark.parametrize("file", ["tokenizer_config.json", "config.json"])
def test_a_class_that_a_vocab_does_not_tell_is_refused(tmp_path: Path, name: str, reason: str, file: str) -> None:
    files = base("vocab")
    files[file]["tokenizer_class"] = name
    folder = write_folder(tmp_path / "folder", files)
    with pytest.raises(TokenizerError) as caught:
        BertTokenizer.from_folder(folder)
    assert str(caught.value).startswith(
        f"{folder / 'vocab.txt'}: tokenizer_class '{name.removesuffix('Fast')}' {reason}"
    )
    # and with a tokenizer.json beside it, that decides
    (folder / "tokenizer.json").write_text(json.dumps(base("file")["tokenizer.json"]))
    assert opened(folder).encode("the film").ids.tolist() == [2, PIECES.index("the"), PIECES.index("film"), 3]


@pytest.mark.parametrize("lower", [True, False])
def test_berts_tokenizer_in_python_cuts_alike(tmp_path: Path, vocab: Path, lower: bool) -> None:
    transformers = pytest.importorskip("transformers")
    settings = {"tokenizer_class": "BertTokenizerLegacy", "do_lower_case": lower, "model_max_length": 100_000}
    folder = write_folder(
        tmp_path / "folder", {"config.json": {"model_type": "distilbert"}, "tokenizer_config.json": settings}
    )
    (folder / "vocab.txt").write_bytes(vocab.read_bytes())
    theirs, ours = transformers.AutoTokenizer.from_pretrained(folder), BertTokenizer.from_folder(folder)
    assert type(theirs).__name__ == "BertTokenizerLegacy"
    texts = [text for text in naughty_and_foreign() if "\ud800" not in text and "\ufffe" not in text]
    assert len(texts) > 250
    for text in texts:
        assert ours.encode(text).ids.tolist() == theirs(text)["input_ids"], text


@pytest.mark.parametrize("more", [{"do_basic_tokenize": False}, {"never_split": ["film"]}])
def test_what_berts_tokenizer_in_python_reads_besides_is_refused(tmp_path: Path, more: dict[str, Any]) -> None:
    files = base("vocab")
    files["tokenizer_config.json"] |= {"tokenizer_class": "BertTokenizerLegacy"} | more
    with pytest.raises(TokenizerError, match=r"tokenizer_config.json: BertTokenizerLegacy with do_basic_tokenize"):
        BertTokenizer.from_folder(write_folder(tmp_path / "folder", files))


def test_japanese_words_are_refused_without_a_class(tmp_path: Path) -> None:
    files = base("vocab")
    files["tokenizer_config.json"] = {"word_tokenizer_type": "mecab", "subword_tokenizer_type": "wordpiece"}
    with pytest.raises(TokenizerError, match="MeCab"):
        BertTokenizer.from_folder(write_folder(tmp_path / "folder", files))


@pytest.mark.parametrize("mark", ["▁", "Ġ"])
def test_a_vocab_that_is_no_word_piece_is_refused(tmp_path: Path, mark: str) -> None:
    files = base("vocab") | {"vocab.txt": f"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n{mark}film\n{mark}\ning\n"}
    with pytest.raises(TokenizerError, match=r"vocab\.txt: has no '##' pieces but some that begin with"):
        BertTokenizer.from_folder(write_folder(tmp_path / "folder", files))


@pytest.mark.parametrize(
    ("file", "what"),
    [("spiece.model", "a SentencePiece model"), ("vocab.json", "a part of a byte-pair tokenizer")],
)
def test_what_lies_in_place_of_a_tokenizer_is_named(tmp_path: Path, file: str, what: str) -> None:
    (tmp_path / file).write_bytes(b"\n\0")
    with pytest.raises(TokenizerError, match=f"{file} is {what}, which is not read; bring along a tokenizer.json, as"):
        BertTokenizer.from_folder(tmp_path)


def other_kinds() -> dict[str, tokenizers.Tokenizer]:
    words = {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "film": 3, "fi": 4, "lm": 5, "f": 6, "i": 7, "l": 8, "m": 9, "a": 10}
    return {
        "WordLevel": tokenizers.Tokenizer(models.WordLevel(words, unk_token="[UNK]")),
        "BPE": tokenizers.Tokenizer(models.BPE(words, [("f", "i"), ("l", "m")], unk_token="[UNK]")),
        "Unigram": tokenizers.Tokenizer(models.Unigram([(word, -1.0) for word in words], unk_id=0)),
    }


@pytest.mark.parametrize("kind", ["WordLevel", "BPE", "Unigram"])
@pytest.mark.parametrize("name", ["DistilBertTokenizer", None, "PreTrainedTokenizerFast", "OurOwnTokenizer"])
def test_a_tokenizer_json_of_another_kind_is_read_as_it_is(tmp_path: Path, kind: str, name: str | None) -> None:
    """Under a BERT class Transformers 5 makes a WordPiece of any vocabulary, which cuts into nonsense."""
    backend = other_kinds()[kind]
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    folder = write_folder(tmp_path / "folder", {"config.json": {"model_type": "distilbert", "tokenizer_class": name}})
    backend.save(str(folder / "tokenizer.json"))
    with pytest.warns(TokenizerWarning, match=r"tokenizer\.json: puts no \[CLS\] before a text"):
        tokenizer = BertTokenizer.from_folder(folder)
    for text in ("film a film", "a"):
        assert tokenizer.encode(text).ids.tolist() == backend.encode(text).ids
        if name in ("PreTrainedTokenizerFast", "OurOwnTokenizer"):
            transformers = pytest.importorskip("transformers")
            assert (
                tokenizer.encode(text).ids.tolist()
                == transformers.AutoTokenizer.from_pretrained(folder)(text)["input_ids"]
            )


@pytest.mark.parametrize("change", ["normalizer", "a list", "pre_tokenizer", "case"])
def test_what_a_bert_class_does_not_use_of_a_tokenizer_json_is_said(tmp_path: Path, change: str) -> None:
    files = base("json")
    if change == "normalizer":
        files["tokenizer.json"]["normalizer"] = {"type": "Lowercase"}
    elif change == "a list":  # of a part's fields, which the library takes too
        files["tokenizer.json"]["normalizer"] = [[]]
    elif change == "case":
        files["tokenizer.json"]["normalizer"]["lowercase"] = False
    else:
        files["tokenizer.json"]["pre_tokenizer"] = {"type": "Whitespace"}
    folder = write_folder(tmp_path / "folder", files)
    part = "pre_tokenizer" if change == "pre_tokenizer" else "normalizer"
    with pytest.warns(TokenizerWarning, match=rf"tokenizer\.json: its {part} is not used: under a BERT class"):
        BertTokenizer.from_folder(folder)
    if change == "case":  # said by a key, it is no surprise
        (folder / "tokenizer_config.json").write_text('{"do_lower_case": true}')
        assert BertTokenizer.from_folder(folder).encode("Film").ids[1] == PIECES.index("film")
