"""The tokenizer: what Transformers gives on real text of every script, and sense on what is no text at all."""

import json
import os
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import normalizers, pre_tokenizers

from conftest import DATA
from distilbert import BertTokenizer, Encoding, InputError, TokenizerError, TokenizerWarning
from distilbert.encoding import find_margin, window_spans

VOCAB = DATA / "vocab.txt"
NAUGHTY: list[str] = json.loads((DATA / "naughty_strings.json").read_text(encoding="utf-8"))
RIGHTS = [line.split("\t")[1] for line in (DATA / "udhr.tsv").read_text(encoding="utf-8").splitlines()]
CLS, SEP, UNK, MASK = 101, 102, 100, 103

uncased = BertTokenizer.from_file(VOCAB)


def same(ours: Encoding, theirs: Any, index: int) -> bool:
    """Ids, offsets and word ids as in a BatchEncoding of Transformers."""
    return (
        ours.ids.tolist() == theirs["input_ids"][index]
        and ours.offsets.tolist() == [list(pair) for pair in theirs["offset_mapping"][index]]
        and [None if word < 0 else word for word in ours.word_ids.tolist()] == theirs.word_ids(index)
    )


def check_same(ours: list[Encoding], theirs: Any, texts: list[Any]) -> None:
    wrong = [texts[index] for index, encoding in enumerate(ours) if not same(encoding, theirs, index)]
    assert not wrong, f"{len(wrong)} of {len(texts)} texts differ, the first: {wrong[0]!r}"


def transformers_tokenizer(vocab: Path = VOCAB, **options: Any) -> Any:
    transformers = pytest.importorskip("transformers")
    return transformers.DistilBertTokenizer(vocab=str(vocab), **options)


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


# pairs and cutting ------------------------------------------------------------------------------------


@pytest.mark.parametrize("max_length", [3, 4, 5, 8, 13, 20, 21, 40, 64, 400])
def test_truncation_of_pairs_is_longest_first(sentences: list[str], max_length: int) -> None:
    theirs = transformers_tokenizer()
    words = " ".join(sentences).split()
    lengths = [0, 1, 2, 3, 5, 8, 13, 21, 34]
    firsts = [" ".join(words[:a]) for a in lengths for _ in lengths]
    seconds = [" ".join(words[50 : 50 + b]) for _ in lengths for b in lengths]
    ours = uncased.encode_batch(firsts, seconds, max_length=max_length)
    cut = theirs(firsts, seconds, truncation="longest_first", max_length=max_length, return_offsets_mapping=True)
    check_same(ours, cut, list(zip(firsts, seconds, strict=True)))
    full = uncased.encode_batch(firsts, seconds)
    for encoding, whole in zip(ours, full, strict=True):
        assert encoding.truncated == (len(encoding) < len(whole))
        assert len(encoding) == min(len(whole), max_length)
        assert [None if s < 0 else s for s in encoding.sequence_ids.tolist()] == cut.sequence_ids(ours.index(encoding))


@pytest.mark.parametrize("max_length", [2, 3, 7, 30, 1000])
def test_truncation_of_single_texts(sentences: list[str], max_length: int) -> None:
    theirs = transformers_tokenizer()
    ours = uncased.encode_batch(sentences[:50], max_length=max_length)
    cut = theirs(sentences[:50], truncation=True, max_length=max_length, return_offsets_mapping=True)
    check_same(ours, cut, sentences[:50])


def test_only_the_first_of_a_pair_is_cut_if_asked() -> None:
    encoding = uncased.encode_batch(["one two three four five"], ["six seven"], max_length=7, cut="first")[0]
    assert encoding.sequence_ids.tolist() == [-1, 0, 0, -1, 1, 1, -1]
    with pytest.raises(InputError, match="the second text has 2 tokens, which leaves none of 5 for the first"):
        uncased.encode_batch(["one two"], ["six seven"], max_length=5, cut="first")


def test_a_length_without_room_for_special_tokens_is_refused() -> None:
    assert uncased.encode("a b", max_length=2).ids.tolist() == [CLS, SEP]
    with pytest.raises(InputError, match="max_length=1 has no room for the 2 special tokens"):
        uncased.encode("a", max_length=1)
    with pytest.raises(InputError, match="max_length=2 has no room for the 3 special tokens"):
        uncased.encode("a", "b", max_length=2)


# windows ----------------------------------------------------------------------------------------------


@given(st.integers(0, 400), st.integers(1, 60), st.data())
def test_windows_cover_everything_once_but_for_the_stride(length: int, room: int, data: st.DataObject) -> None:
    stride = data.draw(st.integers(0, room - 1))
    spans = window_spans(length, room, stride)
    assert spans[0][0] == 0
    assert spans[-1][1] == length
    assert all(0 <= stop - start <= room for start, stop in spans)
    for (start, stop), (following, end) in pairwise(spans):
        assert following == stop - stride  # neighbours share exactly the stride
        assert stop - start == room  # all but the last are full
        assert end > stop  # and each adds something


@pytest.mark.parametrize(("room", "stride"), [(0, 0), (3, 3), (3, 4), (-1, 0), (3, -1)])
def test_a_stride_that_does_not_fit_is_refused(room: int, stride: int) -> None:
    with pytest.raises(InputError, match=f"a stride of {stride} does not fit windows of {room} tokens"):
        window_spans(10, room, stride)


words_of_texts = st.lists(st.sampled_from(["good", "film", "...", "unbelievable", "don't", "東", "naïve"]), max_size=80)


@settings(max_examples=60)
@given(words_of_texts, st.integers(3, 40), st.data())
def test_windows_of_a_text_are_slices_of_it(words: list[str], max_length: int, data: st.DataObject) -> None:
    text = " ".join(words)
    stride = data.draw(st.integers(0, max_length - 3))
    whole = uncased.encode(text)
    for window in uncased.windows(text, max_length, stride):
        inner = slice(1 + window.start, 1 + window.stop)
        for name in ("ids", "offsets", "word_ids", "sequence_ids"):
            ours, expected = getattr(window.encoding, name), getattr(whole, name)
            np.testing.assert_array_equal(ours, np.concatenate([expected[:1], expected[inner], expected[-1:]]))
        assert len(window.encoding) <= max_length
        assert not window.encoding.truncated


@settings(max_examples=60)
@given(words_of_texts, words_of_texts, st.integers(0, 30), st.integers(0, 10), st.sampled_from(["first", "second"]))
def test_pair_windows_keep_one_text_whole(
    first: list[str], second: list[str], spare: int, stride: int, over: str
) -> None:
    texts = (" ".join(first), " ".join(second))
    whole, long = texts if over == "second" else texts[::-1]
    length = len(uncased.encode(whole)) + 1 + stride + 1 + spare
    spans = window_spans(len(uncased.encode(long)) - 2, 1 + stride + spare, stride)
    windows = uncased.pair_windows(*texts, length, stride, over=over)  # type: ignore[arg-type]
    assert [(window.start, window.stop) for window in windows] == spans
    full = uncased.encode(*texts)
    sequence = 1 if over == "second" else 0
    for window in windows:
        assert len(window.encoding) <= length
        places = np.flatnonzero(full.sequence_ids != sequence)
        long_places = np.flatnonzero(full.sequence_ids == sequence)[window.start : window.stop]
        kept = np.sort(np.concatenate([places, long_places]))
        for name in ("ids", "offsets", "word_ids", "sequence_ids"):
            np.testing.assert_array_equal(getattr(window.encoding, name), getattr(full, name)[kept])


def test_windows_agree_with_transformers_overflow(sentences: list[str]) -> None:
    theirs = transformers_tokenizer()
    question, context = sentences[0], " ".join(sentences[:20])
    cut = theirs(
        question, context, truncation="only_second", max_length=64, stride=16, return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )  # fmt: skip
    ours = [window.encoding for window in uncased.pair_windows(question, context, 64, 16)]
    assert len(ours) == len(cut["input_ids"]) > 5
    check_same(ours, cut, ours)


def test_a_first_text_that_leaves_no_room_is_refused() -> None:
    with pytest.raises(InputError, match="the first text has 8 tokens, which leaves 1 of 12 for the second"):
        uncased.pair_windows("one two three four five six seven eight", "nine", 12, 2)


def test_many_windows_take_time_in_proportion() -> None:
    """20,000 tokens in 10,000 windows: each must be a slice, not another pass over the text, which takes minutes."""
    text = "good film " * 10_000
    start = time.process_time()
    windows = uncased.windows(text, 4, 0)
    assert len(windows) == 10_000
    assert sum(int(window.encoding.offsets[1, 0]) for window in windows) == 10 * sum(range(10_000))
    assert time.process_time() - start < 10


# long texts --------------------------------------------------------------------------------------------


class Counting:
    """A backend that counts the characters it is given."""

    def __init__(self, backend: Any) -> None:
        self.backend, self.characters = backend, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.backend, name)

    def encode_batch(self, texts: list[Any], **options: Any) -> Any:
        self.characters += sum(len(text) if isinstance(text, str) else sum(map(len, text)) for text in texts)
        return self.backend.encode_batch(texts, **options)


def test_of_a_long_text_no_more_is_read_than_fills_the_model() -> None:
    tokenizer = BertTokenizer.from_file(VOCAB)
    expected = tokenizer.encode("a " * 1000, max_length=512)
    counting = tokenizer.backend = Counting(tokenizer.backend)  # type: ignore[assignment]
    text = "a " * 5_000_000
    for other, is_split in ((text, False), (text.split(), True)):
        counting.characters = 0
        encoding = tokenizer.encode(other, max_length=512, is_split=is_split)  # type: ignore[arg-type]
        assert encoding.ids.tolist() == expected.ids.tolist()
        assert encoding.truncated
        assert counting.characters < 50_000
    counting.characters = 0
    pair = tokenizer.encode("good film", text, max_length=512)
    assert len(pair) == 512
    assert counting.characters < 50_000


strange = st.lists(
    st.sampled_from([
        "good", "film ", " ", "x" * 120, "unbelievable ", "東", "e\u0301", "\u0301", "\0", "[MASK]", "[MASK", "]",
        "<url>", "new  york", "new york", "İ", "ﬃ", "각", "\n\t", "don't", "<e>", " <e>  ", "\ud800", "...",
    ]),
    max_size=400,
)  # fmt: skip


@settings(max_examples=150)
@given(strange, strange, st.integers(3, 40), st.data())
def test_what_is_read_of_a_long_text_is_as_if_it_were_read_whole(
    words: list[str], others: list[str], limit: int, data: st.DataObject
) -> None:
    """Cut short after a few characters at first, so that most texts are read on; added tokens of every kind."""
    tokenizer = BertTokenizer.from_file(VOCAB, lower_case=data.draw(st.booleans()))
    tokenizer.backend.add_tokens([
        tokenizers.AddedToken("<url>", single_word=True), tokenizers.AddedToken("new york", normalized=True),
        tokenizers.AddedToken("<e>", lstrip=True, rstrip=True, normalized=False),
    ])  # fmt: skip
    tokenizer = BertTokenizer(tokenizer.backend)
    text, pair = "".join(words), "".join(others)
    encodings = {}
    for whole in (True, False):
        tokenizer._margin = None if whole else find_margin(tokenizer.backend)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("distilbert.tokenizer._MOST_CHARS_A_TOKEN", 1)
            encodings[whole] = [
                tokenizer.encode(text, max_length=limit),
                tokenizer.encode(text, pair, max_length=limit),
                tokenizer.encode(pair, text, max_length=limit),
                tokenizer.encode(words, max_length=limit, is_split=True),  # type: ignore[arg-type]
            ]
    for read, wanted in zip(encodings[False], encodings[True], strict=True):
        for name in ("ids", "offsets", "word_ids", "sequence_ids"):
            np.testing.assert_array_equal(getattr(read, name), getattr(wanted, name))
        assert read.truncated == wanted.truncated


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
        (["a", "b"], ["c"], False, "there are 2 texts and 1 pairs"),
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


# every form of a folder -------------------------------------------------------------------------------

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
