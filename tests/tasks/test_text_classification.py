import json
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import DATA, Maker
from distilbert import CheckpointError, Classification, InputError, TextClassifier, load
from distilbert.folder.checkpoint import Head
from helpers.hard_text import words
from helpers.spy import Spy

TEXT = "a charming and often affecting journey ."
ROOM = 128 - 2  # tokens of a text in the small model

KINDS: list[dict[str, Any]] = [
    {"num_labels": 2},
    {"num_labels": 5},
    {"num_labels": 2, "problem_type": "single_label_classification"},
    {"num_labels": 4, "problem_type": "multi_label_classification"},
    {"num_labels": 1},
    {"num_labels": 1, "problem_type": "regression"},
    {"num_labels": 3, "problem_type": "regression"},
    {"id2label": {"0": "négatif", "1": "positif"}, "activation": "relu"},
]


@pytest.fixture
def classifier(make_checkpoint: Maker) -> TextClassifier:
    """Three labels, which exclude each other."""
    folder = make_checkpoint(id2label={"0": "bad", "1": "fair", "2": "good"})
    return load(folder, "text-classification")


@pytest.fixture
def tagger(make_checkpoint: Maker) -> TextClassifier:
    """Four labels, each by itself."""
    folder = make_checkpoint(seed=10, num_labels=4, problem_type="multi_label_classification", name="tagger")
    return load(folder, "text-classification")


def softmax(logits: np.ndarray) -> np.ndarray:
    exp = np.exp(logits - logits.max(-1, keepdims=True))
    return np.asarray(exp / exp.sum(-1, keepdims=True))


# against transformers -------------------------------------------------------------------------------


@pytest.mark.parametrize(("seed", "kind"), list(enumerate(KINDS)))
def test_equals_the_pipeline_of_transformers(
    make_checkpoint: Maker, sentences: list[str], seed: int, kind: dict[str, Any]
) -> None:
    pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    folder = make_checkpoint(seed=seed, **kind)
    pipeline = transformers.pipeline("text-classification", str(folder), device="cpu")
    classifier = load(folder, "text-classification")
    texts: list[Any] = [*sentences[:4], "", "🤖 naïve café", " ".join(sentences[:12])]
    texts += [("short", "🤖"), (" ".join(sentences[40:50]), "short"), ("short", " ".join(sentences[40:50]))]
    functions: list[Any] = ["softmax", "sigmoid", "none"]
    for function in (None, *functions):
        chosen = texts if function is None else texts[:2]
        options = {"function_to_apply": function} if function else {}
        for text, found in zip(chosen, classifier(chosen, top_k=None, function=function), strict=True):
            asked = {"text": text[0], "text_pair": text[1]} if isinstance(text, tuple) else text
            expected = pipeline(asked, truncation=True, max_length=128, top_k=None, **options)
            scores = {each["label"]: each["score"] for each in expected}
            assert {each.label for each in found} == scores.keys()
            assert [each.score for each in found] == pytest.approx([scores[each.label] for each in found], abs=1e-5)
            assert classifier(text, function=function).label == expected[0]["label"]


# labels and scores ----------------------------------------------------------------------------------


def test_the_score_is_worked_out_from_the_logits(classifier: TextClassifier, sentences: list[str]) -> None:
    logits = classifier.logits(sentences[:30])
    assert np.ptp(logits) > 0.1
    for row, best in zip(logits, classifier(sentences[:30]), strict=True):
        assert best.label == ("bad", "fair", "good")[row.argmax()]
        assert best.score == pytest.approx(softmax(row).max(), abs=1e-6)


def test_one_text_and_several(classifier: TextClassifier, sentences: list[str]) -> None:
    one = classifier(TEXT)
    assert isinstance(one, Classification)
    assert one.to_dict() == {"label": one.label, "score": one.score, "tokens": one.tokens, "truncated": False}
    assert json.loads(json.dumps(one.to_dict()))["tokens"] == len(classifier.tokenizer.encode(TEXT))
    assert classifier([TEXT]) == [one]
    assert classifier([]) == []
    assert [each.label for each in classifier(TEXT, top_k=3)] == [each.label for each in classifier([TEXT], top_k=3)[0]]
    together = classifier(sentences[:50])
    for place in (0, 7, 49):
        assert classifier(sentences[place]).score == pytest.approx(together[place].score, abs=1e-6)


def test_top_k(classifier: TextClassifier) -> None:
    every = classifier(TEXT, top_k=None)
    assert sorted(each.label for each in every) == ["bad", "fair", "good"]
    assert [each.score for each in every] == sorted((each.score for each in every), reverse=True)
    assert sum(each.score for each in every) == pytest.approx(1, abs=1e-6)
    assert classifier(TEXT, top_k=2) == every[:2]
    assert classifier(TEXT, top_k=99) == every
    assert classifier(TEXT, top_k=1) == every[0]


def test_equal_scores_stay_in_the_order_of_the_labels(classifier: TextClassifier) -> None:
    Spy(classifier).run = lambda batch: np.zeros((batch.size, 3), np.float32)  # type: ignore[method-assign]
    assert [each.label for each in classifier(TEXT, top_k=None)] == ["bad", "fair", "good"]
    assert classifier(TEXT).label == "bad"


def test_a_text_with_no_label_over_the_threshold_gives_an_empty_list(
    tagger: TextClassifier, sentences: list[str]
) -> None:
    scores = 1 / (1 + np.exp(-tagger.logits(sentences[:40])))
    threshold = float(np.quantile(scores.max(-1), 0.2))
    found = tagger(sentences[:40], threshold=threshold)
    assert len(found) == 40
    assert [] in found
    assert max(map(len, found)) > 1
    for row, labels in zip(scores, found, strict=True):
        assert {each.label for each in labels} == {f"LABEL_{index}" for index in np.flatnonzero(row >= threshold)}
        assert [each.score for each in labels] == sorted((each.score for each in labels), reverse=True)
    assert tagger(sentences[:40], threshold=threshold, top_k=2) == [labels[:2] for labels in found]
    assert tagger(sentences[0], threshold=1) == []
    assert len(tagger(sentences[0], threshold=0)) == 4


@pytest.mark.parametrize("threshold", [1.5, -0.1, 100])
def test_a_threshold_that_no_score_can_have_is_refused(classifier: TextClassifier, threshold: float) -> None:
    message = f"^threshold must be from 0 to 1, as scores of the s[a-z]+ are, not {threshold:g}$"
    for function in (None, "sigmoid", "softmax"):
        with pytest.raises(InputError, match=message):
            classifier(TEXT, threshold=threshold, function=function)
        with pytest.raises(InputError, match=message):
            classifier.stream([TEXT], threshold=threshold, function=function)
    classifier(TEXT, threshold=threshold, function="none")


def test_a_threshold_is_met_by_a_score_that_equals_it(classifier: TextClassifier) -> None:
    best = classifier(TEXT)
    assert classifier(TEXT, threshold=best.score) == [best]
    assert classifier(TEXT, threshold=math.nextafter(best.score, 1)) == []


def test_pairs(classifier: TextClassifier) -> None:
    pair = ("where is the love ?", "it is a war film")
    result = classifier(pair)
    assert result.tokens == 3 + 5 + 5
    assert classifier(["a", pair, "b"])[1].score == pytest.approx(result.score, abs=1e-6)
    swapped = classifier((pair[1], pair[0]))
    assert abs(swapped.score - result.score) > 1e-3


def test_a_regression_gives_the_value_itself(make_checkpoint: Maker, sentences: list[str]) -> None:
    regressor = load(make_checkpoint(num_labels=1, problem_type="regression"), "text-classification")
    logits = regressor.logits(sentences[:20])
    assert [each.score for each in regressor(sentences[:20])] == logits[:, 0].tolist()
    assert logits.min() < 0 or logits.max() > 1


# long texts -----------------------------------------------------------------------------------------


def test_a_text_that_just_fits_and_one_that_does_not(classifier: TextClassifier) -> None:
    fits, long = classifier([" ".join(words(ROOM)), " ".join(words(ROOM + 1))])
    assert (fits.tokens, fits.truncated) == (128, False)
    assert (long.tokens, long.truncated) == (128, True)
    assert long.score == pytest.approx(fits.score, abs=1e-6)
    assert classifier(" ".join(words(ROOM)), long_text="error").truncated is False


def test_windows_are_the_mean_weighted_by_their_tokens(classifier: TextClassifier) -> None:
    text = words(2 * ROOM + 40)
    parts = [text[:ROOM], text[ROOM : 2 * ROOM], text[2 * ROOM :]]
    a, b, c = (classifier.logits(" ".join(part), long_text="error") for part in parts)
    expected = (128 * a + 128 * b + 42 * c) / (128 + 128 + 42)
    np.testing.assert_allclose(classifier.logits(" ".join(text), long_text="window"), expected, atol=1e-6)
    result = classifier(" ".join(text), long_text="window", top_k=None)
    assert [each.score for each in result] == pytest.approx(sorted(softmax(expected).tolist(), reverse=True), abs=1e-6)
    assert {(each.tokens, each.truncated) for each in result} == {(298, False)}
    short = classifier([TEXT, " ".join(text)], long_text="window")[0]
    assert short.score == pytest.approx(classifier(TEXT).score, abs=1e-6)


def test_windows_over_a_pair_have_the_first_text_whole(classifier: TextClassifier) -> None:
    question, context = words(10), words(200)
    room = 128 - 3 - 10
    parts = [context[:room], context[room:]]
    a, b = (classifier.logits((" ".join(question), " ".join(part)), long_text="error") for part in parts)
    expected = (128 * a + (13 + len(parts[1])) * b) / (128 + 13 + len(parts[1]))
    found = classifier.logits((" ".join(question), " ".join(context)), long_text="window")
    np.testing.assert_allclose(found, expected, atol=1e-6)
    cut = classifier((" ".join(question), " ".join(context)))
    assert (cut.tokens, cut.truncated) == (128, True)


def test_long_texts_as_errors_name_place_and_limit(classifier: TextClassifier) -> None:
    with pytest.raises(InputError, match=r"text 2 is longer than the 128 tokens .* long_text=\"truncate\" or \"win"):
        classifier([TEXT, TEXT, " ".join(words(127)), TEXT], long_text="error")
    small = load(classifier.model.folder, "text-classification", max_batch_tokens=1)
    with pytest.raises(InputError, match="text 57 is longer"):  # far beyond the first chunk
        list(small.stream([TEXT] * 57 + [" ".join(words(127))], long_text="error"))
    with pytest.raises(InputError, match="text 57 must be a string or a pair of strings, not NoneType"):
        list(small.stream([TEXT] * 57 + [None]))  # type: ignore[list-item]


# order and neighbours -------------------------------------------------------------------------------

STEADY: list[TextClassifier] = []


@pytest.fixture(autouse=True)
def _steady(classifier: TextClassifier) -> None:
    STEADY[:] = [classifier]


@settings(max_examples=25)
@given(st.lists(st.sampled_from([TEXT, "", "war", " ".join(words(60)), " ".join(words(140)), ("love", "war")])))
def test_a_result_belongs_to_its_text_whatever_stands_beside_it(texts: list[Any]) -> None:
    for text, result in zip(texts, STEADY[0](texts), strict=True):
        alone = STEADY[0](text)
        assert (result.label, result.tokens, result.truncated) == (alone.label, alone.tokens, alone.truncated)
        assert result.score == pytest.approx(alone.score, abs=1e-6)


def test_threads_may_share_a_task(classifier: TextClassifier, sentences: list[str]) -> None:
    expected = classifier.logits(sentences[:100])
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda place: classifier.logits(sentences[place : place + 25]), [0, 25, 50, 75] * 4))
    for each in range(4):
        np.testing.assert_allclose(np.concatenate(found[4 * each : 4 * each + 4]), expected, atol=1e-6)


def test_every_language(classifier: TextClassifier) -> None:
    lines = (DATA / "udhr.tsv").read_text(encoding="utf-8").splitlines()
    results = classifier([line.split("\t")[1] for line in lines], long_text="window")
    assert len(results) > 90
    assert all(0 < result.score <= 1 and not result.truncated for result in results)


# streams --------------------------------------------------------------------------------------------


def test_logits(classifier: TextClassifier, sentences: list[str]) -> None:
    assert classifier.logits(TEXT).shape == (3,)
    assert classifier.logits(("a", "b")).shape == (3,)
    assert classifier.logits([TEXT]).shape == (1, 3)
    assert classifier.logits(text for text in sentences[:7]).shape == (7, 3)
    empty = classifier.logits([])
    assert (empty.shape, empty.dtype) == ((0, 3), np.float32)


def test_only_the_first_row_of_a_text_is_read(classifier: TextClassifier, sentences: list[str]) -> None:
    spy = Spy(classifier)
    classifier(sentences[:30])
    assert spy.rows == 30


# what cannot be -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (3, "give a string, a pair of strings or a list of them, not int"),
        (None, "not NoneType"),
        (b"bytes", "not bytes"),
        ({"text": "a", "text_pair": "b"}, "not dict"),
        (["a", 3], "text 1 must be a string or a pair of strings, not int"),
        (["a", None], "text 1 must be a string or a pair of strings, not NoneType"),
        ([b"a"], "text 0 must be a string or a pair of strings, not bytes"),
        (["a", ["a", "b"]], "text 1 must be a string or a pair of strings, not list"),
        ([["a"]], "text 0 must be a string or a pair of strings, not list"),
        ([{"text": "a"}], "text 0 must be a string or a pair of strings, not dict"),
        ([("a",)], "text 0 must be a string or a pair of strings, not tuple of 1"),
        ([("a", "b", "c")], "text 0 must be a string or a pair of strings, not tuple of 3"),
        ([("a", 1)], "text 0 must be a string or a pair of strings, not tuple of 2"),
        (("a", "b", "c"), "text 0 must be a string or a pair of strings, not tuple of 3"),
        (np.array([["a", "b"]]), "text 0 must be a string or a pair of strings, not ndarray"),
        ([float("nan")], "text 0 must be a string or a pair of strings, not float"),
    ],
)
def test_wrong_texts(classifier: TextClassifier, texts: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        classifier(texts)
    with pytest.raises(InputError, match=message):
        classifier.logits(texts)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"top_k": 0}, "top_k must be at least 1, or None, not 0"),
        ({"top_k": -1}, "top_k must be"),
        ({"top_k": 1.0}, "top_k must be"),
        ({"top_k": True}, "top_k must be"),
        ({"top_k": "all"}, "top_k must be"),
        ({"threshold": "high"}, "threshold must be a number, or None, not 'high'"),
        ({"threshold": math.nan}, "threshold must be a number"),
        ({"function": "relu"}, "function must be 'softmax', 'sigmoid' or 'none', or None, not 'relu'"),
        ({"long_text": "cut"}, "long_text must be 'truncate', 'window' or 'error', not 'cut'"),
    ],
)
def test_wrong_options(classifier: TextClassifier, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        classifier(TEXT, **options)
    with pytest.raises(InputError, match=message):
        next(classifier.stream([TEXT], **options))


def test_other_models(make_checkpoint: Maker) -> None:
    folder: Path = make_checkpoint(Head.MASKED_LM)
    with pytest.raises(CheckpointError, match="'text-classification' needs a DistilBertForSequenceClassification"):
        load(folder, "text-classification")
