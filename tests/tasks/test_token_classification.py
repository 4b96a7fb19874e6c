import itertools
from collections.abc import Callable

import numpy as np
import pytest

from conftest import Maker
from distilbert import Entity, InputError, TokenClassifier, load
from distilbert.folder.checkpoint import Head
from distilbert.tasks.token_classification import Aggregation
from helpers.taggers import AGGREGATIONS, IOB, assert_same, found, id2label

# --- against Transformers ---------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_equals_transformers(make_checkpoint: Maker, sentences: list[str], seed: int) -> None:
    """Labels, places and scores of the pipeline, for IOB labels and bare ones, in every aggregation."""
    transformers = pytest.importorskip("transformers")
    labels = IOB if seed % 2 else ("O", "NOUN", "VERB", "LABEL_3")
    folder = make_checkpoint(Head.TOKEN_CLASSIFICATION, seed=seed, id2label=id2label(labels))
    texts = [*sentences[seed * 4 : seed * 4 + 4], "Zoë über São Paulo, naïve 東京 U.S. 3-0!"]
    ours = load(folder)
    pipeline = transformers.pipeline("token-classification", model=str(folder), tokenizer=str(folder), device="cpu")
    for aggregation in AGGREGATIONS:
        ignored = ["O"] if aggregation == "first" else []
        theirs = pipeline(texts, aggregation_strategy=aggregation, ignore_labels=ignored)
        key = "entity" if aggregation == "none" else "entity_group"
        for text, mine, expected in zip(texts, ours(texts, aggregation=aggregation, ignore_labels=ignored), theirs):
            converted = [
                Entity(e[key], text[e["start"] : e["end"]], e["start"], e["end"], float(e["score"])) for e in expected
            ]
            assert_same(mine, converted)


def test_words_equal_transformers_where_no_word_is_split(make_checkpoint: Maker, sentences: list[str]) -> None:
    transformers = pytest.importorskip("transformers")
    folder = make_checkpoint(Head.TOKEN_CLASSIFICATION, id2label=id2label(IOB))
    pipeline = transformers.pipeline("token-classification", model=str(folder), tokenizer=str(folder), device="cpu")
    texts = [[word for word in text.split() if word.isalpha()] for text in sentences[:20]]
    for aggregation in ("first", "average", "max"):
        for words, mine in zip(texts, load(folder).from_words(texts, aggregation=aggregation)):
            theirs = pipeline([words], aggregation_strategy=aggregation, is_split_into_words=True)[0]
            text = " ".join(words)
            assert [(e.label, e.text) for e in mine] == [
                (e["entity_group"], text[e["start"] : e["end"]]) for e in theirs
            ]
            np.testing.assert_allclose([e.score for e in mine], [e["score"] for e in theirs], rtol=0, atol=1e-5)


def test_logits_equal_transformers(make_checkpoint: Maker, sentences: list[str]) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    folder = make_checkpoint(Head.TOKEN_CLASSIFICATION, id2label=id2label(IOB))
    model = transformers.DistilBertForTokenClassification.from_pretrained(folder)
    ours = load(folder)
    for text, logits in zip(sentences[:10], ours.logits(sentences[:10])):
        with torch.no_grad():
            expected = model(torch.tensor(ours.tokenizer.encode(text).ids)[None]).logits[0].numpy()
        np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


# --- labels -----------------------------------------------------------------------------------------


def test_rust_bert_fault_4_labels_of_any_scheme_give_results(dictate: Callable[..., TokenClassifier]) -> None:
    schemes = {
        ("O", "B-PER", "I-PER", "E-PER", "S-PER"): ("B-PER", "E-PER", "S-PER"),
        ("O", "B-PER", "I-PER", "L-PER", "U-PER"): ("B-PER", "L-PER", "U-PER"),
        ("O", "B-PER", "I-PER"): ("B-PER", "I-PER", "B-PER"),
        ("o", "b-PER", "i-PER"): ("b-PER", "i-PER", "b-PER"),
    }
    for labels, (begin, end, single) in schemes.items():
        task = dictate(labels, {"king": begin, "john": end, "mary": single})
        assert found(task("king john mary met king john .", ignore_labels=("O", "o"))) == [
            ("PER", "king john"),
            ("PER", "mary"),
            ("PER", "king john"),
        ]


def test_tf_30028_an_entity_of_type_o_is_not_lost(dictate: Callable[..., TokenClassifier]) -> None:
    task = dictate(("O", "B-O", "I-O"), {"king": "B-O", "john": "I-O"})
    assert found(task("the king john fell")) == [("O", "king john")]
    assert found(task("the king john fell", ignore_labels=())) == [("O", "the"), ("O", "king john"), ("O", "fell")]
    assert task("the king john fell", ignore_labels=("O", "B-O")) == []


def test_tf_23322_words_with_marks_inside_stay_whole_as_words(dictate: Callable[..., TokenClassifier]) -> None:
    task = dictate(("O", "B-SUM", "I-SUM"), {"5": "B-SUM", ".": "B-SUM", "97": "O", ",": "B-SUM", "4": "B-SUM"})
    assert found(task.from_words([["total", "5.97,4", "paid"]])[0]) == [("SUM", "5.97,4")]


@pytest.mark.parametrize(
    ("aggregation", "expected"),
    [
        ("simple", [("PER", "love"), ("LOC", "ly")]),
        ("first", [("PER", "lovely")]),
        ("average", [("LOC", "lovely")]),
        ("max", [("LOC", "lovely")]),
    ],
)
def test_tf_27876_and_12593_words_are_labelled_whole(
    dictate: Callable[..., TokenClassifier], aggregation: Aggregation, expected: list[tuple[str, str]]
) -> None:
    task = dictate(IOB, {"love": {"B-PER": 0.5, "B-LOC": 0.3}, "##ly": {"I-LOC": 0.1, "B-LOC": 0.8}})
    assert [task.tokenizer.token(int(i)) for i in task.tokenizer.encode("lovely").ids[1:-1]] == ["love", "##ly"]
    assert found(task("a lovely", aggregation=aggregation)) == expected


def test_bare_labels_keep_their_hyphens(dictate: Callable[..., TokenClassifier]) -> None:
    task = dictate(("O", "PER-FIRST", "E-mail", "phone"), {"john": "PER-FIRST", "king": "E-mail"})
    assert found(task("king john king")) == [("E-mail", "king"), ("PER-FIRST", "john"), ("E-mail", "king")]


def test_tf_3058_accents_that_the_tokenizer_strips_belong_to_the_word(dictate: Callable[..., TokenClassifier]) -> None:
    """Transformers takes "é" of two characters for a subword, and ends the entity before the accent."""
    task = dictate(IOB, {"jose": "B-PER", "e": "B-LOC"})
    text = "e\u0301 Jose\u0301 met Jose\u0301"
    for aggregation in AGGREGATIONS[1:]:
        entities = task(text, aggregation=aggregation)
        assert found(entities) == [("LOC", "e\u0301"), ("PER", "Jose\u0301"), ("PER", "Jose\u0301")]


@pytest.mark.parametrize(
    "labels", [("",), ("O",), ("-", "I-", "B-"), ("B", "I", "O"), ("B-", "O-", "--"), ("I-X", "x")]
)
def test_odd_labels_never_crash(make_checkpoint: Maker, labels: tuple[str, ...], sentences: list[str]) -> None:
    task = load(make_checkpoint(Head.TOKEN_CLASSIFICATION, id2label=id2label(labels)))
    for aggregation, valid in itertools.product(AGGREGATIONS, (False, True, "IOB1")):
        for text, entities in zip(
            sentences[:3], task(sentences[:3], aggregation=aggregation, valid_sequences=valid, ignore_labels=())
        ):
            assert [e.start for e in entities] == sorted(e.start for e in entities)
            assert all(e.text == text[e.start : e.end] for e in entities)


def test_valid_sequences_repair_what_single_tokens_get_wrong(dictate: Callable[..., TokenClassifier]) -> None:
    task = dictate(IOB, {"king": {"B-PER": 0.6, "B-LOC": 0.4}, "john": {"I-LOC": 0.9, "I-PER": 0.05}})
    assert found(task("the king john fell", aggregation="none")) == [("B-PER", "king"), ("I-LOC", "john")]
    repaired = task("the king john fell", valid_sequences=True)
    assert found(repaired) == [("LOC", "king john")]
    assert repaired[0].score == pytest.approx((0.4 + 0.9) / 2, abs=1e-5)


def test_iob1_is_a_scheme_of_its_own(dictate: Callable[..., TokenClassifier]) -> None:
    task = dictate(IOB, {"king": {"I-PER": 0.9, "B-PER": 0.09}, "john": "B-PER"})
    text = "king john met king"
    assert found(task(text, valid_sequences="IOB1")) == found(task(text))
    assert [e.label for e in task(text, aggregation="none", valid_sequences=True)] == ["B-PER", "B-PER", "B-PER"]


# --- words ------------------------------------------------------------------------------------------


def test_words_count_words(dictate: Callable[..., TokenClassifier]) -> None:
    task = dictate(IOB, {"new": "B-LOC", "york": "I-LOC", "john": "B-PER"})
    words = [["", "New", "\u200b", "York", "and", "John"], ["john"], []]
    assert task.from_words(words)[0] == [
        Entity("LOC", "New \u200b York", 1, 4, pytest.approx(0.999, abs=1e-5)),
        Entity("PER", "John", 5, 6, pytest.approx(0.999, abs=1e-5)),
    ]
    assert [len(entities) for entities in task.from_words(words)] == [2, 1, 0]


def test_each_word_has_one_label_at_most(tagger: TokenClassifier, sentences: list[str]) -> None:
    texts = [text.split() for text in sentences[:10]]
    for aggregation in AGGREGATIONS:
        for words, entities in zip(texts, tagger.from_words(texts, aggregation=aggregation, ignore_labels=())):
            covered = [index for e in entities for index in range(e.start, e.end)]
            assert covered == list(range(len(words)))
            assert all(e.text == " ".join(words[e.start : e.end]) for e in entities)


# --- the call ---------------------------------------------------------------------------------------


def test_a_list_gives_a_list(tagger: TokenClassifier) -> None:
    assert tagger([]) == []
    assert tagger.from_words([]) == []
    assert tagger.logits([]) == []
    assert tagger(["one film"]) == [tagger("one film")]
    assert tagger(("one film", "two")) == [tagger("one film"), tagger("two")]
    assert [logits.shape for logits in tagger.logits("one film")] == [(4, 5)]
    assert tagger("one film", ignore_labels=())[0].to_dict().keys() == {"label", "text", "start", "end", "score"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"texts": 3}, "give a string or a list of them, not int"),
        ({"texts": b"bytes"}, "give a string or a list of them, not bytes"),
        ({"texts": ["a", None]}, "text 1 must be a string, not NoneType"),
        ({"texts": "a", "aggregation": "mean"}, "aggregation must be"),
        ({"texts": "a", "ignore_labels": "O"}, "ignore_labels must be a list of labels, not 'O'"),
        ({"texts": "a", "ignore_labels": None}, "ignore_labels must be a list of labels, not None"),
        ({"texts": "a", "valid_sequences": "IOB2"}, "valid_sequences must be True, False or 'IOB1'"),
        ({"texts": "a", "stride": 126}, "stride must be below 126"),
        ({"texts": "a", "stride": -1}, "stride must be at least 0"),
        ({"texts": "a", "long_text": "cut"}, "long_text must be"),
    ],
)
def test_wrong_arguments_are_named(tagger: TokenClassifier, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        tagger(**arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("texts", ["a string", [["a"], "b"], [["a", 1]], [[["a"]]], 5])
def test_wrong_words_are_named(tagger: TokenClassifier, texts: object) -> None:
    with pytest.raises(InputError, match=r"must be a list of words|give a list or another iterable of lists of words"):
        tagger.from_words(texts)  # type: ignore[arg-type]
