"""The tokenizer where a text is longer than the model: cutting, windows, and how much of it is read."""

import time
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st

from distilbert import BertTokenizer, InputError
from distilbert.encoding import find_margin, window_spans
from helpers.uncased import CLS, SEP, VOCAB, check_same, transformers_tokenizer, uncased


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
