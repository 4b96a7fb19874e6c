import itertools
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import Maker, random_weights, small_config
from distilbert import CheckpointError, Classification, InputError, LabelWarning, ZeroShotClassifier, load
from distilbert.folder.checkpoint import Head, save_checkpoint
from distilbert.tasks.numbers import logistic, softmax
from helpers.spy import Spy

MNLI = {"0": "contradiction", "1": "neutral", "2": "entailment"}
TEXT = "one of the best films of the year , and a very moving story about love and death"
LABELS = ["love", "politics", "a film about war", "music"]


def named(folder: Path) -> ZeroShotClassifier:
    task = load(folder, "zero-shot-classification")
    assert isinstance(task, ZeroShotClassifier)
    return task


def scores(results: list[Classification]) -> dict[str, float]:
    return {each.label: each.score for each in results}


@pytest.fixture
def classifier(make_checkpoint: Maker) -> ZeroShotClassifier:
    return named(make_checkpoint(id2label=MNLI))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "names", [("contradiction", "neutral", "entailment"), ("Entailment", "Neutral", "Contradiction")]
)
def test_equals_transformers(make_checkpoint: Maker, sentences: list[str], seed: int, names: tuple[str, ...]) -> None:
    transformers = pytest.importorskip("transformers")
    folder = make_checkpoint(seed=seed, id2label=dict(enumerate(names)))
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, model_max_length=128)
    pipeline = transformers.pipeline("zero-shot-classification", model=str(folder), tokenizer=tokenizer, device="cpu")
    classifier = named(folder)
    texts = [*sentences[seed * 2 : seed * 2 + 2], " ".join(sentences[:20])]
    for options in ({}, {"multi_label": True}, {"hypothesis_template": "Is it about {}? {{!}}"}):
        for labels in (LABELS, "love, politics ,music,", ["love"]):
            expected = pipeline(texts, labels, **options)
            for ours, theirs in zip(classifier(texts, labels, **options), expected, strict=True):
                assert scores(ours) == pytest.approx(
                    dict(zip(theirs["labels"], theirs["scores"], strict=True)), abs=1e-5
                )
                assert [each.score for each in ours] == sorted((each.score for each in ours), reverse=True)


# labels of the model --------------------------------------------------------------------------------


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_entailment_and_contradiction_are_found_by_name(make_checkpoint: Maker, order: tuple[int, ...]) -> None:
    """rust-bert hard-codes which logit is entailment (PEERS, fault 3); Transformers, which is contradiction."""
    straight = make_checkpoint(id2label=MNLI)
    config = small_config(id2label={str(place): MNLI[str(old)].upper() for place, old in enumerate(order)})
    weights = random_weights(config, Head.SEQUENCE_CLASSIFICATION)
    for name in ("classifier.weight", "classifier.bias"):
        weights[name] = weights[name][list(order)]
    turned = make_checkpoint(name="turned", id2label=MNLI)
    save_checkpoint(turned, config, weights)
    for multi_label in (False, True):
        ours = named(turned)(TEXT, LABELS, multi_label=multi_label)
        expected = named(straight)(TEXT, LABELS, multi_label=multi_label)
        assert [each.label for each in ours] == [each.label for each in expected]
        assert [each.score for each in ours] == pytest.approx([each.score for each in expected], abs=1e-6)


@pytest.mark.parametrize(
    ("labels", "entailment", "contradiction"),
    [
        (["entailment", "not_entailment"], 0, 1),
        (["not_entailment", "entailment"], 1, 0),
        (["non-entailment", "Entailed"], 1, 0),
        (["no_entailment", "LABEL: entail"], 1, 0),
        (["CONTRADICTS", "ENTAILS", "UNKNOWN"], 1, 0),
        (["neutral", "entailment", "other"], 1, None),
    ],
)
def test_names_of_labels(make_checkpoint: Maker, labels: list[str], entailment: int, contradiction: int | None) -> None:
    classifier = named(make_checkpoint(id2label=dict(enumerate(labels))))
    assert (classifier.entailment, classifier.contradiction) == (entailment, contradiction)


def test_two_labels_need_no_contradiction_by_name(make_checkpoint: Maker) -> None:
    classifier = named(make_checkpoint(id2label={"0": "entailment", "1": "not_entailment"}))
    logits = classifier.logits(TEXT, LABELS)
    expected = softmax(logits)[:, 0]
    results = scores(classifier(TEXT, LABELS, multi_label=True))
    assert [results[label] for label in LABELS] == pytest.approx(expected.tolist(), abs=1e-6)


@pytest.mark.parametrize(
    "labels", [["negative", "positive"], ["LABEL_0", "LABEL_1", "LABEL_2"], ["entail", "entailment"]]
)
def test_a_model_of_something_else(make_checkpoint: Maker, labels: list[str]) -> None:
    classifier = named(make_checkpoint(id2label=dict(enumerate(labels))))
    message = f"one label for entailment; .* names {', '.join(labels)}; .* say which: entailment="
    with pytest.raises(CheckpointError, match=message):
        classifier(TEXT, LABELS)


@pytest.mark.parametrize("label", ["LABEL_2", "2"])
def test_entailment_that_no_name_says(make_checkpoint: Maker, label: str) -> None:
    by_name = named(make_checkpoint(id2label=MNLI))
    unnamed = named(make_checkpoint(id2label={index: f"LABEL_{index}" for index in MNLI}))
    assert unnamed(TEXT, LABELS, entailment=label) == by_name(TEXT, LABELS)
    assert list(unnamed.stream([TEXT], LABELS, entailment=label)) == [by_name(TEXT, LABELS)]
    with pytest.raises(InputError, match="needs a model with a label for contradiction"):
        unnamed(TEXT, LABELS, entailment=label, multi_label=True)
    other_words = named(make_checkpoint(id2label={"0": "nein", "1": "ja"}))
    two = named(make_checkpoint(id2label={"0": "contradiction", "1": "entailment"}))
    assert other_words(TEXT, LABELS, entailment="ja", multi_label=True) == two(TEXT, LABELS, multi_label=True)
    for wrong in ("3", "-1", "ENTAILMENT", ""):
        with pytest.raises(InputError, match="entailment must be one of LABEL_0, LABEL_1, LABEL_2, or its number"):
            unnamed(TEXT, LABELS, entailment=wrong)


def test_no_contradiction(make_checkpoint: Maker) -> None:
    classifier = named(make_checkpoint(id2label={"0": "neutral", "1": "entailment", "2": "other"}))
    assert len(classifier(TEXT, LABELS)) == 4
    for options in ({"labels": LABELS, "multi_label": True}, {"labels": "love"}):
        with pytest.raises(InputError, match="a label for contradiction; this one has neutral, entailment, other"):
            classifier(TEXT, **options)


# the caller's labels and template -------------------------------------------------------------------


@pytest.mark.parametrize(
    "template", ["", "This example.", "{} and {}", "{0}", "{label}", "{:>9}", "{!r}", "{", "}", "{{}}", "{}}", None, 3]
)
def test_a_template_without_one_place(classifier: ZeroShotClassifier, template: str) -> None:
    with pytest.raises(InputError, match=r"hypothesis_template must hold one \{\}"):
        classifier(TEXT, LABELS, hypothesis_template=template)


def test_a_template_with_braces(classifier: ZeroShotClassifier) -> None:
    spy = Spy(classifier)
    classifier("a film", ["love {}"], hypothesis_template="{{ {} }}")
    assert classifier.tokenizer.decode(spy.batches[0].ids, skip_special_tokens=False) == (
        "[CLS] a film [SEP] { love { } } [SEP]"
    )


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([], "at least one label"),
        (" , ,", "at least one label"),
        (["love", ""], "label 1 must be a string that is not blank, not ''"),
        (["love", 3], "label 1 must be a string that is not blank, not 3"),
        (["love", "war", "love"], "label 'love' is given twice"),
        (None, "give a string or a list of them, not NoneType"),
        (["film " * 200], "label 'film .* makes a hypothesis of 204 tokens"),
        (["film " * 121], "leaves no room for a text"),
    ],
)
def test_wrong_labels(classifier: ZeroShotClassifier, labels: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        classifier(TEXT, labels)


@pytest.mark.parametrize("head", [Head.SEQUENCE_CLASSIFICATION, Head.NONE])  # of inference, and by similarity
def test_labels_of_which_the_vocabulary_knows_nothing_are_named(make_checkpoint: Maker, head: Head) -> None:
    classifier = named(make_checkpoint(head, id2label=MNLI))
    with pytest.warns(LabelWarning, match="knows nothing of labels \U0001f600, \U0001f680; the scores") as warned:
        classifier([TEXT, "a story"], ["love", "\U0001f600", "\U0001f680", "love \U0001f600"])
    assert [Path(each.filename) for each in warned] == [Path(__file__)]


def test_labels_as_one_string(classifier: ZeroShotClassifier) -> None:
    assert classifier(TEXT, "love, a film about war ,music") == classifier(TEXT, ["love", "a film about war", "music"])


@settings(max_examples=30)
@given(labels=st.permutations(LABELS), multi_label=st.booleans())
def test_the_order_of_labels_does_not_matter(
    classifier: ZeroShotClassifier, labels: list[str], multi_label: bool
) -> None:
    ours = classifier(TEXT, labels, multi_label=multi_label)
    expected = classifier(TEXT, LABELS, multi_label=multi_label)
    assert scores(ours) == pytest.approx(scores(expected), abs=1e-6)
    assert sum(each.score for each in ours) == pytest.approx(1, abs=1e-5) or multi_label


# batches, memory, long texts ------------------------------------------------------------------------


def test_labels_and_texts_are_batched_together_without_padding_tf24005(
    classifier: ZeroShotClassifier, sentences: list[str]
) -> None:
    spy = Spy(classifier)
    texts = sentences[:20]
    classifier(texts, LABELS)
    tokens = sum(len(classifier.tokenizer.encode(t, f"This example is {label}.")) for t in texts for label in LABELS)
    assert sum(len(batch.ids) for batch in spy.batches) == tokens
    assert len(spy.batches) <= tokens / 1024 * 1.2 + 1


def test_memory_stays_small_with_thousands_of_labels_tf24873(classifier: ZeroShotClassifier) -> None:
    spy = Spy(classifier)
    classifier(TEXT, LABELS)  # what is made once
    labels = [f"label {number}" for number in range(2000)]
    tracemalloc.start()
    results = classifier(TEXT * 2, labels)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(results) == 2000
    assert sum(each.score for each in results) == pytest.approx(1, abs=1e-4)
    assert spy.most_tokens <= 1024
    assert peak < 6e6


def test_logits(classifier: ZeroShotClassifier, sentences: list[str]) -> None:
    logits = classifier.logits(sentences[:5], LABELS)
    assert (logits.shape, logits.dtype) == ((5, 4, 3), np.float32)
    np.testing.assert_allclose(classifier.logits(sentences[3], LABELS), logits[3], atol=1e-5)
    assert classifier.logits([], LABELS).shape == (0, 4, 3)
    with pytest.raises(InputError, match="long_text"):
        classifier.logits(TEXT, LABELS, long_text="cut")


def test_only_the_text_is_cut(classifier: ZeroShotClassifier) -> None:
    spy = Spy(classifier)
    label = "politics " * 80
    (short, *_), (long, *_) = classifier(["a film", "film " * 300], [label])
    assert (short.truncated, short.tokens) == (False, 89)
    assert (long.truncated, long.tokens) == (True, 128)
    hypothesis = classifier.tokenizer.encode(f"This example is {label}.").ids[1:]
    for batch in spy.batches:
        for start, length in zip(batch.starts, batch.lengths, strict=True):
            np.testing.assert_array_equal(batch.ids[start : start + length][-len(hypothesis) :], hypothesis)


def test_windows_over_the_text(classifier: ZeroShotClassifier) -> None:
    words = ["film"] * 130 + ["love"] * 100
    text, label = " ".join(words), "music"
    room = 128 - 3 - 5  # special tokens, and "this example is music ."
    parts = [words[place : place + room] for place in range(0, len(words), room)]
    expected = np.average(
        [classifier.logits(" ".join(part), [label], long_text="error")[0] for part in parts],
        axis=0,
        weights=[len(part) + 8 for part in parts],
    )
    np.testing.assert_allclose(classifier.logits(text, [label], long_text="window")[0], expected, atol=1e-5)
    (result,) = classifier(text, [label], long_text="window")
    assert (result.truncated, result.tokens) == (False, 230 + 8 * 2)
    assert result.score == pytest.approx(float(logistic(expected[2] - expected[0])), abs=1e-5)


@pytest.mark.parametrize(
    "other",
    ["no entailment", "NO-ENTAIL", "un-entailment", "not_entailment", "Non-Entailment", "unentailed"],
)
def test_negated_names_are_not_entailment(other: str, make_checkpoint: Maker) -> None:
    classifier = load(make_checkpoint(id2label={"0": other, "1": "entailment"}), "zero-shot-classification")
    assert (classifier.entailment, classifier.contradiction) == (1, 0)
