"""Token classification of long texts, in windows, and where entities stand in any text."""

import dataclasses
import json
import unicodedata
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distilbert import Entity, InputError, LongTextWarning, TokenClassifier, load
from distilbert.batch import Batch
from distilbert.folder.checkpoint import Head
from distilbert.tasks.token_classification import Aggregation
from helpers.hard_text import anything, naughty_and_foreign
from helpers.local_model import save_local_model
from helpers.taggers import AGGREGATIONS, IOB, Dictated, assert_same, found, id2label


@pytest.fixture(scope="module")
def near(tmp_path_factory: pytest.TempPathFactory, vocab: Path) -> tuple[TokenClassifier, TokenClassifier]:
    """One model that sees neighbours only, reading 128 tokens and reading 4,096."""
    tasks = [
        load(
            save_local_model(
                tmp_path_factory.mktemp(f"near-{longest}"),
                Head.TOKEN_CLASSIFICATION,
                vocab,
                longest=longest,
                id2label=id2label(IOB),
            )
        )
        for longest in (128, 4096)
    ]
    assert isinstance(tasks[0], TokenClassifier)
    assert isinstance(tasks[1], TokenClassifier)
    return tasks[0], tasks[1]


@pytest.mark.parametrize("aggregation", ["none", "simple", "average"])
@pytest.mark.parametrize("stride", [None, 16, 110])
def test_a_text_in_windows_gives_what_reading_it_at_once_gives(
    near: tuple[TokenClassifier, TokenClassifier],
    sentences: list[str],
    aggregation: Aggregation,
    stride: int | None,
) -> None:
    """Rust-bert fault 1 (wrong after the first windows), tf#4501 and tf#5983 (a crash over 512 tokens)."""
    windows, at_once = near
    text = " ".join(sentences[:50])
    expected = at_once(text, aggregation=aggregation)
    assert len(expected) > 300
    assert_same(windows(text, aggregation=aggregation, stride=stride), expected, tolerance=1e-3)
    np.testing.assert_allclose(windows.logits(text, stride=stride)[0], at_once.logits(text)[0], rtol=0, atol=1e-3)


def test_a_window_without_overlap_does_change_the_entities(
    near: tuple[TokenClassifier, TokenClassifier], sentences: list[str]
) -> None:
    """So the test above can fail: seams matter to this model."""
    windows, at_once = near
    text = " ".join(sentences[:50])
    assert windows(text, stride=0) != at_once(text)
    assert np.abs(windows.logits(text, stride=0)[0] - at_once.logits(text)[0]).max() > 0.1


def test_entities_of_a_long_text_are_those_of_the_pieces_that_hold_them(
    near: tuple[TokenClassifier, TokenClassifier], sentences: list[str]
) -> None:
    windows, _ = near
    pieces = sentences[:60]
    text = " ".join(pieces)
    alone = windows(pieces, aggregation="none")
    starts = np.cumsum([0, *(len(piece) + 1 for piece in pieces)])
    compared = 0
    joined = {(e.start, e.end): e for e in windows(text, aggregation="none")}
    for piece, start, entities in zip(pieces, starts.tolist(), alone):
        for e in entities:
            if e.start > 40 and e.end < len(piece) - 40:  # beyond the reach of the neighbours
                other = joined[start + e.start, start + e.end]
                assert (other.label, other.text) == (e.label, e.text)
                assert other.score == pytest.approx(e.score, abs=1e-3)
                compared += 1
    assert compared > 200


class Positions:
    """An engine that labels the outer three tokens of a window wrongly, as LOC or PER, and all others as asked."""

    def __init__(self, task: TokenClassifier, wanted: dict[str, str | dict[str, float]]) -> None:
        self.inside = Dictated(task, wanted)

    def run(self, batch: Batch) -> np.ndarray:
        logits = self.inside.run(batch)
        last = np.repeat(batch.lengths, batch.lengths) - 1
        at_edge = (batch.positions < 3) | (batch.positions > last - 3)
        logits[at_edge] = logits[at_edge][:, ::-1]
        return logits


@pytest.mark.parametrize("shift", range(6))
def test_an_entity_at_a_seam_is_neither_lost_nor_doubled_nor_cut(
    dictate: Callable[..., TokenClassifier], shift: int
) -> None:
    """Every place of a seam in an entity is tried: it is six tokens from one to the next."""
    wanted: dict[str, str | dict[str, float]] = {"king": "B-PER", "john": "I-PER", "the": "O"}
    task = dictate(IOB, wanted)
    task.model = dataclasses.replace(task.model, engine=Positions(task, wanted))
    name = "king john john john"
    text = "the " * (3 + shift) + f"{name} the the " * 80 + "the the the"
    for stride in (16, 31, 64, 120):
        entities = task(text, stride=stride, ignore_labels=("O", "LOC"))  # the outer tokens of the text are LOC
        assert found(entities) == [("PER", name)] * 80
        assert all(e.text == text[e.start : e.end] for e in entities)


class Numbered:
    """An engine whose every output is the number of the window."""

    def __init__(self) -> None:
        self.windows = 0

    def run(self, batch: Batch) -> np.ndarray:
        numbers = self.windows + batch.texts
        self.windows += batch.size
        return np.repeat(numbers[:, None], len(IOB), 1).astype(np.float32)


def test_all_tokens_of_a_word_are_read_in_one_window(tagger: TokenClassifier) -> None:
    engine = Numbered()
    tagger.model = dataclasses.replace(tagger.model, engine=engine)
    text = "a " + "cartoonist " * 150  # four pieces each
    words = tagger.tokenizer.encode(text).word_ids
    for stride in (8, 9, 10, 11, None, 100):
        numbers = tagger.logits(text, stride=stride)[0][:, 0]
        assert all(len(set(numbers[words == word])) == 1 for word in range(151))
        assert len(set(numbers)) == len(tagger.tokenizer.windows(text, 128, 31 if stride is None else stride))


def test_rehydra_82_truncation_is_never_silent(tagger: TokenClassifier, sentences: list[str]) -> None:
    long = " ".join(sentences[:20])
    with pytest.warns(LongTextWarning, match=r"1 of 2 texts is longer than 128 tokens and was cut"):
        cut = tagger([long, "short"], long_text="truncate")
    with pytest.raises(InputError, match=r"text 1 is longer than the 128 tokens"):
        tagger(["short", long], long_text="error")
    assert 0 < max(e.end for e in cut[0]) < len(long) / 2
    assert max(e.end for e in tagger(long, ignore_labels=())) == len(long)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tagger([long, "short"])
    with pytest.warns(LongTextWarning):
        assert tagger.from_words([long.split()], long_text="truncate")[0]


# --- places in the text -----------------------------------------------------------------------------


def assert_places(text: str, entities: list[Entity]) -> None:
    end = 0
    for entity in entities:
        assert entity.text == text[entity.start : entity.end]
        assert entity.text
        assert end <= entity.start
        assert 0 <= entity.score <= 1 + 1e-6
        end = entity.end


@pytest.fixture(scope="module")
def steady(of_both_cases: Callable[..., dict[bool, TokenClassifier]]) -> dict[bool, TokenClassifier]:
    return of_both_cases(Head.TOKEN_CLASSIFICATION, id2label=id2label(IOB), max_position_embeddings=24)


@settings(max_examples=150)
@given(
    text=anything,
    aggregation=st.sampled_from(AGGREGATIONS),
    ignored=st.sampled_from([("O",), ()]),
    lower=st.booleans(),
    stride=st.integers(0, 21),
)
def test_places_are_right_in_any_text(
    steady: dict[bool, TokenClassifier],
    text: str,
    aggregation: Aggregation,
    ignored: tuple[str, ...],
    lower: bool,
    stride: int,
) -> None:
    assert_places(text, steady[lower](text, aggregation=aggregation, ignore_labels=ignored, stride=stride))


@settings(max_examples=60)
@given(words=st.lists(anything.map(lambda text: text[:12]), max_size=40), aggregation=st.sampled_from(AGGREGATIONS))
def test_words_of_any_kind(steady: dict[bool, TokenClassifier], words: list[str], aggregation: Aggregation) -> None:
    entities = steady[True].from_words([words], aggregation=aggregation, ignore_labels=())[0]
    assert all(e.text == " ".join(words[e.start : e.end]) for e in entities)
    covered = [index for e in entities for index in range(e.start, e.end)]
    assert covered == sorted(set(covered))


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_naughty_strings_and_their_neighbours(tagger: TokenClassifier, aggregation: Aggregation) -> None:
    good = "a plain sentence"
    texts = [text for naughty in naughty_and_foreign() for text in (naughty, good)]
    results = tagger(texts, aggregation=aggregation, ignore_labels=())
    for text, entities in zip(texts, results):
        assert_places(text, entities)
    alone = tagger(good, aggregation=aggregation, ignore_labels=())
    for entities in results[1::2]:
        assert_same(entities, alone, tolerance=1e-6)
    assert tagger("", aggregation=aggregation) == []


def test_combining_marks_are_not_left_behind(tagger: TokenClassifier) -> None:
    for text in ("Jose\u0301", "ก็ดี", "I \u2764\ufe0f", "x\u0301\u0302 y"):
        last = tagger(text, ignore_labels=())[-1]
        assert last.end == len(text)
        assert not any(unicodedata.combining(text[e.end]) for e in tagger(text, ignore_labels=())[:-1])


# --- wider data -------------------------------------------------------------------------------------


def test_naughty_strings_of_the_world_and_49_languages(tagger: TokenClassifier, shared_data: Path) -> None:
    strings = json.loads((shared_data / "blns" / "blns.json").read_text(encoding="utf-8"))
    languages = [path.read_text(encoding="utf-8")[:3000] for path in sorted((shared_data / "udhr").glob("*"))]
    assert len(strings) > 500
    assert len(languages) >= 49
    texts = strings + languages
    for text, entities in zip(texts, tagger(texts, aggregation="max")):
        assert_places(text, entities)


def test_long_reviews_in_windows(near: tuple[TokenClassifier, TokenClassifier], shared_data: Path) -> None:
    windows, at_once = near
    lines = (shared_data / "movie_reviews" / "reviews.jsonl").read_text(encoding="utf-8").splitlines()
    reviews = sorted((json.loads(line)["text"] for line in lines), key=len)
    for text in [*reviews[:3], *reviews[1000:1003], reviews[-40]]:
        assert_same(windows(text), at_once(text, long_text="error"), tolerance=1e-3)
