"""The tokenizer: what Transformers gives on real text of every script, and sense on what is no text at all."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distilbert import BertTokenizer, Encoding, InputError
from helpers.uncased import (
    CLS,
    MASK,
    NAUGHTY,
    RIGHTS,
    SEP,
    UNK,
    VOCAB,
    check_same,
    transformers_tokenizer,
    uncased,
)

# parity -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("strip", [None, True, False])
@pytest.mark.parametrize("chinese", [True, False])
def test_parity_on_samples(sentences: list[str], lower: bool, strip: bool | None, chinese: bool) -> None:
    theirs = transformers_tokenizer(do_lower_case=lower, strip_accents=strip, tokenize_chinese_chars=chinese)
    ours = BertTokenizer.from_file(VOCAB, lower, strip, chinese_chars=chinese)
    texts = [*NAUGHTY, *RIGHTS, *sentences[:100]]
    check_same(ours.encode_batch(texts), theirs(texts, return_offsets_mapping=True), texts)


@pytest.mark.parametrize(("vocabulary", "lower"), [("uncased", True), ("cased", False), ("multilingual-cased", False)])
@pytest.mark.parametrize("data", ["blns", "udhr", "unicode", "xquad"])
def test_parity_on_all_data(shared_data: Path, data: str, vocabulary: str, lower: bool) -> None:
    """Nothing is left out: 515 naughty strings, 49 languages, 41,215 sequences of Unicode's test files, 4 XQuADs."""
    vocab = shared_data / "vocabs" / f"bert-base-{vocabulary}-vocab.txt"
    theirs, ours = transformers_tokenizer(vocab, do_lower_case=lower), BertTokenizer.from_file(vocab, lower)
    texts = READERS[data](shared_data / data)
    check_same(ours.encode_batch(texts), theirs(texts, return_offsets_mapping=True), texts)


def read_blns(folder: Path) -> list[str]:
    return json.loads((folder / "blns.json").read_text(encoding="utf-8"))


def read_udhr(folder: Path) -> list[str]:
    return [line for path in sorted(folder.glob("*.txt")) for line in path.read_text(encoding="utf-8").splitlines()]


def read_unicode(folder: Path) -> list[str]:
    """Every sequence of both files: fields of hexadecimal code points between semicolons."""
    found: set[str] = set()
    for name, fields in (("NormalizationTest.txt", 5), ("emoji-test.txt", 1)):
        for line in (folder / name).read_text(encoding="utf-8").splitlines():
            columns = line.split("#")[0].split(";")
            if len(columns) > fields:
                found.update("".join(chr(int(code, 16)) for code in column.split()) for column in columns[:fields])
    return sorted(found)


def read_xquad(folder: Path) -> list[str]:
    texts = []
    for path in sorted(folder.glob("*.json")):
        for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
            for paragraph in article["paragraphs"]:
                texts += [paragraph["context"], *(question["question"] for question in paragraph["qas"])]
    return texts


READERS: dict[str, Callable[[Path], list[str]]] = {
    "blns": read_blns, "udhr": read_udhr, "unicode": read_unicode, "xquad": read_xquad,
}  # fmt: skip


def test_published_ids(shared_data: Path) -> None:
    """The ids that Hugging Face's course prints for distilbert-base-uncased."""
    tokenizer = BertTokenizer.from_file(shared_data / "vocabs" / "bert-base-uncased-vocab.txt")
    published = json.loads((shared_data / "reference_outputs" / "reference_outputs.json").read_text())
    example = published["sst2"]["logits"][0]
    for encoding, ids in zip(tokenizer.encode_batch(example["texts"]), example["input_ids"], strict=True):
        assert encoding.ids.tolist() == [index for index in ids if index]  # 0 is padding


def test_a_text_worked_out_by_hand() -> None:
    text = "Théy  WERE\tfine-ish,\n東 [MASK]!"
    encoding = uncased.encode(text)
    pieces = ["[CLS]", "they", "were", "fine", "-", "is", "##h", ",", "東", "[MASK]", "!", "[SEP]"]
    assert [uncased.token(index) for index in encoding.ids] == pieces
    assert [text[start:end] for start, end in encoding.offsets] == [
        "", "Théy", "WERE", "fine", "-", "is", "h", ",", "東", "[MASK]", "!", ""
    ]  # fmt: skip
    assert encoding.word_ids.tolist() == [-1, 0, 1, 2, 3, 4, 4, 5, 6, 7, 8, -1]
    assert encoding.sequence_ids.tolist() == [-1, *[0] * 10, -1]
    assert encoding.ids.dtype == encoding.offsets.dtype == encoding.word_ids.dtype == np.int64


# words that were split before -------------------------------------------------------------------------


def test_words_that_were_split_before(sentences: list[str]) -> None:
    theirs = transformers_tokenizer()
    texts = [sentence.split() for sentence in sentences[:50]] + [["don't", "", " ", "two words", "東京", "[SEP]"], [""]]
    for limit in (None, 9):
        ours = uncased.encode_batch(texts, max_length=limit, is_split=True)
        cut = theirs(
            texts, is_split_into_words=True, return_offsets_mapping=True, truncation=limit is not None, max_length=limit
        )
        check_same(ours, cut, texts)
    assert uncased.encode([], is_split=True).ids.tolist() == [CLS, SEP]


def test_windows_over_words() -> None:
    words = ["unbelievable", "东西", "film", "."] * 5
    windows = uncased.windows(words, 8, 2, is_split=True)
    found = [int(word) for window in windows for word in window.encoding.word_ids if word >= 0]
    assert set(found) == set(range(20))


# what is no text --------------------------------------------------------------------------------------

ODD = {
    "empty": "",
    "spaces": "   ",
    "whitespace": "\t\n\r \u00a0\u2003\u3000",
    "nul": "good\0film\0",
    "nul alone": "\0",
    "lone surrogate": "good \ud800 film",
    "lone surrogates": "\udc80\udfff\ud83d",
    "surrogates the wrong way round": "\ude00\ud83d",
    "controls": "".join(map(chr, range(32))) + "\x7f\x80\x9f",
    "not characters": "\ufffe\uffff\U0010ffff\ufdd0",
    "private use": "\ue000 \U000f0000",
    "joined": "👩‍👩‍👧‍👦 e\u0301\u0301\u0301 \u200d\u202e\ufeff",
    "100,000 without a space": "x" * 100_000,
    "100,000 of punctuation": "!" * 100_000,
    "100,000 combining accents": "e" + "\u0301" * 99_999,
    "100,000 Chinese characters": "東" * 100_000,
    "grows when lower-cased": "İ" * 1_000 + "ẞ" * 1_000,
    "special tokens": "[CLS] [SEP] [MASK] [PAD] [UNK] [unused1]",
}


@pytest.mark.parametrize("name", list(ODD))
@pytest.mark.parametrize("lower", [True, False])
def test_what_is_no_text_gives_tokens_within_it(name: str, lower: bool) -> None:
    tokenizer = uncased if lower else BertTokenizer.from_file(VOCAB, lower_case=False)
    text = ODD[name]
    # the neighbours are as they are alone
    before, encoding, after = tokenizer.encode_batch(["a good film", text, "b"])
    assert before.ids.tolist() == tokenizer.encode("a good film").ids.tolist()
    assert after.ids.tolist() == tokenizer.encode("b").ids.tolist()
    assert encoding.ids[0] == CLS
    assert encoding.ids[-1] == SEP
    check_places(encoding, text)
    limited = tokenizer.encode(text, max_length=64)
    assert limited.truncated == (len(encoding) > 64)
    np.testing.assert_array_equal(limited.ids[:-1], encoding.ids[: len(limited) - 1])


def check_places(encoding: Encoding, text: str) -> None:
    """Offsets lie in the text and ascend; words are numbered in order."""
    starts, stops = encoding.offsets[1:-1].T
    assert (starts <= stops).all()
    assert (stops <= len(text)).all()
    assert (np.diff(starts) >= 0).all()
    words = encoding.word_ids[1:-1]
    assert (np.diff(words) >= 0).all()
    assert ((encoding.ids >= 0) & (encoding.ids < uncased.vocab_size)).all()


@settings(max_examples=300)
@given(st.text(st.characters(exclude_categories=[]), max_size=60))  # every code point, surrogates too
def test_any_text_gives_tokens_within_it(text: str) -> None:
    encoding = uncased.encode(text)
    check_places(encoding, text)
    pair = uncased.encode("a film", text)
    np.testing.assert_array_equal(pair.ids[-len(encoding) + 1 :], encoding.ids[1:])
    np.testing.assert_array_equal(pair.offsets[-len(encoding) + 1 :], encoding.offsets[1:])


def test_a_lone_surrogate_is_replaced_one_for_one() -> None:
    encoding = uncased.encode("good \ud800\udfff film")
    assert encoding.offsets.tolist() == [[0, 0], [0, 4], [8, 12], [0, 0]]
    assert encoding.ids.tolist() == uncased.encode("good film").ids.tolist()


@pytest.mark.parametrize(
    ("texts", "pairs", "is_split", "message"),
    [
        ("a text", None, False, "give a list of texts"),
        ([b"bytes"], None, False, r"text 0 must be a string, not b'bytes'"),
        (["a", None], None, False, "text 1 must be a string, not None"),
        (["a", ["b"]], None, False, "text 1 must be a string"),
        (["a"], [5], False, "text 0 must be a string, not 5"),
        (["a", "b"], ["c"], False, "2 texts and 1 pair to them cannot be paired"),
        (["a"], None, True, "text 0 must be a list of words, not 'a'"),
        ([["a", 5]], None, True, "text 0 must be a list of words"),
    ],
)
def test_what_is_not_text_is_refused(texts: Any, pairs: Any, is_split: bool, message: str) -> None:
    with pytest.raises(InputError, match=message):
        uncased.encode_batch(texts, pairs, is_split=is_split)


def test_pieces_and_ids() -> None:
    assert uncased.token(MASK) == "[MASK]"
    assert uncased.token_id("[MASK]") == MASK
    assert uncased.token_id("no such piece") is None
    assert (uncased.pad_token_id, uncased.unk_token_id, uncased.cls_token_id) == (0, UNK, CLS)
    assert (uncased.sep_token_id, uncased.mask_token_id, uncased.mask_token) == (SEP, MASK, "[MASK]")
    assert uncased.special_ids == {0, UNK, CLS, SEP, MASK}
    assert (uncased.special_count, uncased.closing_count, uncased.pair_special_count) == (2, 1, 3)
    assert uncased.decode(uncased.encode("A film!").ids) == "a film!"
    assert uncased.decode([CLS, MASK], skip_special_tokens=False) == "[CLS] [MASK]"
    for wrong in (-1, 6000, 2**32, 2**70):
        with pytest.raises(InputError, match=f"token id {wrong} is not in the vocabulary of 6000"):
            uncased.token(wrong)
    for wrong in (-1, 2**32):
        with pytest.raises(InputError, match="token ids are whole numbers from 0 on"):
            uncased.decode([5, wrong])
